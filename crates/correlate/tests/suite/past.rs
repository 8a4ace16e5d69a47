//! What is kept of the past: closed traces, for what comes late. For as long as a trace is kept, its
//! late Events are found a place in it; what is kept stops growing.

use std::collections::HashSet;
use std::fmt::Write;

use correlate::correlator::Correlator;
use correlate::limits::Settings;
use correlate::router::Router;
use correlate::time::{Nanos, SECOND, format_rfc3339};

use crate::cluster::{View, stream};
use crate::run::run_with;

const MINUTE: Nanos = 60 * SECOND;

/// 2026-03-01T10:00:00Z
const BEGIN: Nanos = 1_772_359_200 * SECOND;

/// An Event about a Pod of which nothing else is known, so long after the beginning; nothing waits
/// for its end.
fn event(uid: &str, pod: usize, at: Nanos, received_at: Nanos) -> String {
    let (time, received_at) = (format_rfc3339(BEGIN + at), format_rfc3339(BEGIN + received_at));
    let regarding =
        format!(r#"{{"kind":"Pod","namespace":"shop","name":"pod-{pod}","uid":"pod-{pod}"}}"#);
    let object = format!(
        r#"{{"kind":"Event","metadata":{{"uid":"{uid}"}},"eventTime":"{time}","reason":"Tested","note":"It works","reportingController":"example.com/tester","regarding":{regarding}}}"#
    );
    format!(r#"{{"type":"ADDED","object":{object},"receivedAt":"{received_at}"}}"#) + "\n"
}

fn settings(event_uids_max: usize) -> Settings {
    Settings { event_uids_max, objects_max: 100, ..Settings::default() }
}

/// Whether an Event that comes so much later is placed beside one of its time, when `others` came
/// meanwhile.
fn is_found(come: Nanos, others: usize, event_uids_max: usize) -> bool {
    let mut input = event("first", 0, 0, 0);
    for other in 1..=others {
        let at = 5 * MINUTE + other as Nanos * SECOND;
        input += &event(&format!("other-{other}"), other, at, at);
    }
    input += &event("late", 0, SECOND, come);
    let spans = run_with(input.as_bytes(), &settings(event_uids_max), usize::MAX).spans;
    let of = |uid: &str| {
        let span = spans.iter().find(|span| span.attribute("k8s.event.uid") == uid);
        span.expect("every Event has a span").span.trace_id.clone()
    };
    of("first") == of("late")
}

/// The trace closes after two minutes.
#[test]
fn a_closed_trace_is_kept_for_a_quarter_of_an_hour() {
    assert!(is_found(16 * MINUTE, 0, 1000));
    assert!(!is_found(18 * MINUTE, 0, 1000));
}

#[test]
fn where_more_events_come_than_are_remembered_it_is_forgotten_early() {
    assert!(is_found(16 * MINUTE, 20, 100));
    assert!(!is_found(16 * MINUTE, 20, 10));
    assert!(is_found(16 * MINUTE, 5, 10), "half of them and what came before");
}

#[test]
fn forgetting_early_shards_and_chunks_change_nothing() {
    for (view, seed) in [View::Whole, View::Events]
        .into_iter()
        .flat_map(|view| (0..20).map(move |seed| (view, seed)))
    {
        let input = stream(seed, 250, view);
        let of = |shards, chunk| {
            let settings = Settings { shards, event_uids_max: 16, ..Settings::default() };
            run_with(input.as_bytes(), &settings, chunk).spans
        };
        let expected = of(1, usize::MAX);
        for (shards, chunk) in [(1, 700), (2, 5000), (5, 1500)] {
            assert!(of(shards, chunk) == expected, "{view:?} {seed}, {shards} shards");
        }
    }
}

/// Bytes of a Correlator's snapshot after each ten minutes of a storm, five Pods a second.
fn sizes(event_uids_max: usize, minutes: usize) -> Vec<usize> {
    let settings = settings(event_uids_max);
    let mut router = Router::new(settings.clone());
    let mut correlator = Correlator::new(settings);
    let mut sizes = Vec::new();
    for second in 0..minutes * 60 {
        let mut chunk = String::new();
        for pod in second * 5..second * 5 + 5 {
            let at = second as Nanos * SECOND;
            write!(chunk, "{}", event(&format!("event-{pod}"), pod, at, at)).expect("text grows");
        }
        router.push(chunk.as_bytes()).expect("the input is within its limits");
        correlator.push(&router.take(0, true)).expect("a Router wrote it");
        correlator.drain();
        if (second + 1) % 600 == 0 {
            sizes.push(correlator.snapshot().len());
        }
    }
    sizes
}

#[test]
fn what_is_kept_stops_growing_when_traces_begin_to_be_forgotten() {
    let sizes = sizes(1_000_000, 60);
    assert!(sizes[1] > sizes[0] * 3 / 2, "{sizes:?}");
    // 17 minutes of it are there from then on.
    let kept: HashSet<usize> = sizes[1..].iter().map(|size| size * 20 / sizes[1]).collect();
    assert!(kept.is_subset(&HashSet::from([19, 20])), "{sizes:?}");
}

#[test]
fn where_more_events_come_than_are_remembered_less_is_kept() {
    let (all, few) = (sizes(1_000_000, 30), sizes(1500, 30));
    // Open traces are of 600 Events, closed ones of 750 to 1500; of all, they are of 4500.
    for (all, few) in all.iter().zip(&few).skip(1) {
        assert!(few * 2 < *all, "{few} of {all}");
    }
}

/// Bytes of a Correlator's snapshot when so many Deployments were met, each with a `ReplicaSet` and a Pod.
fn size_with(deployments: usize) -> usize {
    let settings = settings(1000);
    let mut router = Router::new(settings.clone());
    let mut correlator = Correlator::new(settings);
    for n in 0..deployments {
        for (kind, owner) in
            [("Deployment", ""), ("ReplicaSet", "Deployment"), ("Pod", "ReplicaSet")]
        {
            let owners = format!(
                r#"[{{"kind":"{owner}","name":"x-{n}","uid":"{owner}-{n}","controller":true}}]"#
            );
            let owners = if owner.is_empty() { "[]" } else { &owners };
            let metadata = format!(
                r#"{{"namespace":"shop","name":"x-{n}","uid":"{kind}-{n}","ownerReferences":{owners}}}"#
            );
            let object = format!(r#"{{"kind":"{kind}","metadata":{metadata}}}"#);
            let frame = format!(r#"{{"type":"ADDED","object":{object}}}"#) + "\n";
            router.push(frame.as_bytes()).expect("the input is within its limits");
        }
    }
    correlator.push(&router.take(0, true)).expect("a Router wrote it");
    correlator.snapshot().len()
}

#[test]
fn what_the_router_forgets_at_its_limit_the_correlator_forgets() {
    let (few, many) = (size_with(100), size_with(1000));
    assert!(many < few * 5 / 4, "{few} and {many}");
}
