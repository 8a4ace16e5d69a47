//! Fills in what was read of a frame, value by value and mark by mark, as the simple way would.
//!
//! What comes in was noted while a frame of the same shape was read (`notes.rs`), so it comes in the
//! same order. `None`: this value is not as others of its shape, and the simple way has to read it.

use std::borrow::Cow;

use crate::fields::{add_owner, hash_of};
use crate::frame::Read;
use crate::limits::NAME_MAX;
use crate::notes::{Field, Kept, Mark, Nullable};
use crate::object::{FieldsEntry, ObjectRef, OwnerRef, RawObject, is_top_level};
use crate::strings::text_of;
use crate::time::{RecentTime, Stamp};

/// A frame that is filled in.
pub(crate) struct Fill<'a, 't> {
    text: &'a str,
    pub read: Read<'a>,
    in_object: bool,
    in_related: bool,
    json_start: usize,
    owner: OwnerRef<'a>,
    entry: FieldsEntry<'a>,
    times: &'t mut RecentTime,
}

impl<'a, 't> Fill<'a, 't> {
    pub fn new(text: &'a str, times: &'t mut RecentTime) -> Self {
        Self {
            text,
            read: Read::default(),
            in_object: false,
            in_related: false,
            json_start: 0,
            owner: OwnerRef::default(),
            entry: FieldsEntry::default(),
            times,
        }
    }

    /// A value that is not null; `escaped`: it holds escapes.
    pub fn value(&mut self, field: Field, raw: &'a str, escaped: bool) -> Option<()> {
        let text = match field {
            Field::Nothing => return Some(()),
            Field::Message => self.decoded(raw, escaped),
            _ if raw.len() > NAME_MAX => return None,
            _ => self.decoded(raw, escaped),
        };
        self.set(field, text)
    }

