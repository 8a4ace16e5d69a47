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
const CUTS: usize = 40;

/// A Router and its Correlators, and all that they have told.
struct Run {
    settings: Settings,
    router: Router,
    correlators: Vec<Correlator>,
    told: Told,
}

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
            self.told.spans.extend(correlator.drain());
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

#[test]
fn a_scenario_that_is_cut_anywhere_goes_on_as_if_it_were_not() {
    for (name, (input, _)) in scenarios() {
        for shards in [1, 3] {
            check(&name, &frames(&input), &settings(shards));
        }
    }
}
