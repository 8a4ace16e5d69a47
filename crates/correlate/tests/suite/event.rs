//! What is read of Events and of metadata, and when an occurrence happened.

use correlate::event::{DropReason, EventTime, KubeEvent, parse_event};
use correlate::json::Scanner;
use correlate::meta::{ObjectMeta, parse_meta};
use correlate::object::RawObject;
use correlate::time::{Nanos, SECOND, Stamp, format_rfc3339, parse_rfc3339};

fn nanos(text: &str) -> Nanos {
    match parse_rfc3339(text.as_bytes()) {
        Stamp::At { nanos, .. } => nanos,
        Stamp::Absent | Stamp::Bad => panic!("{text} is no time"),
    }
}

/// The time as text; a second that holds no more than that ends in `?`.
fn time_of(event: &str) -> Result<String, DropReason> {
    let time = parse_event(event.as_bytes()).expect("an Event").time.ok_or(DropReason::BadTime)?;
    let text = format_rfc3339(time.at);
    Ok(if time.precise { text } else { text.replace('Z', "?") })
}

/// Metadata of an Event, written by the API server at `created`, and at `written` by managedFields.
fn metadata(name: &str, created: &str, written: &[&str]) -> String {
    let entries: Vec<_> =
        written.iter().map(|time| format!(r#"{{"manager":"m","time":{time}}}"#)).collect();
    let managed =
        if written.is_empty() { "null".into() } else { format!("[{}]", entries.join(",")) };
    format!(
        r#""metadata":{{"name":"{name}","creationTimestamp":{created},"managedFields":{managed}}}"#
    )
}

#[test]
fn a_time_is_the_best_that_the_event_holds() {
    // 18ea67c2cf17cc9f is 2026-11-22T15:31:27.856323743Z.
    let suffix = "web.18ea67c2cf17cc9f";
    let s27 = r#""2026-11-22T15:31:27Z""#;
    let s29 = r#""2026-11-22T15:31:29Z""#;
    let s30 = r#""2026-11-22T15:31:30Z""#;
    let late = r#""2026-11-22T15:59:59Z""#;
    let table = [
        // First occurrences.
        (
            metadata("e", late, &[]),
            format!(r#""eventTime":"2026-11-22T15:31:27.123456Z","firstTimestamp":{s30}"#),
            "2026-11-22T15:31:27.123456Z",
        ),
        (metadata("e", late, &[]), format!(r#""eventTime":{s27}"#), "2026-11-22T15:31:27Z"),
        (
            metadata(suffix, late, &[]),
            format!(r#""firstTimestamp":{s27},"count":1"#),
            "2026-11-22T15:31:27.856323743Z",
        ),
        (
            metadata(suffix, late, &[]),
            format!(r#""firstTimestamp":{s29}"#),
            "2026-11-22T15:31:27.856323743Z",
        ),
        (metadata(suffix, late, &[]), format!(r#""firstTimestamp":{s30}"#), "2026-11-22T15:31:30?"),
        (
            metadata(suffix, late, &[]),
            format!(r#""deprecatedFirstTimestamp":{s27}"#),
            "2026-11-22T15:31:27.856323743Z",
        ),
        (
            metadata("web.18ea67c2cf17cc9", late, &[]),
            format!(r#""firstTimestamp":{s27}"#),
            "2026-11-22T15:31:27?",
        ),
        (
            metadata("web.18ea67c2cf17cc9g", late, &[]),
            format!(r#""firstTimestamp":{s27}"#),
            "2026-11-22T15:31:27?",
        ),
        (
            metadata("web.ffffffffffffffff", late, &[]),
            format!(r#""firstTimestamp":{s27}"#),
            "2026-11-22T15:31:27?",
        ),
        (
            metadata("e", late, &[]),
            r#""firstTimestamp":"2026-11-22T15:31:27.5Z""#.into(),
            "2026-11-22T15:31:27.5Z",
        ),
        (metadata("e", s30, &[]), r#""lastTimestamp":null"#.into(), "2026-11-22T15:31:30?"),
        // Repeats.
        (
            metadata(suffix, s27, &[]),
            format!(r#""firstTimestamp":{s27},"lastTimestamp":{s30},"count":2"#),
            "2026-11-22T15:31:30?",
        ),
        (
            metadata(suffix, s27, &[]),
            format!(
                r#""eventTime":{s27},"series":{{"count":2,"lastObservedTime":"2026-11-22T15:31:30.25Z"}}"#
            ),
            "2026-11-22T15:31:30.25Z",
        ),
        (
            metadata(suffix, s27, &[]),
            format!(r#""eventTime":{s27},"series":{{"count":1,"lastObservedTime":{s30}}}"#),
            "2026-11-22T15:31:30Z",
        ),
        (
            metadata("e", s27, &[]),
            format!(r#""firstTimestamp":{s29},"count":2"#),
            "2026-11-22T15:31:29?",
        ),
        (metadata("e", s27, &[]), r#""count":2"#.into(), "2026-11-22T15:31:27?"),
        // Never after the second in which the API server wrote it, by its own clock.
        (metadata("e", s29, &[]), format!(r#""firstTimestamp":{s30}"#), "2026-11-22T15:31:29?"),
        (metadata("e", s29, &[s30]), format!(r#""firstTimestamp":{s30}"#), "2026-11-22T15:31:30?"),
        (
            metadata("e", s30, &[s27, s29, "null", "5"]),
            r#""eventTime":"2026-11-22T15:31:30.1Z""#.into(),
            "2026-11-22T15:31:29?",
        ),
        (
            metadata("e", s29, &[]),
            r#""eventTime":"2026-11-22T15:31:29.999999Z""#.into(),
            "2026-11-22T15:31:29.999999Z",
        ),
        (
            metadata("e", s27, &[s29]),
            format!(r#""lastTimestamp":{s30},"count":2"#),
            "2026-11-22T15:31:29?",
        ),
        (
            metadata("e", s27, &[]),
            format!(r#""lastTimestamp":{s30},"count":2"#),
            "2026-11-22T15:31:30?",
        ),
    ];
    for (metadata, fields, expected) in table {
        let event = format!("{{{metadata},{fields}}}");
        assert_eq!(time_of(&event).as_deref(), Ok(expected), "{event}");
    }
}

#[test]
fn a_time_out_of_range_is_no_time() {
    for fields in [
        r#""eventTime":"1969-12-31T23:59:59.5Z""#,
        r#""firstTimestamp":"9999-12-31T23:59:59Z""#,
        r#""firstTimestamp":"2026-11-22T15:31:27Z","lastTimestamp":"2262-04-12T00:00:00Z","count":2"#,
        r#""reason":"without any time""#,
    ] {
        assert_eq!(time_of(&format!("{{{fields}}}")), Err(DropReason::BadTime), "{fields}");
    }
}

#[test]
fn a_second_ends_just_before_the_next() {
    let at = nanos("2026-11-22T15:31:27Z");
    assert_eq!(EventTime { at, precise: false }.latest(), at + SECOND - 1);
    assert_eq!(EventTime { at, precise: true }.latest(), at);
}

const CORE: &str = r#"{
  "kind": "Event", "apiVersion": "v1",
  "metadata": {"name": "web.18ea67c2cf17cc9f", "namespace": "shop", "uid": "u1", "resourceVersion": "1340",
    "annotations": {"topLevelSpan": "true"},
    "managedFields": [{"manager": "m", "time": "2026-11-22T15:31:27Z", "fieldsV1": {"f:message": {}}}]},
  "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web", "uid": "p1", "apiVersion": "v1",
    "resourceVersion": "1337", "fieldPath": "spec.containers{nginx}"},
  "related": {"kind": "Node", "name": "n1", "uid": "r1"},
  "reason": "Pulled", "action": "Pull", "message": "done", "type": "Normal", "count": 3,
  "source": {"component": "kubelet", "host": "n1"},
  "firstTimestamp": "2026-11-22T15:31:27Z", "lastTimestamp": "2026-11-22T15:31:29Z", "eventTime": null,
  "reportingComponent": "other", "reportingInstance": "other-n1"}"#;

#[test]
fn both_event_apis_read_the_same() {
    let newer = [
        (
            "\"apiVersion\": \"v1\",\n  \"metadata\"",
            "\"apiVersion\": \"events.k8s.io/v1\",\n  \"metadata\"",
        ),
        ("\"involvedObject\"", "\"regarding\""),
        ("\"message\"", "\"note\""),
        ("\"source\"", "\"deprecatedSource\""),
        ("\"count\"", "\"deprecatedCount\""),
        ("\"firstTimestamp\"", "\"deprecatedFirstTimestamp\""),
        ("\"lastTimestamp\"", "\"deprecatedLastTimestamp\""),
        ("\"reportingComponent\"", "\"reportingController\""),
    ];
    let newer = newer.iter().fold(CORE.to_owned(), |json, (from, to)| {
        assert!(json.contains(from), "{from}");
        json.replace(from, to)
    });
    let (core, newer) = (parse_event(CORE.as_bytes()), parse_event(newer.as_bytes()));
    assert_eq!(format!("{core:?}"), format!("{newer:?}"));
}

#[test]
fn every_field_is_read() {
    let event = parse_event(CORE.as_bytes()).expect("an Event");
    let KubeEvent { uid, name, resource_version, regarding, related, .. } = &event;
    assert_eq!((&**uid, &**name, *resource_version), ("u1", "web.18ea67c2cf17cc9f", 1340));
    let object = [&regarding.kind, &regarding.namespace, &regarding.name, &regarding.uid];
    assert_eq!(object, ["Pod", "shop", "web", "p1"]);
    let object = [&regarding.api_version, &regarding.resource_version, &regarding.field_path];
    assert_eq!(object, ["v1", "1337", "spec.containers{nginx}"]);
    let related = related.as_ref().expect("is there");
    assert_eq!(
        [&related.kind, &related.namespace, &related.name, &related.uid],
        ["Node", "", "n1", "r1"]
    );
    let texts = [&event.reason, &event.action, &event.message, &event.event_type];
    assert_eq!(texts, ["Pulled", "Pull", "done", "Normal"]);
    assert_eq!([&event.component, &event.instance, &event.host], ["kubelet", "n1", "n1"]);
    assert!(event.top_level && !event.is_first() && event.usable_time().is_ok());
    assert_eq!((event.count(), event.plain_count, event.series), (3, Some(3), None));
}

#[test]
fn the_reporting_fields_stand_in_for_the_source() {
    let event =
        CORE.replace(r#""source": {"component": "kubelet", "host": "n1"}"#, r#""source": {}"#);
    let event = parse_event(event.as_bytes()).expect("an Event");
    assert_eq!([&event.component, &event.instance, &event.host], ["other", "other-n1", ""]);
}

#[test]
fn the_count_of_a_series_comes_first() {
    let counts = [
        (r#""series":{"count":7},"count":3"#, 7, false),
        (r#""series":{},"count":3"#, 3, false),
        (r#""series":{"count":1}"#, 1, false),
        (r#""series":null,"count":1"#, 1, true),
        (r#""count":0"#, 0, true),
        (r#""count":2"#, 2, false),
        (r#""x":0"#, 0, true),
    ];
    for (fields, count, first) in counts {
        let event = format!("{{{fields}}}");
        let event = parse_event(event.as_bytes()).expect("an Event");
        assert_eq!((event.count(), event.is_first()), (count, first), "{fields}");
    }
}

fn meta(json: &str) -> ObjectMeta<'_> {
    RawObject::read(&mut Scanner::new(json.as_bytes())).expect("an object").into()
}

#[test]
fn metadata_is_read_and_the_rest_is_skipped() {
    let object = meta(
        r#"{"status":{"replicas":[1,{"x":"}"}]},"spec":{"metadata":{"uid":"no"}},
        "metadata":{"ownerReferences":[
            {"apiVersion":"v1","kind":"Node","name":"n","uid":"o1"},
            {"apiVersion":"apps/v1","kind":"Deployment","name":"web","uid":"o2","controller":true,"blockOwnerDeletion":true}],
          "generation":2,"deletionTimestamp":"2026-11-22T15:32:27Z","creationTimestamp":"2026-11-22T15:31:27Z",
          "labels":{"uid":"no"},"annotations":{"a":"b"},"resourceVersion":"12","uid":"u","namespace":"shop","name":"web-1"},
        "apiVersion":"apps/v1","kind":"ReplicaSet"}"#,
    );
    let names = [&object.api_version, &object.kind, &object.namespace, &object.name, &object.uid];
    assert_eq!(names, ["apps/v1", "ReplicaSet", "shop", "web-1", "u"]);
    assert_eq!((object.resource_version, object.generation), (12, 2));
    assert!(object.deleting && !object.has_managed_fields && object.spec_entries.is_empty());
    assert_eq!(object.created.second(), Some(nanos("2026-11-22T15:31:27Z")));
    let owners: Vec<_> =
        object.owners.iter().map(|owner| (&*owner.kind, &*owner.uid, owner.controller)).collect();
    assert_eq!(owners, [("Node", "o1", false), ("Deployment", "o2", true)]);
}

#[test]
fn only_managers_that_own_spec_count() {
    let object = meta(
        r#"{"metadata":{"managedFields":[
          {"manager":"a","operation":"Apply","time":"2026-11-22T15:31:27Z","fieldsV1":{"f:metadata":{},"f:spec":{"f:x":{}}}},
          {"manager":"b","operation":"Update","subresource":"status","fieldsV1":{"f:spec":{}}},
          {"manager":"c","operation":"Update","subresource":"scale","fieldsV1":{"f:spec":{"f:replicas":{}}}},
          {"manager":"d","operation":"Update","fieldsV1":{"f:metadata":{"f:spec":{}}}},
          {"fieldsV1":{"f:spec":{"f:x":{}},"f:metadata":{}},"manager":"e"},
          {"manager":"f"}, null, 5]}}"#,
    );
    assert!(object.has_managed_fields);
    let entries = &object.spec_entries;
    let names: Vec<_> = entries
        .iter()
        .map(|entry| [&*entry.manager, &entry.operation, &entry.subresource])
        .collect();
    assert_eq!(names, [["a", "Apply", ""], ["c", "Update", "scale"], ["e", "", ""]]);
    assert_ne!(entries[0].fields, entries[1].fields);
    assert_eq!(entries[0].time.second(), Some(nanos("2026-11-22T15:31:27Z")));
}

#[test]
fn in_metadata_a_wrong_type_is_as_if_absent() {
    let object = meta(
        r#"{"kind":"Pod","apiVersion":5,"metadata":{"name":["x"],"uid":"u","resourceVersion":12,"generation":"2",
          "creationTimestamp":5,"deletionTimestamp":null,"ownerReferences":{"uid":"x"},"managedFields":"x","namespace":null}}"#,
    );
    let names = [&object.api_version, &object.kind, &object.namespace, &object.name, &object.uid];
    assert_eq!(names, ["", "Pod", "", "", "u"]);
    assert_eq!((object.resource_version, object.generation, object.created), (0, 0, Stamp::Absent));
    assert!(!object.deleting && object.owners.is_empty() && !object.has_managed_fields);
    let read = |metadata| parse_meta(metadata, ("v1", "Pod"));
    assert!(read(b"{").is_none() && read(b"").is_some() && read(b"[]").is_some());
}
