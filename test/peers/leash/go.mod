module kspan.test/leash

go 1.26
