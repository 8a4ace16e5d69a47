//! What holds for every stream: nothing is lost, every parent is there, and neither shards nor
//! chunks nor the order of arrival within the window shape the result.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use correlate::frame::{Parsed, parse_frame};
use correlate::time::{Nanos, SECOND, Stamp, format_rfc3339, parse_rfc3339};
use opentelemetry_proto::tonic::common::v1::any_value::Value;

use crate::cluster::{View, stream};
use crate::random::Random;
use crate::run::{How, Outcome, Span, run};

const RECORDINGS: [&str; 5] = ["rollout", "statefulset", "daemonset", "job", "pending"];

fn is_late(span: &Span) -> bool {
    let late = Some(Value::BoolValue(true));
    let mut attributes = span.span.attributes.iter();
    attributes.any(|attribute| {
        attribute.key == "kspan.late"
            && attribute.value.as_ref().is_some_and(|value| value.value == late)
    })
}

/// One span an occurrence; ids are unique; parents are in the trace and cover their children; a
/// trace has one root.
fn check(outcome: &Outcome, seed: &str) {
    let router = &outcome.router;
    let sum = |count: fn(&correlate::counts::CorrelatorCounts) -> u64| -> u64 {
        outcome.correlators.iter().map(count).sum()
    };
    assert_eq!(sum(|counts| counts.held), 0, "{seed}");
    assert_eq!(router.received, sum(|counts| counts.exported) + router.duplicates, "{seed}");
    assert_eq!(
        outcome.spans.len() as u64,
        sum(|counts| counts.exported + counts.synthetic),
        "{seed}"
    );
    let key = |span: &Span| (span.span.trace_id.clone(), span.span.span_id.clone());
    let mut ids = HashMap::new();
    for span in &outcome.spans {
        if let Some(other) = ids.insert(key(span), span) {
            panic!("{seed}: one id for\n{}", lines(&[span.clone(), other.clone()]).join("\n"));
        }
    }
    let spans: HashMap<_, _> = outcome.spans.iter().map(|span| (key(span), span)).collect();
    assert_eq!(spans.len(), outcome.spans.len(), "{seed}: ids are unique");
    let mut roots = HashMap::new();
    for span in &outcome.spans {
        let own = &span.span;
        assert!(own.start_time_unix_nano <= own.end_time_unix_nano, "{seed}: {own:?}");
        if own.parent_span_id.is_empty() {
            if let Some(other) = roots.insert(&own.trace_id, span) {
                let roots = lines(&[span.clone(), Span::clone(other)]);
                panic!("{seed}: two roots:\n{}", roots.join("\n"));
            }
            continue;
        }
        let Some(parent) = spans.get(&(own.trace_id.clone(), own.parent_span_id.clone())) else {
            panic!("{seed}: no parent: {}", lines(std::slice::from_ref(span))[0])
        };
        let above = &parent.span;
        let covered = above.start_time_unix_nano <= own.start_time_unix_nano
            && own.end_time_unix_nano <= above.end_time_unix_nano;
        // A late span has left before others come: it is neither stretched nor does it stretch.
        let is_free = is_late(span) || is_late(parent);
        assert!(
            covered || is_free,
            "{seed}: not covered:\n{}",
            lines(&[span.clone(), Span::clone(parent)]).join("\n")
        );
    }
    let traces: HashSet<_> = outcome.spans.iter().map(|span| &span.span.trace_id).collect();
    assert_eq!(traces, roots.into_keys().collect(), "{seed}: every trace has a root");
}

#[test]
fn of_any_stream_every_occurrence_becomes_a_span_of_a_whole_trace() {
    for view in [View::Whole, View::Some, View::Events] {
        for seed in 0..100 {
            let outcome = run(stream(seed, 250, view).as_bytes(), How::default());
            check(&outcome, &format!("{view:?} {seed}"));
        }
    }
}

#[test]
fn of_any_stream_shards_and_chunks_change_nothing() {
    for (view, seed) in [View::Whole, View::Events]
        .into_iter()
        .flat_map(|view| (0..50).map(move |seed| (view, seed)))
    {
        let input = stream(seed, 250, view);
        let expected = lines(&run(input.as_bytes(), How::default()).spans);
        for (shards, chunk) in [(1, 700), (2, 5000), (5, 1500)] {
            let found = lines(&run(input.as_bytes(), How { shards, chunk }).spans);
            let differ = found.iter().zip(&expected).find(|(found, expected)| found != expected);
            if let Some((found, expected)) = differ {
                panic!("{view:?} {seed}, {shards} shards:\n{found}\ninstead of\n{expected}");
            }
            assert_eq!(found.len(), expected.len(), "{view:?} {seed}, {shards} shards");
        }
    }
}