    fn decoded(&mut self, raw: &'a str, escaped: bool) -> Cow<'a, str> {
        if !escaped {
            return Cow::Borrowed(raw);
        }
        let (text, repaired) = text_of(raw.as_bytes(), true);
        self.read.repaired |= repaired;
        text
    }

    fn set(&mut self, field: Field, text: Cow<'a, str>) -> Option<()> {
        let mut stamp = |text: &str| self.times.parse(text.as_bytes());
        let object = match &mut self.read.object {
            Some(object) if self.in_object => object,
            _ => &mut self.read.bare,
        };
        match field {
            Field::Nothing => {}
            Field::ReceivedAt => {
                self.read.received_at = match stamp(&text) {
                    Stamp::At { nanos, .. } => Some(nanos),
                    Stamp::Absent | Stamp::Bad => None,
                };
            }
            Field::ResourceGroup => self.read.resource.as_mut()?.0 = text,
            Field::ResourceVersionOfKind => self.read.resource.as_mut()?.1 = text,
            Field::ResourceKind => self.read.resource.as_mut()?.2 = text,
            Field::ApiVersion => object.api_version = text,
            Field::Kind => object.kind = text,
            Field::Namespace => object.namespace = text,
            Field::Name => object.name = text,
            Field::Uid => object.uid = text,
            Field::ResourceVersion => object.resource_version = text.parse().unwrap_or(0),
            Field::Generation => object.generation = text.parse().ok()?,
            Field::Created => object.created = stamp(&text),
            Field::Reason => object.reason = text,
            Field::Action => object.action = text,
            Field::Message => object.message = text,
            Field::Type => object.event_type = text,
            Field::SourceComponent => object.source_component = text,
            Field::SourceHost => object.source_host = text,
            Field::ReportingComponent => object.reporting_component = text,
            Field::ReportingInstance => object.reporting_instance = text,
            Field::EventTime => object.event_time = stamp(&text),
            Field::First => object.first = stamp(&text),
            Field::Last => object.last = stamp(&text),
            Field::Count => object.count = Some(text.parse().ok()?),
            Field::SeriesCount => object.series.as_mut()?.0 = Some(text.parse().ok()?),
            Field::SeriesSeen => object.series.as_mut()?.1 = stamp(&text),
            Field::RefKind => reference(object, self.in_related)?.kind = text,
            Field::RefNamespace => reference(object, self.in_related)?.namespace = text,
            Field::RefName => reference(object, self.in_related)?.name = text,
            Field::RefUid => reference(object, self.in_related)?.uid = text,
            Field::RefApiVersion => reference(object, self.in_related)?.api_version = text,
            Field::RefResourceVersion => {
                reference(object, self.in_related)?.resource_version = text;
            }
            Field::RefFieldPath => reference(object, self.in_related)?.field_path = text,
            Field::OwnerApiVersion => self.owner.api_version = text,
            Field::OwnerKind => self.owner.kind = text,
            Field::OwnerName => self.owner.name = text,
            Field::OwnerUid => self.owner.uid = text,
            Field::EntryManager => self.entry.manager = text,
            Field::EntryOperation => self.entry.operation = text,
            Field::EntrySubresource => self.entry.subresource = text,
            Field::EntryTime => self.entry.time = stamp(&text),
        }
        Some(())
    }

    /// A mark, before this byte.
    pub fn mark(&mut self, at: usize, mark: Mark) -> Option<()> {
        match mark {
            Mark::Object => {
                self.in_object = true;
                self.read.has_object = true;
                self.read.object = Some(RawObject::default());
            }
            Mark::ObjectEnd => self.in_object = false,
            Mark::Resource => self.read.resource = Some(Default::default()),
            Mark::Is(field, length) => self.value(field, &self.text[at..at + length], false)?,
            Mark::Empty(field) => self.set(field, Cow::Borrowed(""))?,
            Mark::Owner => self.owner = OwnerRef::default(),
            Mark::Controller(controller) => self.owner.controller = controller,
            Mark::Entry => self.entry = FieldsEntry::default(),
            Mark::Json => self.json_start = at,
            _ => self.mark_object(at, mark)?,
        }
        Some(())
    }

    fn mark_object(&mut self, at: usize, mark: Mark) -> Option<()> {
        let object = match &mut self.read.object {
            Some(object) if self.in_object => object,
            _ => &mut self.read.bare,
        };
        match mark {
            Mark::Regarding => {
                self.in_related = false;
                object.regarding = Some(ObjectRef::default());
            }
            Mark::Related => {
                self.in_related = true;
                object.related = Some(ObjectRef::default());
            }
            Mark::Series => object.series = Some((None, Stamp::Absent)),
            Mark::Null(Nullable::Regarding) => object.regarding = None,
            Mark::Null(Nullable::Related) => object.related = None,
            Mark::Null(Nullable::Series) => object.series = None,
            Mark::OwnerEnd => add_owner(&mut object.owners, std::mem::take(&mut self.owner)),
            Mark::Entries => object.managed_fields = None,
            Mark::EntryEnd => {
                let entries = object.managed_fields.get_or_insert_default();
                entries.push(std::mem::take(&mut self.entry));
            }
            Mark::Deleting(deleting) => object.deleting = deleting,
            Mark::JsonEnd(kept) => {
                let json = &self.text.as_bytes()[self.json_start..at];
                match kept {
                    Kept::Labels => object.labels = json,
                    Kept::Annotations => {
                        object.annotations = json;
                        object.top_level = is_top_level(json, &mut object.bad_type).ok()?;
                    }
                    Kept::Spec => object.spec = json,
                    Kept::OwnedFields => self.entry.spec = Some(hash_of(json)),
                    Kept::OtherFields => self.entry.spec = None,
                }
            }
            _ => return None,
        }
        Some(())
    }
}

fn reference<'o, 'a>(
    object: &'o mut RawObject<'a>,
    related: bool,
) -> Option<&'o mut ObjectRef<'a>> {
    if related { object.related.as_mut() } else { object.regarding.as_mut() }
}
