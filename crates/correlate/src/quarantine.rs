//! Takes one record out of a batch: what a Correlator fails at, so that it can go on without it.
//!
//! In the record's place stands that it was taken out, with the watermark it came with; so time and
//! the account stay what they were. What was read of it becomes a frame that can be read again, for a
//! file: all that a Correlator was told, in the fields of the API, and no more.

use crate::batch;
use crate::event::{EventTime, KubeEvent};
use crate::meta::{ObjectMeta, SpecEntry};
use crate::object::{ObjectRef, OwnerRef};
use crate::record::{Record, Version};
use crate::time::{Nanos, SECOND, Stamp, format_rfc3339};
use crate::wire;

/// A batch without one of its records.
#[derive(Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The batch, with a record that stands for the one taken out.
    pub batch: Vec<u8>,
    /// A frame that tells what the record told, on one line; empty when there is no one such frame.
    pub frame: Vec<u8>,
    /// Whether it was an Event.
    pub is_event: bool,
}

/// Takes out the record of this number, from nought. `None`: there is none that could be.
#[must_use]
pub fn take_out(batch: &[u8], number: usize) -> Option<Quarantined> {
    let ends = batch::ends(batch).ok()?;
    let end = *ends.get(number)?;
    let start = number.checked_sub(1).map_or(0, |before| ends[before]);
    let (watermark, record) = batch::read(&batch[start..end]).next()?.ok()?;
    if matches!(record, Record::Watermark | Record::Quarantined { .. }) {
        return None;
    }
    let is_event = matches!(record, Record::Event { .. });
    let mut without = batch[..start].to_vec();
    batch::write(&mut without, watermark, &Record::Quarantined { is_event });
    without.extend_from_slice(&batch[end..]);
    let frame = frame_of(&record).unwrap_or_default();
    let frame = frame.into_bytes().into_iter().map(in_one_line).collect();
    Some(Quarantined { batch: without, frame, is_event })
}

fn frame_of(record: &Record<'_>) -> Option<String> {
    match record {
        Record::Event { event, .. } => Some(frame_of_event(&wire::read(event)?)),
        Record::Meta { version, .. } => {
            Some(frame_of_version(version, &wire::read(version.metadata)?))
        }
        _ => None,
    }
}

fn frame_of_event(event: &KubeEvent<'_>) -> String {
    let EventTime { at, precise } = event.time.unwrap_or_default();
    let time_field = match (event.is_first(), precise) {
        (true, true) => "eventTime",
        (true, false) => "firstTimestamp",
        (false, _) => "lastTimestamp",
    };
    // Without it the time could be taken for one after the Event was written.
    let written = [object(&[("time", time(at - at.rem_euclid(SECOND), false))])];
    let annotations = [("topLevelSpan", if event.top_level { quoted("true") } else { none() })];
    let metadata = object(&[
        ("name", text(&event.name)),
        ("namespace", text(&event.regarding.namespace)),
        ("uid", text(&event.uid)),
        ("resourceVersion", version(event.resource_version)),
        ("creationTimestamp", stamp(event.created)),
        ("annotations", if event.top_level { object(&annotations) } else { none() }),
        ("managedFields", array(&written)),
    ]);
    let source = [("component", text(&event.component)), ("host", text(&event.host))];
    let number = |count: Option<u64>| count.map_or_else(none, |count| count.to_string());
    frame(
        false,
        None,
        &[
            ("apiVersion", quoted("v1")),
            ("kind", quoted("Event")),
            ("metadata", metadata),
            ("involvedObject", reference(&event.regarding)),
            ("related", event.related.as_ref().map_or_else(none, reference)),
            ("reason", text(&event.reason)),
            ("action", text(&event.action)),
            ("message", text(&event.message)),
            ("source", object(&source)),
            ("reportingInstance", text(&event.instance)),
            ("type", text(&event.event_type)),
            ("count", number(event.plain_count)),
            ("series", event.series.map_or_else(none, |n| object(&[("count", n.to_string())]))),
            (time_field, time(at, precise)),
        ],
    )
}

