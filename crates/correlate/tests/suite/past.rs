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
        correlator.drain(0);
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

/// Of the only object of a kind.
fn uid(kind: &str) -> String {
    let number = kind.bytes().fold(0_u64, |sum, byte| 31 * sum + u64::from(byte)) & 0xff_ffff_ffff;
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// Metadata of the object of a kind, with an owner of that kind.
fn object(kind: &str, owner: &str) -> String {
    let (uid, owner_uid) = (uid(kind), uid(owner));
    let owners = format!(
        r#"[{{"apiVersion":"apps/v1","kind":"{owner}","name":"x","uid":"{owner_uid}","controller":true}}]"#
    );
    let owners = if owner.is_empty() { "[]" } else { &owners };
    let metadata =
        format!(r#"{{"namespace":"shop","name":"x","uid":"{uid}","ownerReferences":{owners}}}"#);
    frame(&format!(r#"{{"apiVersion":"apps/v1","kind":"{kind}","metadata":{metadata}}}"#), 10)
}

fn frame(object: &str, second: Nanos) -> String {
    let received_at = format_rfc3339(BEGIN + second * SECOND);
    format!(r#"{{"type":"ADDED","object":{object},"receivedAt":"{received_at}"}}"#) + "\n"
}

/// An Event about the object of this kind, by a controller, at this second.
fn told(kind: &str, by: &str, reason: &str, note: &str, second: Nanos) -> String {
    let time = format_rfc3339(BEGIN + second * SECOND + 1000);
    let uid = uid(kind);
    let regarding = format!(
        r#"{{"apiVersion":"apps/v1","kind":"{kind}","namespace":"shop","name":"x","uid":"{uid}"}}"#
    );
    frame(
        &format!(
            r#"{{"kind":"Event","metadata":{{"uid":"{reason}"}},"eventTime":"{time}","reason":"{reason}","note":"{note}","reportingController":"{by}","regarding":{regarding}}}"#
        ),
        10,
    )
}

/// The Pod's Event is a second older than that which created it, so this is placed for it, ahead of its
/// turn; the limit has made both objects go as soon as their Events are placed.
#[test]
fn an_owner_that_was_forgotten_at_the_limit_is_there_for_its_last_event() {
    let mut input = object("Deployment", "") + &object("ReplicaSet", "Deployment");
    input += &object("Pod", "ReplicaSet");
    input += &told("Pod", "default-scheduler", "Scheduled", "Successfully assigned", 9);
    input += &told("ReplicaSet", "replicaset-controller", "SuccessfulCreate", "Created pod: x", 10);
    for other in 0..10 {
        input += &object(&format!("Other{other}"), "");
    }
    let settings = Settings { objects_max: 4, ..Settings::default() };
    let outcome = run_with(input.as_bytes(), &settings, 1);
    let of = |reason: &str| {
        let span = outcome.spans.iter().find(|span| span.attribute("k8s.event.uid") == reason);
        span.expect("every Event has a span").span.clone()
    };
    assert_eq!(of("Scheduled").parent_span_id, of("SuccessfulCreate").span_id);
}
