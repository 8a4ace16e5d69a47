//! Every scenario, read as a person read it, whatever the number of shards and the size of chunks.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{How, run};
use crate::tree::tree;

/// Name, input and expected tree.
pub fn scenarios() -> BTreeMap<String, (Vec<u8>, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/scenarios");
    let read = |path: PathBuf| {
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let folders = fs::read_dir(folder).expect("the scenarios are there");
    let paths = folders.map(|entry| entry.expect("readable").path());
    let scenarios = paths.filter(|path| path.is_dir()).map(|path| {
        let name = path.file_name().expect("a folder").to_string_lossy().into_owned();
        let trace = String::from_utf8(read(path.join("trace.txt"))).expect("UTF-8");
        (name, (read(path.join("events.ndjson")), trace))
    });
    scenarios.collect()
}

#[test]
fn every_scenario_gives_the_trace_that_a_person_read() {
    let mut wrong = Vec::new();
    for (name, (input, trace)) in scenarios() {
        let found = tree(&run(&input, How::default()).spans);
        if found != trace {
            wrong.push(format!("{name}, expected:\n{trace}\nfound:\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn shards_and_chunks_change_nothing() {
    let mut wrong = Vec::new();
    for (name, (input, _)) in scenarios() {
        let expected = run(&input, How::default()).spans;
        for shards in [1, 2, 5] {
            for chunk in [997, 20_011, usize::MAX] {
                let how = How { shards, chunk };
                if run(&input, how).spans != expected {
                    wrong.push(format!("{name}: {how:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_occurrence_is_accounted_for() {
    for (name, (input, _)) in scenarios() {
        let outcome = run(&input, How { shards: 5, chunk: 1000 });
        let router = &outcome.router;
        let sum = |count: fn(&correlate::counts::CorrelatorCounts) -> u64| -> u64 {
            outcome.correlators.iter().map(count).sum()
        };
        assert_eq!(router.frames, router.received + router.metadata + router.ignored, "{name}");
        assert_eq!(router.parked, 0, "{name}");
        assert_eq!(sum(|counts| counts.held), 0, "{name}");
        let exported = sum(|counts| counts.exported);
        assert_eq!(router.received, exported + router.duplicates, "{name}");
        assert_eq!(outcome.spans.len() as u64, exported + sum(|counts| counts.synthetic), "{name}");
    }
}
