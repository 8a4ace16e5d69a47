//! A run that is cut anywhere, and goes on from what was known there, gives what it gives in one go.

use std::collections::BTreeSet;

use correlate::correlator::Correlator;
use correlate::counts::{CorrelatorCounts, RouterCounts};
use correlate::limits::Settings;
use correlate::router::Router;
use correlate::rules::RuleTable;
use correlate::snapshot::SnapshotError;

use crate::cluster::{View, stream};
use crate::golden::scenarios;

/// Cuts tried of an input; a shorter one is cut behind each of its frames.
const CUTS: usize = 20;

/// A Router and its Correlators, and all that they have told.
struct Run {
    settings: Settings,
    router: Router,
    correlators: Vec<Correlator>,
    told: Told,
}

/// In one go, so that the order counts.
#[derive(Clone, Default, PartialEq)]
struct Told {
    batches: Vec<u8>,
    spans: Vec<u8>,
}

/// What came of it all.
#[derive(PartialEq)]
struct Outcome {
    told: Told,
    router: RouterCounts,
    correlators: Vec<CorrelatorCounts>,
}

impl Run {
    fn new(settings: &Settings) -> Self {
        let correlators = (0..settings.shards).map(|_| Correlator::new(settings.clone()));
        Self {
            settings: settings.clone(),
            router: Router::new(settings.clone()),
            correlators: correlators.collect(),
            told: Told::default(),
        }
    }

    /// Each frame is pushed by itself, and all batches are taken after it.
    fn push(&mut self, frame: &[u8]) {
        self.router.push(frame).expect("the input is within its limits");
        self.exchange();
    }

    fn exchange(&mut self) {
        for (shard, correlator) in self.correlators.iter_mut().enumerate() {
            let batch = self.router.take(shard, true);
            correlator.push(&batch).expect("a Router wrote it");
            self.told.batches.extend(batch);
            self.told.spans.extend(correlator.drain(0));
        }
    }

    fn snapshots(&self) -> Vec<Vec<u8>> {
        let correlators = self.correlators.iter().map(Correlator::snapshot);
        std::iter::once(self.router.snapshot()).chain(correlators).collect()
    }

    /// What goes on from the snapshots of a run that had told so much.
    fn restored(settings: &Settings, snapshots: &[Vec<u8>], told: &Told) -> Self {
        let (router, correlators) = snapshots.split_first().expect("a Router has one");
        let restored = |snapshot: &Vec<u8>| Correlator::restore(settings.clone(), snapshot);
        let correlators: Result<_, _> = correlators.iter().map(restored).collect();
        Self {
            settings: settings.clone(),
            router: Router::restore(settings.clone(), router).expect("it was just taken"),
            correlators: correlators.expect("they were just taken"),
            told: told.clone(),
        }
    }

    /// Everything is taken down and set up anew from what it knew.
    fn interrupt(&mut self) {
        let snapshots = self.snapshots();
        let restored = Self::restored(&self.settings, &snapshots, &self.told);
        assert!(restored.snapshots() == snapshots, "a snapshot taken again is the same");
        *self = restored;
    }

    fn finish(mut self) -> Outcome {
        while !self.router.finish().expect("the input is within its limits") {
            self.exchange();
        }
        self.exchange();
        Outcome {
            told: self.told,
            router: self.router.counts(),
            correlators: self.correlators.iter().map(|one| one.counts().clone()).collect(),
        }
    }
}

fn settings(shards: u32) -> Settings {
    Settings { shards, ..Settings::default() }
}

/// Lines, each with its newline; what is written over many lines is one frame.
fn frames(input: &[u8]) -> Vec<&[u8]> {
    let lines: Vec<_> = input.split_inclusive(|&byte| byte == b'\n').collect();
    if lines.iter().all(|line| line.starts_with(b"{\"")) { lines } else { vec![input] }
}

/// The outcome of a run that is interrupted behind each of so many frames.
fn outcome(frames: &[&[u8]], settings: &Settings, cuts: &BTreeSet<usize>) -> Outcome {
    let mut run = Run::new(settings);
    for (index, frame) in frames.iter().enumerate() {
        run.push(frame);
        if cuts.contains(&(index + 1)) {
            run.interrupt();
        }
    }
    run.finish()
}

/// As many cuts as are tried, from the first frame to behind the last.
fn cuts_of(frames: &[&[u8]]) -> BTreeSet<usize> {
    let count = frames.len().min(CUTS);
    (0..=count).map(|cut| cut * frames.len() / count).collect()
}

/// Every cut by itself, then all in one run, against a run without any.
fn check(name: &str, frames: &[&[u8]], settings: &Settings) {
    let expected = outcome(frames, settings, &BTreeSet::new());
    let cuts = cuts_of(frames);
    assert!(outcome(frames, settings, &cuts) == expected, "{name}: {} cuts", cuts.len());
    let mut run = Run::new(settings);
    for (index, frame) in frames.iter().enumerate() {
        if cuts.contains(&index) {
            let mut resumed = Run::restored(settings, &run.snapshots(), &run.told);
            frames[index..].iter().for_each(|frame| resumed.push(frame));
            assert!(resumed.finish() == expected, "{name}: behind frame {index}");
        }
        run.push(frame);
    }
    assert!(run.finish() == expected, "{name}: taking a snapshot changes nothing");
}

/// A phase that no built-in row knows.
const ROWS: &str = r#"[
    {"id": "user-begins", "reasons": ["Scheduled"], "begins": "user-phase", "timeout": "90s"},
    {"id": "user-ends", "reasons": ["Started"], "ends": ["user-phase"]}
]"#;

