//! The fields of a Kubernetes object, each read as what it must be.
//!
//! In goes a scanner that stands before a value, out comes the value, and the scanner stands behind
//! it. A value of another type is read as absent; where that makes an Event useless, it is noted.

use std::borrow::Cow;

use crate::json::{JsonError, Kind, Scanner};
use crate::limits::{NAME_MAX, OWNERS_MAX};
use crate::object::{FieldsEntry, ObjectRef, OwnerRef};
use crate::time::{Stamp, parse_rfc3339};

/// A reference; null is absent, anything else is noted.
pub(crate) fn reference<'a>(
    s: &mut Scanner<'a>,
    bad: &mut bool,
) -> Result<Option<ObjectRef<'a>>, JsonError> {
    if s.peek()? != Kind::Object {
        *bad |= s.skip()? != b"null";
        return Ok(None);
    }
    let mut object = ObjectRef::default();
    s.object(|s, key| {
        let field = match key {
            b"kind" => &mut object.kind,
            b"namespace" => &mut object.namespace,
            b"name" => &mut object.name,
            b"uid" => &mut object.uid,
            b"apiVersion" => &mut object.api_version,
            b"resourceVersion" => &mut object.resource_version,
            b"fieldPath" => &mut object.field_path,
            _ => return s.skip().map(|_| ()),
        };
        *field = text(s, bad)?;
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
        *bad |= s.skip()? != b"null";
        return Ok(None);
    }
    let (mut number, mut seen) = (None, Stamp::Absent);
    s.object(|s, key| {
        match key {
            b"count" => number = count(s, bad)?,
            b"lastObservedTime" => seen = stamp(s, bad)?,
            _ => {
                s.skip()?;
            }
        }
        Ok(())
    })?;
    Ok(Some((number, seen)))
}

/// One of ownerReferences.
pub(crate) fn owner<'a>(s: &mut Scanner<'a>) -> Result<OwnerRef<'a>, JsonError> {
    let mut owner = OwnerRef::default();
    let bad = &mut false;
    members(s, |s, key| {
        match key {
            b"apiVersion" => owner.api_version = text(s, bad)?,
            b"kind" => owner.kind = text(s, bad)?,
            b"name" => owner.name = text(s, bad)?,
            b"uid" => owner.uid = text(s, bad)?,
            b"controller" => owner.controller = s.skip()? == b"true",
            _ => {
                s.skip()?;
            }
        }
        Ok(())
    })?;
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
    let none = || Cow::Borrowed("");
    let (manager, operation, subresource) = (none(), none(), none());
    let mut entry =
        FieldsEntry { manager, operation, subresource, time: Stamp::Absent, spec: None };
    let bad = &mut false;
    members(s, |s, key| {
        match key {
            b"manager" => entry.manager = text(s, bad)?,
            b"operation" => entry.operation = text(s, bad)?,
            b"subresource" => entry.subresource = text(s, bad)?,
            b"time" => entry.time = stamp(s, bad)?,
            b"fieldsV1" => entry.spec = owns_spec(s.skip()?),
            _ => {
                s.skip()?;
            }
        }
        Ok(())
    })?;
    Ok(entry)
}

/// Hash of fieldsV1 when `f:spec` is among its members.
fn owns_spec(fields: &[u8]) -> Option<u64> {
    use std::hash::Hasher;
    memchr::memmem::find(fields, b"\"f:spec\"")?;
    let mut owns = false;
    let walked = Scanner::new(fields).object(|s, key| {
        owns |= key == b"f:spec";
        s.skip().map(|_| ())
    });
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(fields);
    (walked.is_ok() && owns).then(|| hasher.finish())
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
    *bad |= s.skip()? != b"null";
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
    *bad |= number.is_none() && value != b"null";
    Ok(number)
}

/// An integer; anything else is absent.
pub(crate) fn number(s: &mut Scanner<'_>) -> Result<Option<i64>, JsonError> {
    let value = s.skip()?;
    Ok(std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()))
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
