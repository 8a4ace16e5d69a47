//! Compiles the table of causality (`rules/*.yaml`) in, as JSON. A row that is wrong fails the build
//! with its file and id. The schema is in `rules/README.md`. Also tells the crate which build it is.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs};

use read::{check_rows, read_row};
use serde_yaml_ng::Value as Yaml;
use value::{Fields, Value};

#[path = "src/rules/read.rs"]
#[expect(dead_code, reason = "the crate looks at samples")]
mod read;
#[path = "src/rules/rule.rs"]
#[expect(dead_code, reason = "it is for the crate")]
mod rule;
#[path = "src/time.rs"]
#[expect(dead_code, reason = "it is for the crate")]
mod time;
#[path = "src/rules/value.rs"]
mod value;

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script by the environment")]
fn main() {
    let manifest = env::var("CARGO_MANIFEST_DIR").expect("set by cargo");
    let out = env::var("OUT_DIR").expect("set by cargo");
    let folder = Path::new(&manifest).join("rules");
    let mut sources = DefaultHasher::new();
    for input in ["build.rs", "Cargo.toml", "rules", "src", "../../Cargo.lock"] {
        println!("cargo::rerun-if-changed={input}");
        hash_below(Path::new(input), &mut sources);
    }
    println!("cargo::rustc-env=SOURCES={:016x}", sources.finish());
    let width = env::var("CARGO_CFG_TARGET_POINTER_WIDTH").expect("set by cargo");
    println!("cargo::rustc-env=POINTER_WIDTH={width}");
    let (mut yaml, mut rows, mut phases) = (Vec::new(), Vec::new(), Vec::new());
    for file in files_of(&folder) {
        let at = |what: String| -> ! { panic!("{}: {what}", file.display()) };
        let text = fs::read_to_string(&file).expect("rule files are readable");
        let read: Vec<Yaml> =
            serde_yaml_ng::from_str(&text).unwrap_or_else(|error| at(error.to_string()));
        for row in &read {
            rows.push(read_row(value_of(row), &mut phases).unwrap_or_else(|what| at(what)));
            let samples = row["samples"].as_sequence().filter(|samples| !samples.is_empty());
            if !samples.is_some_and(|samples| samples.iter().all(|one| one["versions"].is_string()))
            {
                at(format!("row {:?}: it needs samples, and they need versions", row["id"]));
            }
        }
        yaml.extend(read);
    }
    check_rows(&rows, &phases).unwrap_or_else(|what| panic!("{what}"));
    write(Path::new(&out).join("rows-with-samples.json"), &yaml);
    for row in &mut yaml {
        row.as_mapping_mut().expect("a row is a map").remove("samples");
    }
    write(Path::new(&out).join("rows.json"), &yaml);
}

/// Names and contents. A crate that is built elsewhere may have no lock file beside it.
fn hash_below(path: &Path, hasher: &mut DefaultHasher) {
    path.hash(hasher);
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("sources are readable");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
        paths.sort();
        for path in paths {
            hash_below(&path, hasher);
        }
    } else {
        fs::read(path).unwrap_or_default().hash(hasher);
    }
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the rules folder is there")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

fn value_of(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::String(text) => Value::Text(text.clone().leak()),
        Yaml::Bool(flag) => Value::Flag(*flag),
        Yaml::Sequence(items) => Value::List(items.iter().map(value_of).collect()),
        Yaml::Mapping(map) => {
            let fields = map
                .iter()
                .filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value_of(value))));
            Value::Map(Fields(fields.collect()))
        }
        Yaml::Null | Yaml::Number(_) | Yaml::Tagged(_) => Value::Other,
    }
}

fn write(file: PathBuf, rows: &[Yaml]) {
    let json = serde_json::to_string(rows).expect("rows have JSON's types");
    fs::write(file, json).expect("OUT_DIR is writable");
}
