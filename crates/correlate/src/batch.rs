//! Records in one byte buffer, written and read here only.
//!
//! Every record begins with the watermark that holds before it; a batch ends with the watermark
//! that holds after it. What was read of Events and of metadata travels as `wire.rs` has it.

use crate::links::{LinkKind, SpanContext};
use crate::object::ObjectRef;
use crate::record::{Naming, Record, ToldLink, Trouble, Version};
use crate::rules::Phase;
use crate::time::Nanos;

const EVENT: u8 = 1;
const META: u8 = 2;
const NAME: u8 = 3;
const MOVED: u8 = 4;
const EVICT: u8 = 5;
const WATERMARK: u8 = 6;
const LINK: u8 = 7;
const TROUBLE: u8 = 8;
const FORGET: u8 = 9;
const QUARANTINED: u8 = 10;

/// Bytes that no Router wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedBatch {
    /// Where the record begins that cannot be read.
    at: usize,
}

impl std::fmt::Display for MalformedBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no Router wrote this batch: byte {} begins no record", self.at)
    }
}

/// Appends one record.
pub fn write(out: &mut Vec<u8>, watermark: Nanos, record: &Record<'_>) {
    let tag = match record {
        Record::Event { .. } => EVENT,
        Record::Meta { .. } => META,
        Record::Name { .. } => NAME,
        Record::Moved { .. } => MOVED,
        Record::Evict { .. } => EVICT,
        Record::Watermark => WATERMARK,
        Record::Link { .. } => LINK,
        Record::Trouble(_) => TROUBLE,
        Record::Forget(_) => FORGET,
        Record::Quarantined { .. } => QUARANTINED,
    };
    out.push(tag);
    out.extend_from_slice(&watermark.to_le_bytes());
    match record {
        Record::Event { root, event, links } => {
            out.extend_from_slice(&root.to_le_bytes());
            write_bytes(out, event);
            let count = u16::try_from(links.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&count.to_le_bytes());
            for link in links.iter().take(count.into()) {
                write_link(out, *link);
            }
        }
        Record::Link { root, about, at, link } => {
            out.extend_from_slice(&root.to_le_bytes());
            out.extend_from_slice(&about.to_le_bytes());
            out.extend_from_slice(&at.to_le_bytes());
            write_link(out, *link);
        }
        Record::Trouble(Trouble { node, phase, at, began }) => {
            out.extend_from_slice(&node.to_le_bytes());
            out.push(phase.0);
            out.extend_from_slice(&at.to_le_bytes());
            out.push(u8::from(began.is_some()));
            if let Some(began) = began {
                write_context(out, began);
            }
        }
        Record::Meta { root, version } => {
            let Version { deleted, received_at, metadata } = version;
            out.extend_from_slice(&root.to_le_bytes());
            out.push(u8::from(*deleted));
            out.extend_from_slice(&received_at.unwrap_or(Nanos::MIN).to_le_bytes());
            write_bytes(out, metadata);
        }
        Record::Name { root, naming: Naming { owner, named, at } } => {
            out.extend_from_slice(&root.to_le_bytes());
            let ObjectRef { kind, namespace, name, uid, api_version, .. } = owner;
            for text in [kind, namespace, name, uid, api_version] {
                write_bytes(out, text.as_bytes());
            }
            for text in [named.0, named.1, named.2] {
                write_bytes(out, text.as_bytes());
            }
            out.extend_from_slice(&at.to_le_bytes());
        }
        Record::Moved { root, object } | Record::Evict { root, object } => {
            out.extend_from_slice(&root.to_le_bytes());
            out.extend_from_slice(&object.to_le_bytes());
        }
        Record::Forget(before) => out.extend_from_slice(&before.to_le_bytes()),
        Record::Quarantined { is_event } => out.push(u8::from(*is_event)),
        Record::Watermark => {}
    }
}

/// Reads the records of a batch in order, each with the watermark that holds before it. What no
/// Router wrote is the last item.
pub fn read(batch: &[u8]) -> impl Iterator<Item = Result<(Nanos, Record<'_>), MalformedBatch>> {
    let mut reader = Reader { rest: batch };
    std::iter::from_fn(move || {
        let at = batch.len() - reader.rest.len();
        (!reader.rest.is_empty()).then(|| {
            reader.record().ok_or_else(|| {
                reader.rest = &[];
                MalformedBatch { at }
            })
        })
    })
}