/// Spans, all of each on one line.
fn lines(spans: &[Span]) -> Vec<String> {
    let line = |span: &Span| {
        let attributes = span.span.attributes.iter().chain(&span.resource.attributes);
        let values = attributes.map(|attribute| {
            match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
                Some(Value::StringValue(value)) => format!("{}={value}", attribute.key),
                other => format!("{}={other:?}", attribute.key),
            }
        });
        let own = &span.span;
        let ids = [&own.trace_id, &own.span_id, &own.parent_span_id]
            .map(|id| id.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")));
        format!(
            "{ids:?} {} {} {} {}",
            own.start_time_unix_nano,
            own.end_time_unix_nano,
            own.name,
            values.collect::<Vec<_>>().join(" ")
        )
    };
    spans.iter().map(line).collect()
}

/// Each Event comes later by less than `most` ms, some twice; metadata keeps its place, and the frames
/// of one Event their order.
fn shuffled(input: &str, most: u64, random: &mut Random) -> String {
    let mut newest: HashMap<String, Nanos> = HashMap::new();
    let mut frames = Vec::new();
    for line in input.lines().filter(|line| !line.is_empty()) {
        let (frame, at) =
            line.rsplit_once(r#""receivedAt":""#).expect("frames tell when they came");
        let Stamp::At { nanos, .. } = parse_rfc3339(at.trim_end_matches("\"}").as_bytes()) else {
            panic!("{at} is no time")
        };
        if !frame.contains(r#""involvedObject""#) {
            frames.push((nanos, line.to_owned()));
            continue;
        }
        let uid = frame.split(r#""uid":""#).nth(1).expect("Events have uids").to_owned();
        let last = newest.entry(uid).or_insert(nanos);
        *last = (*last).max(nanos + random.below(most) as Nanos * 1_000_000);
        let moved = format!(r#"{frame}"receivedAt":"{}"}}"#, format_rfc3339(*last));
        if random.chance(10) {
            frames.push((*last, moved.clone()));
        }
        frames.push((*last, moved));
    }
    frames.sort_by_key(|(at, _)| *at);
    frames.into_iter().map(|(_, line)| line + "\n").collect()
}

#[test]
fn the_order_of_arrival_within_the_window_changes_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/scenarios");
    for name in RECORDINGS {
        let input = fs::read_to_string(folder.join(name).join("events.ndjson")).expect("is there");
        let expected = run(input.as_bytes(), How::default()).spans;
        for seed in 0..40 {
            let shuffled = shuffled(&input, 4_000, &mut Random(seed));
            let found = run(shuffled.as_bytes(), How { shards: 2, chunk: 10_000 }).spans;
            assert!(found == expected, "{name}, seed {seed}");
        }
    }
}

/// The frames of a stream without the Events that came more than a second late.
fn prompt(input: &str) -> String {
    let is_prompt = |line: &&str| match parse_frame(line.as_bytes(), None) {
        Ok(Parsed::Event(frame, event)) => {
            let came = frame.received_at.expect("frames tell when they came");
            came - event.time.expect("Events have a time").at <= SECOND
        }
        _ => true,
    };
    input.lines().filter(is_prompt).flat_map(|line| [line, "\n"]).collect()
}

/// An object that is known by its name only may be named by its cause later than it appears, so Events
/// have to come earlier by as much.
#[test]
fn nor_does_it_where_objects_are_known_in_part_or_by_name_only() {
    for view in [View::Whole, View::Some, View::Events] {
        for seed in 0..40 {
            let input = prompt(&stream(seed, 250, view));
            let expected = lines(&run(input.as_bytes(), How::default()).spans);
            for order in 0..3 {
                let shuffled = shuffled(&input, 1_900, &mut Random(order));
                let found = lines(&run(shuffled.as_bytes(), How { shards: 2, chunk: 3_000 }).spans);
                let differ =
                    found.iter().zip(&expected).find(|(found, expected)| found != expected);
                if let Some((found, expected)) = differ {
                    panic!("{view:?} {seed}, order {order}:\n{found}\ninstead of\n{expected}");
                }
            }
        }
    }
}
