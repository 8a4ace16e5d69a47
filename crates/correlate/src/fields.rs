//! The fields of a Kubernetes object, each read as what it must be.
//!
//! In goes a scanner that stands before a value, out comes the value, and the scanner stands behind
//! it. A value of another type is read as absent; where that makes an Event useless, it is noted.

use std::borrow::Cow;
use std::hash::Hasher;

use crate::json::{JsonError, Kind, Scanner};
use crate::limits::{NAME_MAX, OWNERS_MAX};
use crate::notes::{Field, Kept, Mark, Nullable};
use crate::object::{FieldsEntry, ObjectRef, OwnerRef};
use crate::time::{Stamp, parse_rfc3339};

/// A reference; null is absent, anything else is noted.
pub(crate) fn reference<'a>(
    s: &mut Scanner<'a>,
    which: Nullable,
    bad: &mut bool,
) -> Result<Option<ObjectRef<'a>>, JsonError> {
    if s.peek()? != Kind::Object {
        null(s, which, bad)?;
        return Ok(None);
    }
    s.mark(if which == Nullable::Regarding { Mark::Regarding } else { Mark::Related });
    let mut object = ObjectRef::default();
    s.object(|s, key| {
        let (field, to) = match key {
            b"kind" => (Field::RefKind, &mut object.kind),
            b"namespace" => (Field::RefNamespace, &mut object.namespace),
            b"name" => (Field::RefName, &mut object.name),
            b"uid" => (Field::RefUid, &mut object.uid),
            b"apiVersion" => (Field::RefApiVersion, &mut object.api_version),
            b"resourceVersion" => (Field::RefResourceVersion, &mut object.resource_version),
            b"fieldPath" => (Field::RefFieldPath, &mut object.field_path),
            _ => return s.skip().map(|_| ()),
        };
        *to = text(s.on(field), bad)?;
        Ok(())
    })?;
    Ok(Some(object))
}

/// Count and last time of a series.
pub(crate) fn series(
    s: &mut Scanner<'_>,
    bad: &mut bool,
) -> Result<Option<(Option<u64>, Stamp)>, JsonError> {
    if s.peek()? != Kind::Object {
        null(s, Nullable::Series, bad)?;
        return Ok(None);
    }
    s.mark(Mark::Series);
    let (mut number, mut seen) = (None, Stamp::Absent);
    s.object(|s, key| {
        match key {
            b"count" => number = count(s.on(Field::SeriesCount), bad)?,
            b"lastObservedTime" => seen = stamp(s.on(Field::SeriesSeen), bad)?,
            _ => {
                s.skip()?;
            }
        }
        Ok(())
    })?;
    Ok(Some((number, seen)))
}

/// Takes what should be an object and is none; null is absent.
fn null(s: &mut Scanner<'_>, which: Nullable, bad: &mut bool) -> Result<(), JsonError> {
    let is_null = s.skip()? == b"null";
    if is_null {
        s.mark(Mark::Null(which));
    } else {
        s.spoil_notes();
        *bad = true;
    }
    Ok(())
}

/// One of ownerReferences.
pub(crate) fn owner<'a>(s: &mut Scanner<'a>) -> Result<OwnerRef<'a>, JsonError> {
    let mut owner = OwnerRef::default();
    let bad = &mut false;
    s.mark(Mark::Owner);
    members(s, |s, key| {
        match key {
            b"apiVersion" => owner.api_version = text(s.on(Field::OwnerApiVersion), bad)?,
            b"kind" => owner.kind = text(s.on(Field::OwnerKind), bad)?,
            b"name" => owner.name = text(s.on(Field::OwnerName), bad)?,
            b"uid" => owner.uid = text(s.on(Field::OwnerUid), bad)?,
            b"controller" => {
                owner.controller = s.skip()? == b"true";
                s.mark(Mark::Controller(owner.controller));
            }
            _ => {
                s.skip()?;
            }
        }
        Ok(())
    })?;
    s.mark(Mark::OwnerEnd);
    Ok(owner)
}

/// A controller is followed wherever it stands.
pub(crate) fn add_owner<'a>(owners: &mut Vec<OwnerRef<'a>>, owner: OwnerRef<'a>) {
    let first_controller = || owner.controller && !owners.iter().any(|other| other.controller);
    if owners.len() < OWNERS_MAX || first_controller() {
        owners.push(owner);
    }
}