/// Where each record ends.
///
/// # Errors
/// When no Router wrote the batch.
pub fn ends(batch: &[u8]) -> Result<Vec<usize>, MalformedBatch> {
    let (mut reader, mut ends) = (Reader { rest: batch }, Vec::new());
    while !reader.rest.is_empty() {
        let at = batch.len() - reader.rest.len();
        reader.record().ok_or(MalformedBatch { at })?;
        ends.push(batch.len() - reader.rest.len());
    }
    Ok(ends)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn record(&mut self) -> Option<(Nanos, Record<'a>)> {
        let [tag] = self.array()?;
        let watermark = self.time()?;
        let record = match tag {
            EVENT => {
                let (root, event) = (self.key()?, self.bytes()?);
                let count = u16::from_le_bytes(self.array()?);
                let links = (0..count).map(|_| self.link()).collect::<Option<_>>()?;
                Record::Event { root, event, links }
            }
            LINK => Record::Link {
                root: self.key()?,
                about: self.key()?,
                at: self.time()?,
                link: self.link()?,
            },
            TROUBLE => Record::Trouble(Trouble {
                node: u64::from_le_bytes(self.array()?),
                phase: Phase(u8::from_le_bytes(self.array()?)),
                at: self.time()?,
                began: if self.array()? == [1] { Some(self.context()?) } else { None },
            }),
            META => Record::Meta { root: self.key()?, version: self.version()? },
            NAME => Record::Name { root: self.key()?, naming: self.naming()? },
            MOVED => Record::Moved { root: self.key()?, object: self.key()? },
            EVICT => Record::Evict { root: self.key()?, object: self.key()? },
            FORGET => Record::Forget(self.time()?),
            QUARANTINED => Record::Quarantined { is_event: self.array()? == [1] },
            WATERMARK => Record::Watermark,
            _ => return None,
        };
        Some((watermark, record))
    }

    fn naming(&mut self) -> Option<Naming<'a>> {
        let owner = ObjectRef {
            kind: self.text()?.into(),
            namespace: self.text()?.into(),
            name: self.text()?.into(),
            uid: self.text()?.into(),
            api_version: self.text()?.into(),
            ..ObjectRef::default()
        };
        let named = (self.text()?, self.text()?, self.text()?);
        Some(Naming { owner, named, at: self.time()? })
    }

    fn version(&mut self) -> Option<Version<'a>> {
        Some(Version {
            deleted: self.array()? == [1],
            received_at: Some(self.time()?).filter(|&at| at != Nanos::MIN),
            metadata: self.bytes()?,
        })
    }

    fn link(&mut self) -> Option<ToldLink> {
        let [kind] = self.array()?;
        Some((*LinkKind::ALL.get(usize::from(kind))?, self.context()?))
    }

    fn context(&mut self) -> Option<SpanContext> {
        Some(SpanContext { trace: self.array()?, span: self.array()? })
    }

    fn key(&mut self) -> Option<u128> {
        self.array().map(u128::from_le_bytes)
    }

    fn time(&mut self) -> Option<Nanos> {
        self.array().map(Nanos::from_le_bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*head)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_le_bytes(self.array()?) as usize;
        let (head, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(head)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}

fn write_link(out: &mut Vec<u8>, (kind, to): ToldLink) {
    out.push(kind as u8);
    write_context(out, &to);
}

fn write_context(out: &mut Vec<u8>, context: &SpanContext) {
    out.extend_from_slice(&context.trace);
    out.extend_from_slice(&context.span);
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("frames are smaller than 4 GiB");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::{
        LinkKind, MalformedBatch, Naming, Phase, Record, SpanContext, Trouble, Version, read, write,
    };
    use crate::object::ObjectRef;

    fn records() -> Vec<Record<'static>> {
        let owner = ObjectRef {
            kind: "ReplicaSet".into(),
            namespace: "shop".into(),
            name: "web".into(),
            uid: "u".into(),
            api_version: "apps/v1".into(),
            ..ObjectRef::default()
        };
        let named = ("Pod", "shop", "web-1");
        let to = SpanContext { trace: [7; 16], span: [9; 8] };
        let link = (LinkKind::Traceparent, to);
        let version = Version { deleted: true, received_at: Some(5), metadata: b"metadata" };
        let bare = Version { deleted: false, received_at: None, metadata: b"" };
        vec![
            Record::Event { root: 7, event: b"event", links: vec![(LinkKind::Names, to), link] },
            Record::Event { root: 7, event: b"event", links: Vec::new() },
            Record::Link { root: 8, about: 9, at: -3, link },
            Record::Trouble(Trouble { node: 5, phase: Phase(3), at: 4, began: Some(to) }),
            Record::Trouble(Trouble { node: 5, phase: Phase(3), at: 4, began: None }),
            Record::Meta { root: 9, version },
            Record::Meta { root: 9, version: bare },
            Record::Name { root: 9, naming: Naming { owner, named, at: 5 } },
            Record::Moved { root: 1, object: 2 },
            Record::Evict { root: 1, object: u128::MAX },
            Record::Forget(-7),
            Record::Quarantined { is_event: true },
            Record::Quarantined { is_event: false },
            Record::Watermark,
        ]
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut batch = Vec::new();
        for (watermark, record) in (0..).zip(&records()) {
            write(&mut batch, watermark, record);
        }
        let back: Result<Vec<_>, _> = read(&batch).collect();
        assert_eq!(back, Ok((0..).zip(records()).collect()));
    }

    #[test]
    fn what_no_router_wrote_is_told_at_its_place() {
        for record in records() {
            let mut batch = Vec::new();
            write(&mut batch, 1, &Record::Watermark);
            let at = batch.len();
            write(&mut batch, 2, &record);
            for end in at + 1..batch.len() {
                let back: Vec<_> = read(&batch[..end]).collect();
                assert_eq!(back, [Ok((1, Record::Watermark)), Err(MalformedBatch { at })]);
            }
        }
        assert_eq!(read(&[0xff; 9]).collect::<Vec<_>>(), [Err(MalformedBatch { at: 0 })]);
    }
}
