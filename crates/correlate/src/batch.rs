//! What the Router tells a Correlator: records in one byte buffer, written and read here only.
//!
//! Every record begins with the watermark that holds before it; a batch ends with the watermark
//! that holds after it. Events travel as the JSON they came in, other objects as their metadata, so
//! a record costs one copy.

use crate::time::Nanos;

const EVENT: u8 = 1;
const META: u8 = 2;
const EVICT: u8 = 3;
const WATERMARK: u8 = 4;

/// What an object is, as Kubernetes calls it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeMeta {
    /// `apps/v1`.
    pub api_version: String,
    /// `ReplicaSet`
    pub kind: String,
}

/// A version of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version<'a> {
    /// Whether this was its `DELETED` frame.
    pub deleted: bool,
    /// When the frame was received, where that is known.
    pub received_at: Option<Nanos>,
    /// apiVersion and kind.
    pub kind: (&'a str, &'a str),
    /// Its `metadata`, as JSON; empty when it has none.
    pub metadata: &'a [u8],
}

/// One thing the Router tells.
#[derive(Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// An Event's JSON, and the key of its root.
    Event {
        /// Key of the root object.
        root: u128,
        /// The Event object.
        object: &'a [u8],
    },
    /// A version of an object other than an Event.
    Meta {
        /// Key of the root object; 0: for all roots.
        root: u128,
        /// The version.
        version: Version<'a>,
    },
    /// An object to forget.
    Evict {
        /// Key of the root object.
        root: u128,
        /// Key of the object.
        object: u128,
    },
    /// Nothing but the watermark.
    Watermark,
}

/// Appends one record.
pub fn write(out: &mut Vec<u8>, watermark: Nanos, record: &Record<'_>) {
    let tag = match record {
        Record::Event { .. } => EVENT,
        Record::Meta { .. } => META,
        Record::Evict { .. } => EVICT,
        Record::Watermark => WATERMARK,
    };
    out.push(tag);
    out.extend_from_slice(&watermark.to_le_bytes());
    match record {
        Record::Event { root, object } => {
            out.extend_from_slice(&root.to_le_bytes());
            write_bytes(out, object);
        }
        Record::Meta { root, version } => {
            let Version { deleted, received_at, kind, metadata } = version;
            out.extend_from_slice(&root.to_le_bytes());
            out.push(u8::from(*deleted));
            out.extend_from_slice(&received_at.unwrap_or(Nanos::MIN).to_le_bytes());
            write_bytes(out, kind.0.as_bytes());
            write_bytes(out, kind.1.as_bytes());
            write_bytes(out, metadata);
        }
        Record::Evict { root, object } => {
            out.extend_from_slice(&root.to_le_bytes());
            out.extend_from_slice(&object.to_le_bytes());
        }
        Record::Watermark => {}
    }
}

/// Reads the records of a batch in order, each with the watermark that holds before it. Ends at
/// the first byte that no Router wrote.
pub fn read(batch: &[u8]) -> impl Iterator<Item = (Nanos, Record<'_>)> {
    let mut reader = Reader { rest: batch };
    std::iter::from_fn(move || reader.record())
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn record(&mut self) -> Option<(Nanos, Record<'a>)> {
        let [tag] = self.array()?;
        let watermark = Nanos::from_le_bytes(self.array()?);
        let record = match tag {
            EVENT => {
                Record::Event { root: u128::from_le_bytes(self.array()?), object: self.bytes()? }
            }
            META => {
                Record::Meta { root: u128::from_le_bytes(self.array()?), version: self.version()? }
            }
            EVICT => Record::Evict {
                root: u128::from_le_bytes(self.array()?),
                object: u128::from_le_bytes(self.array()?),
            },
            WATERMARK => Record::Watermark,
            _ => return None,
        };
        Some((watermark, record))
    }

    fn version(&mut self) -> Option<Version<'a>> {
        Some(Version {
            deleted: self.array()? == [1],
            received_at: Some(Nanos::from_le_bytes(self.array()?)).filter(|&at| at != Nanos::MIN),
            kind: (self.text()?, self.text()?),
            metadata: self.bytes()?,
        })
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

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("frames are smaller than 4 GiB");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::{Record, Version, read, write};

    #[test]
    fn what_is_written_is_read_back() {
        let records = [
            Record::Event { root: 7, object: b"{}" },
            Record::Meta {
                root: 9,
                version: Version {
                    deleted: true,
                    received_at: Some(5),
                    kind: ("v1", "Pod"),
                    metadata: b"{\"a\":1}",
                },
            },
            Record::Meta {
                root: 9,
                version: Version {
                    deleted: false,
                    received_at: None,
                    kind: ("", ""),
                    metadata: b"",
                },
            },
            Record::Evict { root: 1, object: u128::MAX },
            Record::Watermark,
        ];
        let mut batch = Vec::new();
        for (watermark, record) in (0..).zip(&records) {
            write(&mut batch, watermark, record);
        }
        let back: Vec<_> = read(&batch).map(|(_, record)| record).collect();
        assert_eq!(back, records);
        assert_eq!(read(&batch[..batch.len() - 1]).count(), records.len() - 1);
    }
}
