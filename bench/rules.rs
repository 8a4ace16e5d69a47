//! `cargo bench --bench rules`: what it costs to find the row of an Event, with the whole table and
//! with the rows of Kubernetes' workload controllers, scheduler and kubelet alone. `find_named` is
//! what the main thread does with every Event, `find` what a worker does. The Events are those of
//! `test/scenarios` (or of the recordings that are named), in their order. Answers are checked
//! before anything is timed.
#![expect(clippy::disallowed_types, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

use correlate::event::KubeEvent;
use correlate::frame::{Parsed, parse_frame};
use correlate::rules::{Query, RuleTable};

/// The rule files of nine controllers.
const NINE: [&str; 7] =
    ["daemonset", "deployment", "job", "kubelet", "pod-control", "scheduler", "statefulset"];
const ROUND: Duration = Duration::from_millis(50);
const ROUNDS: usize = 40;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let recordings: Vec<Vec<u8>> = recordings(&root)
        .iter()
        .map(|file| fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
        .collect();
    let events: Vec<KubeEvent<'_>> = recordings.iter().flat_map(|bytes| events_of(bytes)).collect();
    let tables = [("nine controllers", nine_controllers(&root)), ("whole table", whole_table())];
    for (_, table) in tables {
        check(table, &events);
    }
    // By turns, and the best of each: what else the machine does must not decide.
    let mut best = [[f64::INFINITY; 2]; 2];
    for _ in 0..ROUNDS {
        for ((_, table), [named, found]) in tables.iter().zip(&mut best) {
            *named = named.min(measure(&events, |event| table.find_named(event).names().count()));
            *found = found.min(measure(&events, |event| table.find(event).rule.id.len()));
        }
    }
    println!("{} Events, best of {ROUNDS} rounds", events.len());
    for ((name, table), [named, found]) in tables.iter().zip(best) {
        let rows = table.rows().count();
        println!("{name}: {rows} rows, find_named {named:.0} ns, find {found:.0} ns an Event");
    }
}

/// Files that are named on the command line, else those of the scenarios.
fn recordings(root: &Path) -> Vec<PathBuf> {
    let named: Vec<PathBuf> =
        env::args().skip(1).filter(|word| !word.starts_with("--")).map(PathBuf::from).collect();
    if !named.is_empty() {
        return named;
    }
    let folders = fs::read_dir(root.join("test/scenarios")).expect("the scenarios are there");
    let mut files: Vec<PathBuf> =
        folders.map(|folder| folder.expect("readable").path().join("events.ndjson")).collect();
    files.retain(|file| file.exists());
    files.sort();
    files
}

fn events_of(bytes: &[u8]) -> impl Iterator<Item = KubeEvent<'_>> {
    bytes.split(|&byte| byte == b'\n').filter_map(|line| match parse_frame(line, None) {
        Ok(Parsed::Event(_, event)) => Some(event),
        _ => None,
    })
}

fn nine_controllers(root: &Path) -> &'static RuleTable {
    let rows: Vec<serde_json::Value> = NINE
        .iter()
        .flat_map(|name| {
            let file = root.join("crates/correlate/rules").join(format!("{name}.yaml"));
            let text = fs::read_to_string(file).expect("the rule files are there");
            serde_yaml_ng::from_str::<Vec<_>>(&text).expect("they are lists of rows")
        })
        .map(|mut row: serde_json::Value| {
            // What only rows of other files begin.
            row.as_object_mut().expect("a row is a map").remove("ends");
            row.as_object_mut().expect("a row is a map").remove("samples");
            row
        })
        .collect();
    RuleTable::of_rows(&serde_json::to_string(&rows).expect("rows are JSON")).expect("they fit")
}

fn whole_table() -> &'static RuleTable {
    let start = Instant::now();
    let table = RuleTable::builtin();
    println!("the whole table is ready after {:.2} ms", start.elapsed().as_secs_f64() * 1e3);
    table
}

/// `find` gives the first row that fits, `find_named` the same names.
fn check(table: &RuleTable, events: &[KubeEvent<'_>]) {
    for event in events {
        let found = table.find(event);
        let first = table.fitting(&Query::from(event)).next();
        assert_eq!(found.rule.id, first.map_or("generic", |first| first.rule.id), "{event:?}");
        assert!(table.find_named(event).names().eq(found.names()), "{event:?}");
    }
}

/// Nanoseconds for an Event.
fn measure(events: &[KubeEvent<'_>], find: impl Fn(&KubeEvent<'_>) -> usize) -> f64 {
    let (start, mut found) = (Instant::now(), 0_u32);
    while start.elapsed() < ROUND {
        for event in events {
            black_box(find(black_box(event)));
            found += 1;
        }
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(found)
}