#[test]
fn a_scenario_that_is_cut_anywhere_goes_on_as_if_it_were_not() {
    for (name, (input, _)) in scenarios() {
        for shards in [1, 3] {
            check(&name, &frames(&input), &settings(shards));
        }
    }
}

/// Also with limits that make it forget, and where objects are known in part or by name only.
#[test]
fn so_does_any_stream() {
    let small =
        Settings { objects_max: 6, event_uids_max: 40, parked_bytes_max: 3000, ..settings(2) };
    for view in [View::Whole, View::Some, View::Events] {
        for seed in 0..6 {
            let input = stream(seed, 250, view);
            for settings in [&settings(1), &settings(3), &small] {
                let frames = frames(input.as_bytes());
                let expected = outcome(&frames, settings, &BTreeSet::new());
                let always = (0..=frames.len()).collect();
                let found = outcome(&frames, settings, &always);
                assert!(found == expected, "{view:?} {seed}, {} shards", settings.shards);
            }
        }
    }
}

#[test]
fn what_waits_for_the_users_rows_goes_on_by_them() {
    let rules = RuleTable::with_rows(ROWS).expect("rows that are right");
    let (input, _) = &scenarios()["rollout"];
    check("rollout", &frames(input), &Settings { rules, ..settings(1) });
}

/// A run in the middle of a scenario, with something of everything.
fn midway() -> Run {
    let (input, _) = &scenarios()["a-restart-is-no-termination"];
    let mut run = Run::new(&settings(2));
    let frames = frames(input);
    frames[..frames.len() / 2].iter().for_each(|frame| run.push(frame));
    run
}

/// Why a Router's and a Correlator's snapshot are refused.
fn refused(settings: &Settings) -> [Option<SnapshotError>; 2] {
    let run = midway();
    let router = Router::restore(settings.clone(), &run.router.snapshot());
    let correlator = Correlator::restore(settings.clone(), &run.correlators[0].snapshot());
    [router.err(), correlator.err()]
}

#[test]
fn a_snapshot_of_other_settings_is_refused_with_what_differs() {
    let same = settings(2);
    let rules = RuleTable::with_rows(ROWS).expect("rows that are right");
    let others = [
        ("number of shards", Settings { shards: 3, ..same.clone() }),
        ("reorder window in ns", Settings { reorder_window: 1, ..same.clone() }),
        ("idle time in ns", Settings { idle: 1, ..same.clone() }),
        ("cluster name", Settings { cluster_name: "a\nb".into(), ..same.clone() }),
        ("service name", Settings { service_name: "x".into(), ..same.clone() }),
        (
            "list of traceparent annotations",
            Settings { traceparent_annotations: Vec::new().into(), ..same.clone() },
        ),
        ("rule table", Settings { rules, ..same.clone() }),
    ];
    for (name, other) in others {
        for error in refused(&other) {
            let line = error.expect("it is refused").to_string();
            assert!(line.starts_with(&format!("the snapshot has another {name}: ")), "{line}");
            assert_eq!(line.lines().count(), 1, "{line}");
        }
    }
    let limits = Settings { objects_max: 7, event_uids_max: 7, parked_bytes_max: 7, ..same };
    assert_eq!(refused(&limits), [None, None], "limits hold from now on");
}

#[test]
fn a_snapshot_of_the_other_machine_is_refused() {
    let run = midway();
    let router = Router::restore(settings(2), &run.correlators[0].snapshot());
    let correlator = Correlator::restore(settings(2), &run.router.snapshot());
    for error in [router.err(), correlator.err()] {
        assert!(matches!(error, Some(SnapshotError::Foreign { what, .. }) if what == "machine"));
    }
}

/// Why bytes are refused.
type Restore = fn(&[u8]) -> Option<SnapshotError>;

#[test]
fn damaged_bytes_are_refused_whatever_they_are() {
    let run = midway();
    let router: Restore = |bytes| Router::restore(settings(2), bytes).err();
    let correlator: Restore = |bytes| Correlator::restore(settings(2), bytes).err();
    let snapshots = [(run.router.snapshot(), router), (run.correlators[0].snapshot(), correlator)];
    for (bytes, restore) in snapshots {
        assert_eq!(restore(&bytes), None);
        for index in 0..bytes.len() {
            assert_eq!(restore(&bytes[..index]), Some(SnapshotError::Damaged), "up to {index}");
            let mut changed = bytes.clone();
            changed[index] ^= 1 << (index % 8);
            assert_eq!(restore(&changed), Some(SnapshotError::Damaged), "byte {index}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(restore(&longer), Some(SnapshotError::Damaged), "one byte more");
    }
}

#[test]
#[should_panic(expected = "batches are taken before a snapshot is")]
fn no_snapshot_loses_a_batch() {
    let (input, _) = &scenarios()["rollout"];
    let mut router = Router::new(settings(1));
    router.push(input).expect("the input is within its limits");
    let _ = router.snapshot();
}

#[test]
#[should_panic(expected = "spans are drained before a snapshot is taken")]
fn no_snapshot_loses_a_span() {
    let (input, _) = &scenarios()["rollout"];
    let mut run = Run::new(&settings(1));
    run.router.push(input).expect("the input is within its limits");
    run.correlators[0].push(&run.router.take(0, true)).expect("a Router wrote it");
    let _ = run.correlators[0].snapshot();
}
