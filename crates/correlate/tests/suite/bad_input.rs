//! Whatever comes in: it is skipped, dropped or repaired, and counted; what is good goes on.

use correlate::event::DropReason;
use correlate::frame::SkipReason;
use correlate::meta::parse_meta;

use crate::run::{How, Outcome, Span, run};

/// An Event as a frame on one line, with more fields at the object's end.
fn frame(uid: &str, more: &str) -> String {
    let event = r#"{"type":"ADDED","object":{"kind":"Event","apiVersion":"v1","metadata":{"name":"w.18ea67c2cf17cc9f","namespace":"shop","uid":"UID","resourceVersion":"7","creationTimestamp":"2026-11-22T15:31:27Z"},"involvedObject":{"kind":"Widget","namespace":"shop","name":"w","uid":"u"},"reason":"Synced","message":"ok","source":{"component":"c"},"firstTimestamp":"2026-11-22T15:31:27Z","lastTimestamp":"2026-11-22T15:31:27Z","count":1,"type":"Normal"MORE},"receivedAt":"2026-11-22T15:31:27.864Z"}"#;
    event.replace("UID", uid).replace("MORE", more)
}

fn good(uid: &str) -> String {
    frame(uid, "")
}

/// An Event in which one text stands for another.
fn with(from: &str, to: &str) -> String {
    let frame = good("bad");
    assert!(frame.contains(from), "{from}");
    frame.replace(from, to)
}

fn uids(outcome: &Outcome) -> Vec<&str> {
    let mut uids: Vec<_> =
        outcome.spans.iter().map(|span| span.attribute("k8s.event.uid")).collect();
    uids.retain(|uid| !uid.is_empty());
    uids.sort_unstable();
    uids
}

/// Runs the input in chunks of several sizes; the outcome is always the same.
fn outcome(input: &[u8]) -> Outcome {
    let whole = run(input, How::default());
    for chunk in [1, 7, 100] {
        if input.len() / chunk < 100_000 {
            let chunked = run(input, How { shards: 2, chunk });
            assert_eq!(chunked.router, whole.router, "chunks of {chunk}");
            assert_eq!(chunked.spans, whole.spans, "chunks of {chunk}");
        }
    }
    whole
}

fn between(bad: &[u8]) -> Outcome {
    outcome(&[good("a").as_bytes(), b"\n", bad, b"\n", good("b").as_bytes(), b"\n"].concat())
}

