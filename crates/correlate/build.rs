//! Compiles the table of causality (`rules/*.yaml`) into static rows. A row that is wrong fails the
//! build with its file and id. The schema is in `rules/README.md`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    #[serde(default)]
    controllers: Vec<String>,
    #[serde(default)]
    kinds: Vec<String>,
    reasons: Vec<String>,
    message: Option<String>,
    #[serde(default)]
    direction: Direction,
    #[serde(default)]
    names: Vec<Named>,
    opens: Option<Opens>,
    #[serde(default)]
    termination: bool,
    related: Option<Related>,
    #[serde(default)]
    chain: Chain,
    #[serde(default = "two_seconds")]
    slack: String,
    timeout: Option<String>,
    samples: Vec<Sample>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    #[default]
    Up,
    Down,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Chain {
    #[default]
    None,
    Link,
    End,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Opens {
    Trace,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Related {
    Link,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    Regarding(String),
    Object { kind: String, name: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[serde(rename = "versions")]
    _versions: String,
    message: String,
    #[serde(default)]
    want: std::collections::BTreeMap<String, String>,
}

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script by the environment")]
fn main() {
    let rules = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("set by cargo")).join("rules");
    println!("cargo::rerun-if-changed={}", rules.display());
    let mut files: Vec<PathBuf> = fs::read_dir(&rules)
        .expect("the rules folder is there")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    let (mut rows, mut samples) = (String::new(), String::new());
    for file in files {
        let text = fs::read_to_string(&file).expect("rule files are readable");
        let parsed: Vec<Row> = serde_yaml_ng::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for row in parsed {
            let at = format!("{}: row {}", file.display(), row.id);
            write_row(&mut rows, &row, &at);
            write_samples(&mut samples, &row);
        }
    }
    let out = Path::new(&env::var("OUT_DIR").expect("set by cargo")).join("rows.rs");
    let code = format!(
        "pub(crate) static ROWS: &[Rule] = &[{rows}];\n\
         #[cfg(test)]\npub(crate) static SAMPLES: &[Sample] = &[{samples}];\n"
    );
    fs::write(out, code).expect("OUT_DIR is writable");
}

fn write_row(out: &mut String, row: &Row, at: &str) {
    assert!(!row.reasons.is_empty(), "{at}: reasons must not be empty");
    assert!(!row.samples.is_empty(), "{at}: a row needs a sample");
    assert!(
        row.chain != Chain::Link || row.timeout.is_some(),
        "{at}: a link of a chain needs a timeout"
    );
    if let Some(message) = &row.message {
        check_expression(message, at);
    }
    let names: Vec<String> = row.names.iter().map(|named| name_code(named, row, at)).collect();
    writeln!(
        out,
        "Rule {{ id: {:?}, controllers: &{:?}, kinds: &{:?}, reasons: &{:?}, message: {:?}, \
         direction: Direction::{:?}, names: &[{}], opens_trace: {}, termination: {}, \
         related_is_link: {}, chain: Chain::{:?}, slack: seconds({}), timeout: seconds({}) }},",
        row.id,
        row.controllers,
        row.kinds,
        row.reasons,
        row.message,
        row.direction,
        names.join(", "),
        row.opens.is_some(),
        row.termination,
        row.related.is_some(),
        row.chain,
        seconds(&row.slack, at),
        row.timeout.as_deref().map_or(0, |timeout| seconds(timeout, at)),
    )
    .expect("writing to a String does not fail");
}

/// Rust and JavaScript must read an expression alike; classes like `\d` need Unicode tables here and
/// are ASCII there.
fn check_expression(message: &str, at: &str) {
    for (index, _) in message.match_indices('\\') {
        let escaped = message[index + 1..].chars().next();
        let punctuation = escaped.is_some_and(|character| character.is_ascii_punctuation());
        assert!(punctuation, "{at}: only punctuation may be escaped: {message}");
    }
    for (index, _) in message.match_indices("(?") {
        let rest = &message[index + 2..];
        let named = rest.strip_prefix('<').and_then(|name| name.chars().next());
        let known = rest.starts_with(':') || named.is_some_and(|first| first.is_ascii_lowercase());
        assert!(known, "{at}: groups are (...), (?:...) or (?<name>...): {message}");
    }
}

fn name_code(named: &Named, row: &Row, at: &str) -> String {
    match named {
        Named::Regarding(word) => {
            assert!(word == "regarding", "{at}: names takes `regarding` or {{kind, name}}");
            "Named::Regarding".to_owned()
        }
        Named::Object { kind, name } => {
            let group = format!("(?<{name}>");
            let message = row.message.as_deref().unwrap_or("");
            assert!(message.contains(&group), "{at}: message has no group {name}");
            format!("Named::Object {{ kind: {kind:?}, group: {name:?} }}")
        }
    }
}

fn write_samples(out: &mut String, row: &Row) {
    for sample in &row.samples {
        let want: Vec<_> = sample.want.iter().collect();
        writeln!(
            out,
            "Sample {{ id: {:?}, message: {:?}, want: &{want:?} }},",
            row.id, sample.message
        )
        .expect("writing to a String does not fail");
    }
}

/// `2s`, `10m`, `1h`.
fn seconds(text: &str, at: &str) -> i64 {
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => panic!("{at}: {text}: a duration is a number and s, m or h"),
    };
    let number: i64 = number.parse().unwrap_or_else(|_| panic!("{at}: {text}: no number"));
    number * unit
}

fn two_seconds() -> String {
    "2s".to_owned()
}
