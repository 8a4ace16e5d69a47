//! A generation of an object, as a Correlator keeps it.
//!
//! In go versions that opened one (`changes.rs`), out comes who made it and when. There are more of
//! these than of objects, so they are small: who made it is shared, traces are kept of those that
//! have some.

use serde::{Deserialize, Serialize};

use crate::changes::{Logged, Opened};
use crate::links::SpanContext;
use crate::meta::SpecEntry;
use crate::shared::Shared;
use crate::time::{Nanos, Second};

/// A generation of an object, and who made it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Change {
    /// metadata.generation when it was made; 0 for kinds that have none.
    pub generation: i64,
    /// Of the first version seen with it; 0 when that version was never seen.
    pub resource_version: u64,
    /// When it was made; else when something was first seen to happen in it.
    pub(crate) since: Second,
    /// `since` is when it was made.
    dated: bool,
    /// The version before is known: it is certain that it was made then.
    pub(crate) witnessed: bool,
    /// Field manager and operation.
    author: Shared,
    /// Made by an autoscaler through the scale subresource.
    pub autoscaled: bool,
    /// Made by another manager than the object's creator.
    pub foreign: bool,
    pub(crate) traces: Option<Box<Traces>>,
}

/// Roots of the traces that were opened for a generation, or for a deletion.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Traces {
    /// Of the first one.
    pub first: Option<SpanContext>,
    /// Of the one opened last.
    pub last: Option<SpanContext>,
}

impl Change {
    /// As its version tells it, of an object with this creator.
    pub fn new(opened: &Opened<'_, '_>, created: Option<Nanos>, creator: &str) -> Self {
        let Opened { generation, resource_version, at, entry, witnessed } = *opened;
        let is_creation = generation <= 1 && (at.is_none() || at <= created);
        let operation = entry.map_or("Update", |entry| &*entry.operation);
        let operation = if is_creation { "Create" } else { operation };
        Self {
            generation,
            resource_version,
            since: at.into(),
            dated: at.is_some(),
            witnessed,
            author: Shared::new(&[entry.map_or("", |entry| &*entry.manager), operation]),
            autoscaled: entry.is_some_and(is_autoscaler),
            foreign: entry.is_some_and(|entry| *entry.manager != *creator),
            traces: None,
        }
    }

    /// Start of the second it was made in; `None`: unknown.
    pub fn at(&self) -> Option<Nanos> {
        self.since().filter(|_| self.dated)
    }

    /// Field manager; empty: unknown.
    pub fn manager(&self) -> &str {
        &self.author[0]
    }

    /// `Create`, or the operation of managedFields (`Update`, `Apply`).
    pub fn operation(&self) -> &str {
        &self.author[1]
    }
}

impl Logged for Change {
    fn generation(&self) -> i64 {
        self.generation
    }

    fn since(&self) -> Option<Nanos> {
        self.since.into()
    }
}

/// The horizontal pod autoscaler runs in kube-controller-manager; KEDA scales to and from zero
/// itself.
pub fn is_autoscaler(entry: &SpecEntry<'_>) -> bool {
    entry.subresource == "scale"
        && (entry.manager == "kube-controller-manager" || entry.manager.contains("keda"))
}