/// One of managedFields.
pub(crate) fn fields_entry<'a>(s: &mut Scanner<'a>) -> Result<FieldsEntry<'a>, JsonError> {
    let mut entry = FieldsEntry::default();
    let bad = &mut false;
    s.mark(Mark::Entry);
    members(s, |s, key| {
        match key {
            b"manager" => entry.manager = text(s.on(Field::EntryManager), bad)?,
            b"operation" => entry.operation = text(s.on(Field::EntryOperation), bad)?,
            b"subresource" => entry.subresource = text(s.on(Field::EntrySubresource), bad)?,
            b"time" => entry.time = stamp(s.on(Field::EntryTime), bad)?,
            b"fieldsV1" => {
                s.mark(Mark::Json);
                entry.spec = owned_fields(s.skip()?);
                let owns = entry.spec.is_some();
                s.mark(Mark::JsonEnd(if owns { Kept::OwnedFields } else { Kept::OtherFields }));
            }
            _ => {
                s.skip()?;
            }
        }
        Ok(())
    })?;
    s.mark(Mark::EntryEnd);
    Ok(entry)
}

/// JSON, as it is.
pub(crate) fn kept<'a>(s: &mut Scanner<'a>, which: Kept) -> Result<&'a [u8], JsonError> {
    s.peek()?;
    s.mark(Mark::Json);
    let json = s.skip()?;
    s.mark(Mark::JsonEnd(which));
    Ok(json)
}

/// Hash of fieldsV1 when `f:spec` is among its members.
fn owned_fields(fields: &[u8]) -> Option<u64> {
    memchr::memmem::find(fields, b"\"f:spec\"")?;
    let mut owns = false;
    let walked = Scanner::new(fields).object(|s, key| {
        owns |= key == b"f:spec";
        s.skip().map(|_| ())
    });
    (walked.is_ok() && owns).then(|| hash_of(fields))
}

/// Hash of fieldsV1.
pub(crate) fn hash_of(fields: &[u8]) -> u64 {
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(fields);
    hasher.finish()
}

/// A name; null is absent, anything else is noted.
pub(crate) fn text<'a>(s: &mut Scanner<'a>, bad: &mut bool) -> Result<Cow<'a, str>, JsonError> {
    text_up_to(NAME_MAX, s, bad)
}

/// A text, cut at so many bytes.
pub(crate) fn text_up_to<'a>(
    max: usize,
    s: &mut Scanner<'a>,
    bad: &mut bool,
) -> Result<Cow<'a, str>, JsonError> {
    if s.peek()? == Kind::String {
        return s.name(max);
    }
    s.mark_empty();
    let is_null = s.skip()? == b"null";
    if !is_null {
        s.spoil_notes();
        *bad = true;
    }
    Ok(Cow::Borrowed(""))
}

/// A time.
pub(crate) fn stamp(s: &mut Scanner<'_>, bad: &mut bool) -> Result<Stamp, JsonError> {
    text(s, bad).map(|text| parse_rfc3339(text.as_bytes()))
}

/// An integer of a field that must not be another type.
pub(crate) fn count(s: &mut Scanner<'_>, bad: &mut bool) -> Result<Option<u64>, JsonError> {
    let value = s.skip()?;
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    if number.is_none() {
        s.spoil_notes();
        *bad |= value != b"null";
    }
    Ok(number)
}

/// An integer; anything else is absent.
pub(crate) fn number(s: &mut Scanner<'_>) -> Result<Option<i64>, JsonError> {
    let value = s.skip()?;
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    if number.is_none() {
        s.spoil_notes();
    }
    Ok(number)
}

/// The members of an object; of anything else, none.
pub(crate) fn members<'a>(
    s: &mut Scanner<'a>,
    field: impl FnMut(&mut Scanner<'a>, &[u8]) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    if s.peek()? == Kind::Object { s.object(field) } else { s.skip().map(|_| ()) }
}

/// The elements of an array; of anything else, none.
pub(crate) fn elements<'a>(
    s: &mut Scanner<'a>,
    item: impl FnMut(&mut Scanner<'a>) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    if s.peek()? == Kind::Array { s.array(item) } else { s.skip().map(|_| ()) }
}