fn frame_of_version(version_told: &Version<'_>, meta: &ObjectMeta<'_>) -> String {
    let Version { deleted, received_at, .. } = *version_told;
    let json = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut written: Vec<_> = meta.spec_entries.iter().map(written_by).collect();
    if meta.has_managed_fields && written.is_empty() {
        written.push(object(&[]));
    }
    let owners: Vec<_> = meta.owners.iter().map(owner).collect();
    let deleting = if meta.deleting { time(received_at.unwrap_or(0), false) } else { none() };
    let metadata = object(&[
        ("name", text(&meta.name)),
        ("namespace", text(&meta.namespace)),
        ("uid", text(&meta.uid)),
        ("resourceVersion", version(meta.resource_version)),
        ("generation", if meta.generation == 0 { none() } else { meta.generation.to_string() }),
        ("creationTimestamp", stamp(meta.created)),
        ("deletionTimestamp", deleting),
        ("ownerReferences", array(&owners)),
        ("labels", json(meta.labels)),
        ("annotations", json(meta.annotations)),
        ("managedFields", array(&written)),
    ]);
    let kind = [
        ("apiVersion", text(&meta.api_version)),
        ("kind", text(&meta.kind)),
        ("metadata", metadata),
    ];
    frame(deleted, received_at, &kind)
}

fn frame(deleted: bool, received_at: Option<Nanos>, members: &[(&str, String)]) -> String {
    object(&[
        ("type", quoted(if deleted { "DELETED" } else { "ADDED" })),
        ("receivedAt", received_at.map_or_else(none, |at| time(at, false))),
        ("object", object(members)),
    ])
}

fn reference(to: &ObjectRef<'_>) -> String {
    object(&[
        ("kind", text(&to.kind)),
        ("namespace", text(&to.namespace)),
        ("name", text(&to.name)),
        ("uid", text(&to.uid)),
        ("apiVersion", text(&to.api_version)),
        ("resourceVersion", text(&to.resource_version)),
        ("fieldPath", text(&to.field_path)),
    ])
}

fn owner(owner: &OwnerRef<'_>) -> String {
    object(&[
        ("apiVersion", text(&owner.api_version)),
        ("kind", text(&owner.kind)),
        ("name", text(&owner.name)),
        ("uid", text(&owner.uid)),
        ("controller", owner.controller.to_string()),
    ])
}

/// Which fields they were is not told, but that those of the spec were among them.
fn written_by(entry: &SpecEntry<'_>) -> String {
    object(&[
        ("manager", text(&entry.manager)),
        ("operation", text(&entry.operation)),
        ("subresource", text(&entry.subresource)),
        ("time", stamp(entry.time)),
        ("fieldsV1", object(&[("f:spec", object(&[]))])),
    ])
}

/// What there is none of is left out of its object.
fn none() -> String {
    String::new()
}

