//! The metadata of any object but an Event: who owns it, and who changed its spec.

use std::borrow::Cow;

use crate::json::Scanner;
use crate::object::{OwnerRef, RawObject};
use crate::time::Stamp;

/// A managedFields entry that owns spec: who made it what it is.
#[derive(Clone, Debug)]
pub struct SpecEntry<'a> {
    /// Field manager.
    pub manager: Cow<'a, str>,
    /// `Update` or `Apply`.
    pub operation: Cow<'a, str>,
    /// Empty or `scale`.
    pub subresource: Cow<'a, str>,
    /// When it was last written, to the second.
    pub time: Stamp,
    /// Hash of the fields that it owns.
    pub fields: u64,
}

/// One version of an object. Absent fields are empty.
#[derive(Debug)]
#[expect(missing_docs, reason = "named as in meta/v1 ObjectMeta")]
pub struct ObjectMeta<'a> {
    pub api_version: Cow<'a, str>,
    pub kind: Cow<'a, str>,
    pub namespace: Cow<'a, str>,
    pub name: Cow<'a, str>,
    pub uid: Cow<'a, str>,
    pub resource_version: u64,
    pub generation: i64,
    pub created: Stamp,
    /// It has a deletionTimestamp.
    pub deleting: bool,
    pub owners: Vec<OwnerRef<'a>>,
    pub has_managed_fields: bool,
    /// Entries that own spec, directly or through scale.
    pub spec_entries: Vec<SpecEntry<'a>>,
}

/// Reads an object's metadata. `given`: apiVersion and kind, where the object does not say them.
#[must_use]
pub fn parse_meta<'a>(
    object: &'a [u8],
    given: Option<(&'a str, &'a str)>,
) -> Option<ObjectMeta<'a>> {
    let mut raw = RawObject::read(&mut Scanner::new(object)).ok()?;
    if let Some((api_version, kind)) = given {
        raw.api_version = api_version.into();
        raw.kind = kind.into();
    }
    Some(ObjectMeta::from(raw))
}

impl<'a> From<RawObject<'a>> for ObjectMeta<'a> {
    fn from(raw: RawObject<'a>) -> Self {
        let entries = raw.managed_fields.iter().flatten();
        let spec_entries = entries
            .filter(|entry| matches!(&*entry.subresource, "" | "scale"))
            .filter_map(|entry| {
                Some(SpecEntry {
                    manager: entry.manager.clone(),
                    operation: entry.operation.clone(),
                    subresource: entry.subresource.clone(),
                    time: entry.time,
                    fields: entry.spec?,
                })
            })
            .collect();
        Self {
            api_version: raw.api_version,
            kind: raw.kind,
            namespace: raw.namespace,
            name: raw.name,
            uid: raw.uid,
            resource_version: raw.resource_version,
            generation: raw.generation,
            created: raw.created,
            deleting: raw.deleting,
            owners: raw.owners,
            has_managed_fields: raw.managed_fields.is_some(),
            spec_entries,
        }
    }
}