#[test]
fn a_frame_that_cannot_be_read_is_skipped_and_counted_once() {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let table: &[(&str, String, SkipReason)] = &[
        ("no JSON", "this is no JSON".into(), SkipReason::NotJson),
        ("no JSON in brackets", "{this is no JSON}}".into(), SkipReason::NotJson),
        ("a member without a value", r#"{"type": }"#.into(), SkipReason::NotJson),
        ("a bracket of the other kind", r#"{"type":["ADDED"}}"#.into(), SkipReason::NotJson),
        ("a number", "12".into(), SkipReason::NotJson),
        ("an array", "[1,2]".into(), SkipReason::NotJson),
        ("more after the end", r#"{"a":1, }"#.into(), SkipReason::NotJson),
        ("cut in a name", good("bad")[..40].into(), SkipReason::Truncated),
        ("cut in a message", good("bad")[..300].into(), SkipReason::Truncated),
        ("cut behind a bracket", good("bad")[..good("bad").len() - 1].into(), SkipReason::Truncated),
        ("cut, with a bracket at the end", r#"{"type":"ADDED","object":{"kind":"Pod"}"#.into(), SkipReason::Truncated),
        ("deep", format!(r#"{{"object":{deep}}}"#), SkipReason::TooDeep),
        ("deep in what is not needed", with("\"Normal\"", &format!("\"Normal\",\"x\":{deep}")), SkipReason::TooDeep),
        ("only brackets, never closed", "{\"a\":".repeat(10_000), SkipReason::Truncated),
        ("empty", "{}".into(), SkipReason::NoObject),
        ("no object", r#"{"type":"ADDED"}"#.into(), SkipReason::NoObject),
        ("null for an object", r#"{"type":"ADDED","object":null}"#.into(), SkipReason::NoObject),
        ("text for an object", r#"{"type":"ADDED","object":"x"}"#.into(), SkipReason::NoObject),
        ("an empty object", r#"{"type":"ADDED","object":{}}"#.into(), SkipReason::NoObject),
        (
            "metadata of unknown kind",
            r#"{"type":"ADDED","object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"uid":"x","name":"x"}}}"#.into(),
            SkipReason::NoObject,
        ),
        (
            "an error",
            r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version","reason":"Expired","code":410}}"#.into(),
            SkipReason::ErrorFrame,
        ),
    ];
    for (title, bad, reason) in table {
        let outcome = between(bad.as_bytes());
        assert_eq!(uids(&outcome), ["a", "b"], "{title}");
        assert_eq!(outcome.router.skipped(*reason), 1, "{title}: {}", outcome.router.to_json());
        assert_eq!(outcome.router.frames, 3, "{title}: {}", outcome.router.to_json());
    }
}

#[test]
fn a_last_line_that_is_cut_is_skipped() {
    let bad = good("bad");
    for cut in [1, 20, 300, bad.len() - 1] {
        let outcome = outcome(format!("{}\n{}", good("a"), &bad[..cut]).as_bytes());
        assert_eq!(uids(&outcome), ["a"], "{cut}");
        assert_eq!(outcome.router.skipped(SkipReason::Truncated), 1, "{cut}");
    }
    let outcome = outcome(format!("{}\n{bad}", good("a")).as_bytes());
    assert_eq!(uids(&outcome), ["a", "bad"], "a newline at the end may be missing");
}

#[test]
fn a_frame_that_is_too_large_is_skipped() {
    let large = with("\"ok\"", &format!("\"{}\"", "x".repeat(9 << 20)));
    let outcome = between(large.as_bytes());
    assert_eq!(uids(&outcome), ["a", "b"]);
    assert_eq!(outcome.router.skipped(SkipReason::FrameTooLarge), 1);
    assert_eq!(outcome.router.frames, 3);
    let chunked = run(large.as_bytes(), How { shards: 1, chunk: 1 << 16 });
    assert_eq!(chunked.router.skipped(SkipReason::FrameTooLarge), 1);
    assert_eq!(chunked.router.frames, 1);
}

#[test]
fn bookmarks_and_expired_events_are_ignored() {
    let bookmark = r#"{"type":"BOOKMARK","object":{"kind":"Event","apiVersion":"v1","metadata":{"resourceVersion":"12"}}}"#;
    let expired = good("a").replace("ADDED", "DELETED");
    for ignored in [bookmark, &expired] {
        let outcome = between(ignored.as_bytes());
        assert_eq!(uids(&outcome), ["a", "b"]);
        assert_eq!((outcome.router.ignored, outcome.router.frames), (1, 3));
    }
}

#[test]
fn an_event_that_cannot_become_a_span_is_dropped_for_a_reason() {
    let (time, name) = ("2026-11-22T15:31:27Z", "w.18ea67c2cf17cc9f");
    let all_times = |to: &str| with(name, "w").replace(time, to);
    let table: &[(&str, String, DropReason)] = &[
        ("no uid", with("\"uid\":\"bad\",", ""), DropReason::NoEventUid),
        ("uid null", with("\"bad\"", "null"), DropReason::NoEventUid),
        (
            "no metadata",
            with("\"metadata\":{", "\"metadata\":null,\"x\":{"),
            DropReason::NoEventUid,
        ),
        ("no involvedObject", with("\"involvedObject\"", "\"x\""), DropReason::NoInvolvedObject),
        (
            "involvedObject null",
            with("\"involvedObject\":{", "\"involvedObject\":null,\"x\":{"),
            DropReason::NoInvolvedObject,
        ),
        (
            "neither kind nor name",
            with("\"Widget\"", "\"\"").replace("\"name\":\"w\"", "\"x\":1"),
            DropReason::NoInvolvedObject,
        ),
        ("a number for a uid", with("\"bad\"", "5"), DropReason::BadType),
        ("a number for a message", with("\"ok\"", "5"), DropReason::BadType),
        ("an object for a reason", with("\"Synced\"", "{}"), DropReason::BadType),
        ("an array for a kind", with("\"Widget\"", "[]"), DropReason::BadType),
        ("a number for a version", with("\"7\"", "7"), DropReason::BadType),
        (
            "a number for a time",
            with(&format!("\"firstTimestamp\":\"{time}\""), "\"firstTimestamp\":1"),
            DropReason::BadType,
        ),
        ("a text for a count", with("\"count\":1", "\"count\":\"1\""), DropReason::BadType),
        ("a negative count", with("\"count\":1", "\"count\":-1"), DropReason::BadType),
        ("half a count", with("\"count\":1", "\"count\":1.5"), DropReason::BadType),
        (
            "a huge count",
            with("\"count\":1", "\"count\":99999999999999999999"),
            DropReason::BadType,
        ),
        ("a text for a series", with("\"count\":1", "\"series\":\"x\""), DropReason::BadType),
        (
            "a text for a series' count",
            with("\"count\":1", "\"series\":{\"count\":\"2\"}"),
            DropReason::BadType,
        ),
        ("no time", all_times(""), DropReason::BadTime),
        ("before 1970", all_times("1969-12-31T23:59:59Z"), DropReason::BadTime),
        ("the year 9999", all_times("9999-12-31T23:59:59Z"), DropReason::BadTime),
        ("no date", all_times("yesterday"), DropReason::BadTime),
    ];
    for (title, bad, reason) in table {
        let outcome = between(bad.as_bytes());
        assert_eq!(uids(&outcome), ["a", "b"], "{title}");
        assert_eq!(outcome.router.dropped(*reason), 1, "{title}: {}", outcome.router.to_json());
        assert_eq!(outcome.router.received, 3, "{title}");
    }
}

fn message_of(event: &[u8]) -> String {
    let outcome = outcome(event);
    let span = outcome.spans.iter().find(|span| span.attribute("k8s.event.uid") == "bad");
    span.map(|span| span.attribute("k8s.event.message").to_owned()).expect("the Event has a span")
}

#[test]
fn broken_text_is_repaired() {
    let lone = with("ok", r"a\ud800b\udc00\ud83d\ude00");
    assert_eq!(message_of(lone.as_bytes()), "a\u{fffd}b\u{fffd}\u{1f600}");
    let event = with("ok", "a?b");
    let at = event.find("a?b").expect("put there") + 1;
    let mut bytes = event.into_bytes();
    bytes[at] = 0xff;
    assert_eq!(message_of(&bytes), "a\u{fffd}b");
}

#[test]
fn a_long_message_is_cut_between_characters() {
    let long = "ä".repeat(5 << 19);
    let message = message_of(with("ok", &format!("x{long}")).as_bytes());
    assert_eq!(message.len(), (32 << 10) - 1);
    assert!(message.starts_with("xä") && message.ends_with('ä'));
}

#[test]
fn a_long_name_is_cut() {
    let named = with("\"name\":\"w\"", &format!("\"name\":\"{}\"", "x".repeat(600)));
    let outcome = outcome(named.as_bytes());
    let span = outcome.spans.iter().find(|span| span.attribute("k8s.event.uid") == "bad");
    assert_eq!(span.expect("a span").attribute("k8s.object.name"), "x".repeat(512));
    assert_eq!((outcome.router.repaired, outcome.router.cut), (1, 0));
}

#[test]
fn a_list_gives_its_items_no_long_kind() {
    let kind = "x".repeat(1 << 19);
    let items = vec![r#"{"metadata":{"uid":"a"}}"#; 20_000].join(",");
    let list = format!(r#"{{"kind":"{kind}List","apiVersion":"{kind}","items":[{items}]}}"#);
    let counts = run(list.as_bytes(), How::default()).router;
    assert_eq!(counts.skipped(SkipReason::NoObject), 20_000);
}

#[test]
fn of_many_owners_some_and_the_controller_are_read() {
    let plain = |index| format!(r#"{{"uid":"{index}"}}"#);
    let controller = r#"{"uid":"c","controller":true}"#.to_owned();
    let owners: Vec<_> = (0..100).map(plain).chain([controller.clone(), controller]).collect();
    let metadata = format!(r#"{{"ownerReferences":[{}]}}"#, owners.join(","));
    let meta = parse_meta(metadata.as_bytes(), ("v1", "Pod")).expect("metadata");
    assert_eq!(meta.owners.len(), 65);
    assert_eq!(meta.owners.iter().find(|owner| owner.controller).expect("it is there").uid, "c");
}

#[test]
fn a_namespace_is_in_none() {
    let cluster =
        r#"{"kind":"Namespace","metadata":{"name":"kube-system","namespace":"x","uid":"c"}}"#;
    let outcome = outcome(format!("{cluster}\n{}", good("a")).as_bytes());
    let of_cluster = |span: &Span| {
        span.resource.attributes.iter().any(|attribute| attribute.key == "k8s.cluster.uid")
    };
    assert!(outcome.spans.iter().all(of_cluster));
}

#[test]
fn a_deletion_told_out_of_order_is_forgotten_in_its_turn() {
    let (above, gone) =
        ("77671308-fcd0-4c9e-8ca7-70ec84d00ee7", "4283f51c-8f12-4747-9f56-f5a5f9f6ee50");
    let lines = [
        format!(
            r#"{{"object":{{"kind":"Pod","metadata":{{"name":"p","namespace":"shop","uid":"p","ownerReferences":[{{"uid":"{above}"}}]}}}}}}"#
        ),
        format!(
            r#"{{"object":{{"kind":"Owner","metadata":{{"name":"o","uid":"{above}"}}}},"receivedAt":"2026-11-23T06:58:06Z"}}"#
        ),
        format!(
            r#"{{"type":"DELETED","object":{{"kind":"Pod","metadata":{{"name":"gone","uid":"{gone}"}}}},"receivedAt":"2026-03-01T10:00:13Z"}}"#
        ),
        r#"{"object":{"kind":"Deployment","metadata":{}},"receivedAt":"2026-11-23T06:58:07Z"}"#
            .to_owned(),
        format!(
            r#"{{"kind":"Event","metadata":{{"uid":"e","creationTimestamp":"2026-03-01T10:00:00Z"}},"involvedObject":{{"name":"gone","uid":"{gone}"}}}}"#
        ),
    ];
    let input = lines.join("\n");
    let spans = |shards| run(input.as_bytes(), How { shards, chunk: usize::MAX }).spans;
    assert_eq!(spans(3), spans(1));
}

#[test]
fn nulls_and_foreign_fields_are_as_if_absent() {
    let nulls = with(
        r#""source":{"component":"c"}"#,
        r#""source":null,"series":null,"related":null,"eventTime":null,"action":null,"reportingComponent":"r","extra":{"deep":[{}]}"#,
    );
    let outcome = outcome(nulls.replace("\"count\":1", "\"count\":null").as_bytes());
    let spans: Vec<&Span> =
        outcome.spans.iter().filter(|span| span.attribute("k8s.event.uid") == "bad").collect();
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].service(), "r");
    let mut keys: Vec<_> =
        spans[0].span.attributes.iter().map(|attribute| &*attribute.key).collect();
    keys.retain(|key| matches!(*key, "k8s.event.count" | "k8s.event.action"));
    assert!(keys.is_empty(), "{keys:?}");
}

#[test]
fn any_prefix_and_any_changed_byte_ends_well() {
    let input =
        [good("a"), frame("b", r#","related":{"kind":"Pod","name":"p"}"#), good("c")].join("\n");
    for end in 0..input.len() {
        let counts = run(&input.as_bytes()[..end], How::default()).router;
        let frames = input[..end].lines().filter(|line| !line.is_empty()).count();
        assert_eq!(counts.frames, frames as u64, "{end}");
    }
    for at in 0..input.len() {
        for byte in [b'"', b'\\', b'{', b'}', b'[', b',', b'\n', b' ', 0, 0x80, 0xff] {
            let mut changed = input.clone().into_bytes();
            changed[at] = byte;
            let outcome = run(&changed, How::default());
            let found = uids(&outcome).len() as u64 + outcome.router.duplicates;
            assert!(found >= 1, "frames far from byte {at} ({byte}) are not touched");
        }
    }
}