fn object(members: &[(&str, String)]) -> String {
    let given = members.iter().filter(|(_, value)| !value.is_empty());
    let members: Vec<_> = given.map(|(key, value)| format!("\"{key}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn array(items: &[String]) -> String {
    if items.is_empty() { none() } else { format!("[{}]", items.join(",")) }
}

fn text(text: &str) -> String {
    if text.is_empty() { none() } else { quoted(text) }
}

fn version(version: u64) -> String {
    if version == 0 { none() } else { quoted(&version.to_string()) }
}

fn stamp(stamp: Stamp) -> String {
    match stamp {
        Stamp::At { nanos, precise } => time(nanos, precise),
        Stamp::Absent | Stamp::Bad => none(),
    }
}

/// Only with a fraction it is known better than to the second.
fn time(at: Nanos, precise: bool) -> String {
    let text = format_rfc3339(at);
    let whole = precise && !text.contains('.');
    quoted(&if whole { text.replace('Z', ".0Z") } else { text })
}

/// As a JSON string.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|char| match char {
        '"' | '\\' => format!("\\{char}"),
        '\0'..='\x1f' => format!("\\u{:04x}", u32::from(char)),
        _ => char.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// JSON has line breaks between values only.
fn in_one_line(byte: u8) -> u8 {
    if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }
}

#[cfg(test)]
mod tests {
    use super::{Quarantined, take_out};
    use crate::batch::{ends, read, write};
    use crate::event::parse_event;
    use crate::meta::parse_meta;
    use crate::record::{Record, Version};
    use crate::time::Nanos;
    use crate::wire;

    const EVENT: Record<'_> = Record::Event { root: 7, event: b"event", links: Vec::new() };

    fn batch_of(records: &[(Nanos, Record<'_>)]) -> Vec<u8> {
        let mut batch = Vec::new();
        for (watermark, record) in records {
            write(&mut batch, *watermark, record);
        }
        batch
    }

    fn frame_of(record: Record<'_>) -> String {
        let taken = take_out(&batch_of(&[(1, record)]), 0).unwrap();
        String::from_utf8(taken.frame).unwrap()
    }

    #[test]
    fn every_record_keeps_its_watermark_and_the_others_stay_as_they_are() {
        let meta = Record::Moved { root: 1, object: 2 };
        let records = [(1, meta.clone()), (2, EVENT), (3, meta.clone()), (4, Record::Watermark)];
        let Quarantined { batch, is_event, .. } = take_out(&batch_of(&records), 1).unwrap();
        assert!(is_event);
        let left = [
            (1, meta.clone()),
            (2, Record::Quarantined { is_event: true }),
            (3, meta),
            (4, Record::Watermark),
        ];
        assert_eq!(read(&batch).collect::<Result<Vec<_>, _>>().unwrap(), left);
        assert_eq!(ends(&batch).unwrap().len(), 4);
    }

    #[test]
    fn an_event_becomes_a_frame_on_one_line() {
        let json = r#"{"metadata":{"name":"a.b","uid":"u","resourceVersion":"9"},"message":"two
lines","involvedObject":{"kind":"Pod","name":"we\"b","uid":"p"},"eventTime":"1970-01-01T00:00:01Z"}"#;
        let mut event = Vec::new();
        wire::write(&mut event, &parse_event(json.as_bytes()).expect("it is JSON"));
        let expected = r#"{"type":"ADDED","object":{"apiVersion":"v1","kind":"Event","metadata":{"name":"a.b","uid":"u","resourceVersion":"9","managedFields":[{"time":"1970-01-01T00:00:01Z"}]},"involvedObject":{"kind":"Pod","name":"we\"b","uid":"p"},"message":"two\u000alines","source":{},"eventTime":"1970-01-01T00:00:01.0Z"}}"#;
        assert_eq!(frame_of(Record::Event { root: 7, event: &event, links: Vec::new() }), expected);
    }

    #[test]
    fn a_version_of_an_object_becomes_a_frame_with_its_time() {
        let json = b"{\"name\":\"web\",\"labels\":{\n}}";
        let mut metadata = Vec::new();
        let meta = parse_meta(json, ("v1", "Po\"d")).expect("it is JSON");
        wire::write(&mut metadata, &meta);
        let version =
            Version { deleted: true, received_at: Some(1_000_000_000), metadata: &metadata };
        let expected = r#"{"type":"DELETED","receivedAt":"1970-01-01T00:00:01Z","object":{"apiVersion":"v1","kind":"Po\"d","metadata":{"name":"web","labels":{ }}}}"#;
        assert_eq!(frame_of(Record::Meta { root: 1, version }), expected);
    }

    #[test]
    fn what_has_no_frame_is_taken_out_all_the_same() {
        assert_eq!(frame_of(Record::Evict { root: 1, object: 2 }), "");
    }

    #[test]
    fn time_is_not_taken_out_nor_anything_twice() {
        let batch = batch_of(&[(1, EVENT), (2, Record::Watermark)]);
        assert_eq!(take_out(&batch, 1), None);
        assert_eq!(take_out(&batch, 2), None);
        assert_eq!(take_out(&batch[1..], 0), None);
        let taken = take_out(&batch, 0).unwrap();
        assert_eq!(take_out(&taken.batch, 0), None);
    }
}
