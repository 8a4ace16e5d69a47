//! The limit to compare with: what it takes to look at each byte once, for line breaks and keys.
//!
//! Nothing of kspan calls it but `bench`: a program that reads JSON can be no faster than this.

/// Counts the lines that end in `bytes`, and the keys: colons that follow a quote.
#[must_use]
pub fn lines_and_keys(bytes: &[u8]) -> (u32, u32) {
    let (mut lines, mut keys) = (0, 0);
    for at in memchr::memchr2_iter(b'\n', b':', bytes) {
        if bytes[at] == b'\n' {
            lines += 1;
        } else if at > 0 && bytes[at - 1] == b'"' {
            keys += 1;
        }
    }
    (lines, keys)
}

#[cfg(test)]
mod tests {
    use super::lines_and_keys;

    #[test]
    fn colons_of_values_are_no_keys() {
        assert_eq!(lines_and_keys(b":{\"a\":{\"at\":\"10:30\"}}\n\n{\"b\":1}"), (2, 3));
    }
}
