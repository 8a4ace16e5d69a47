//! Takes one record out of a batch: what a Correlator fails at, so that it can go on without it.
//!
//! In the record's place stands that it was taken out, with the watermark it came with; so time and
//! the account stay what they were. What it held becomes a frame that can be read again, for a file.

use crate::batch;
use crate::json::Scanner;
use crate::record::{Record, Version};
use crate::time::format_rfc3339;

/// A batch without one of its records.
#[derive(Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The batch, with a record that stands for the one taken out.
    pub batch: Vec<u8>,
    /// The frame that the record came from, on one line; empty when there is no one such frame.
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
    let frame = frame_of(&record).into_iter().map(in_one_line).collect();
    Some(Quarantined { batch: without, frame, is_event })
}

fn frame_of(record: &Record<'_>) -> Vec<u8> {
    match record {
        Record::Event { object, .. } => {
            let kind = if has_kind(object) { "" } else { r#""apiVersion":"v1","kind":"Event","# };
            let members = object.strip_prefix(b"{").unwrap_or(object);
            [br#"{"type":"ADDED","object":{"#, kind.as_bytes(), members, b"}"].concat()
        }
        Record::Meta { version, .. } => frame_of_version(version),
        _ => Vec::new(),
    }
}

fn frame_of_version(Version { deleted, received_at, kind, metadata }: &Version<'_>) -> Vec<u8> {
    let change = if *deleted { "DELETED" } else { "ADDED" };
    let received = received_at
        .map(|at| format!(r#""receivedAt":"{}","#, format_rfc3339(at)))
        .unwrap_or_default();
    let [api_version, kind] = [kind.0, kind.1].map(quoted);
    let head = format!(
        r#"{{"type":"{change}",{received}"object":{{"apiVersion":{api_version},"kind":{kind},"metadata":"#
    );
    let metadata = if metadata.is_empty() { b"{}" } else { *metadata };
    [head.as_bytes(), metadata, b"}}"].concat()
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

/// Items of a list may have none.
fn has_kind(object: &[u8]) -> bool {
    let mut found = false;
    let read = Scanner::new(object).object(|scanner, key| {
        found |= key == b"kind";
        scanner.skip().map(drop)
    });
    read.is_ok() && found
}

/// JSON has line breaks between values only.
fn in_one_line(byte: u8) -> u8 {
    if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }
}

#[cfg(test)]
mod tests {
    use super::{Quarantined, take_out};
    use crate::batch::{ends, read, write};
    use crate::record::{Record, Version};
    use crate::time::Nanos;

    const EVENT: Record<'_> =
        Record::Event { root: 7, object: b"{\"kind\":\"Event\",\n\"a\":1}", links: Vec::new() };

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
        assert_eq!(frame_of(EVENT), r#"{"type":"ADDED","object":{"kind":"Event", "a":1}}"#);
    }

    #[test]
    fn an_event_of_a_list_that_names_no_kind_gets_one() {
        let event = Record::Event { root: 7, object: b"{\"a\":{\"kind\":1}}", links: Vec::new() };
        let expected =
            r#"{"type":"ADDED","object":{"apiVersion":"v1","kind":"Event","a":{"kind":1}}}"#;
        assert_eq!(frame_of(event), expected);
    }

    #[test]
    fn a_version_of_an_object_becomes_a_frame_with_its_time() {
        let version = Version {
            deleted: true,
            received_at: Some(1_000_000_000),
            kind: ("v1", "Po\"d"),
            metadata: b"{\"name\":\"web\"}",
        };
        let expected = r#"{"type":"DELETED","receivedAt":"1970-01-01T00:00:01Z","object":{"apiVersion":"v1","kind":"Po\"d","metadata":{"name":"web"}}}"#;
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
