//! The metadata of any object but an Event: who owns it, and who changed its spec.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;
use serde::{Deserialize, Serialize};

use crate::json::Scanner;
use crate::marks::{self, TraceparentKeys};
use crate::object::{OwnerRef, RawObject, scale_target};
use crate::time::Stamp;

/// A managedFields entry that owns spec: who made it what it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SpecEntry<'a> {
    /// Field manager.
    #[serde(borrow)]
    pub manager: Cow<'a, str>,
    /// `Update` or `Apply`.
    #[serde(borrow)]
    pub operation: Cow<'a, str>,
    /// Empty or `scale`.
    #[serde(borrow)]
    pub subresource: Cow<'a, str>,
    /// When it was last written, to the second.
    pub time: Stamp,
    /// Hash of the fields that it owns.
    pub fields: u64,
}

impl SpecEntry<'_> {
    /// The hash of the fields, in fewer bits.
    pub(crate) fn fields_folded(&self) -> u32 {
        folded(self.fields)
    }
}

/// A hash in fewer bits; one that has no more stays as it is.
pub(crate) fn folded(hash: u64) -> u32 {
    (hash ^ (hash >> 32)) as u32
}

/// One version of an object. Absent fields are empty.
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as in meta/v1 ObjectMeta")]
pub struct ObjectMeta<'a> {
    #[serde(borrow)]
    pub api_version: Cow<'a, str>,
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub namespace: Cow<'a, str>,
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    #[serde(borrow)]
    pub uid: Cow<'a, str>,
    pub resource_version: u64,
    pub generation: i64,
    pub created: Stamp,
    /// It has a deletionTimestamp.
    pub deleting: bool,
    #[serde(borrow)]
    pub owners: Vec<OwnerRef<'a>>,
    pub has_managed_fields: bool,
    /// Entries that own spec, directly or through scale.
    #[serde(borrow)]
    pub spec_entries: Vec<SpecEntry<'a>>,
    /// As JSON; empty when absent.
    #[serde(with = "serde_bytes")]
    pub labels: &'a [u8],
    /// As JSON; empty when absent.
    #[serde(with = "serde_bytes")]
    pub annotations: &'a [u8],
    /// Kind and name of what a `HorizontalPodAutoscaler` scales.
    #[serde(skip)]
    pub scale_target: Option<(Cow<'a, str>, Cow<'a, str>)>,
}

impl ObjectMeta<'_> {
    /// A digest of all that matters to traces: equal for versions that differ in status or
    /// resourceVersion only, or in labels and annotations that are no marks; of a Namespace all labels
    /// matter. `traceparents`: the annotations that hold trace contexts.
    #[must_use]
    pub fn digest(&self, traceparents: &TraceparentKeys) -> u64 {
        let mut hasher = FxHasher::default();
        (&self.uid, &self.kind, &self.namespace, &self.name).hash(&mut hasher);
        (self.generation, self.created.second(), self.deleting).hash(&mut hasher);
        self.has_managed_fields.hash(&mut hasher);
        for owner in &self.owners {
            (&owner.uid, &owner.kind, &owner.name, owner.controller).hash(&mut hasher);
        }
        hasher.write_u64(self.spec_digest());
        self.scale_target.hash(&mut hasher);
        if marks::may_have(self, traceparents) {
            (self.labels, self.annotations).hash(&mut hasher);
        } else if self.kind == "Namespace" {
            self.labels.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Whether it is of a kind that others' marks name.
    #[must_use]
    pub fn applies_others(&self) -> bool {
        let group = self.api_version.split_once('/').map_or("", |(group, _)| group);
        marks::APPLIERS.contains(&(group, &*self.kind))
    }

    /// A digest of who made the spec what it is, the same for any order of the entries: the API
    /// server sorts them by time.
    #[must_use]
    pub fn spec_digest(&self) -> u64 {
        let digest = |entry: &SpecEntry<'_>| {
            let mut hasher = FxHasher::default();
            (&entry.manager, &entry.operation, &entry.subresource).hash(&mut hasher);
            (entry.time.second(), entry.fields).hash(&mut hasher);
            hasher.finish()
        };
        self.spec_entries.iter().map(digest).fold(0, u64::wrapping_add)
    }
}

/// Reads the `metadata` of an object of this apiVersion and kind; empty: it has none.
#[must_use]
pub fn parse_meta<'a>(
    metadata: &'a [u8],
    (api_version, kind): (&'a str, &'a str),
) -> Option<ObjectMeta<'a>> {
    let (api_version, kind) = (api_version.into(), kind.into());
    let mut raw = RawObject { api_version, kind, ..RawObject::default() };
    if !metadata.is_empty() {
        raw.read_metadata(&mut Scanner::new(metadata)).ok()?;
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
        let scales = raw.kind == "HorizontalPodAutoscaler";
        Self {
            api_version: raw.api_version,
            // A Namespace is in none, whatever it says: all shards have to know it.
            namespace: if raw.kind == "Namespace" { "".into() } else { raw.namespace },
            kind: raw.kind,
            name: raw.name,
            uid: raw.uid,
            resource_version: raw.resource_version,
            generation: raw.generation,
            created: raw.created,
            deleting: raw.deleting,
            owners: raw.owners,
            has_managed_fields: raw.managed_fields.is_some(),
            spec_entries,
            labels: raw.labels,
            annotations: raw.annotations,
            scale_target: if scales { scale_target(raw.spec) } else { None },
        }
    }
}
