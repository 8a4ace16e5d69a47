//! What a Correlator knows of an object, and which of its changes an occurrence belongs to.
//!
//! In go versions of objects as their metadata arrives; out comes the generation that holds at a
//! time or at a resourceVersion. Promises that status writes, deletions and re-lists open nothing,
//! and that no manager is named for a change that it did not make.

use std::rc::Rc;

use crate::limits::{CHANGES_MAX, DELETE_SLACK, PLAIN_WITHIN, SECOND_END};
use crate::meta::{ObjectMeta, SpecEntry};
use crate::owners::{Detail, Identity};
use crate::time::Nanos;

/// A generation of an object, and who made it.
#[derive(Clone, Debug)]
pub struct Change {
    /// metadata.generation when it was made; 0 for kinds that have none.
    pub generation: i64,
    /// Of the first version seen with it; 0 when that version was never seen.
    pub resource_version: u64,
    /// Start of the second it was made in; `None`: unknown.
    pub at: Option<Nanos>,
    /// Field manager; empty: unknown.
    pub manager: Rc<str>,
    /// `Create`, or the operation of managedFields (`Update`, `Apply`).
    pub operation: Rc<str>,
    /// Made by an autoscaler through the scale subresource.
    pub autoscaled: bool,
    /// Made by another manager than the object's creator.
    pub foreign: bool,
    /// A trace was opened for it under its plain id.
    opened: bool,
}

/// How a trace opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// As the trace of the change, under its plain id.
    Plain,
    /// As the trace of the change; but when that was is unknown, so that only the opening
    /// occurrence can keep its id from coming again.
    Undated,
    /// As later activity.
    Episode,
}

/// An object, as traces know it.
pub struct ObjectDetail {
    /// uid, or what stands for it.
    pub uid: Box<str>,
    /// Whether `uid` is the API server's.
    pub uid_known: bool,
    /// `apps/v1`; empty when unknown.
    pub api_version: Box<str>,
    /// `ReplicaSet`.
    pub kind: Box<str>,
    /// Empty for cluster-scoped objects.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// Start of the second it was created in; `None`: unknown.
    pub created: Option<Nanos>,
    /// A deletionTimestamp was seen.
    pub deleting: bool,
    /// When its `DELETED` frame was received; `Nanos::MIN` when the frame did not say.
    pub deleted_at: Option<Nanos>,
    /// Occurrences about it that are not placed yet: it is not forgotten before they are.
    pub pins: u32,
    /// To be forgotten when it is needed no more.
    pub dismissed: bool,
    /// A trace was opened for its deletion.
    opened_deletion: bool,
    /// A trace was opened for what is known of it by name only.
    opened_unknown: bool,
    /// Oldest first.
    changes: Vec<Change>,
    creator: Rc<str>,
    resource_version: u64,
    generation: i64,
    spec: u64,
}

impl Detail for ObjectDetail {
    fn introduce(identity: &Identity<'_>) -> Self {
        Self {
            uid: identity.uid.into(),
            uid_known: identity.uid_known,
            api_version: identity.api_version.into(),
            kind: identity.kind.into(),
            namespace: identity.namespace.into(),
            name: identity.name.into(),
            created: None,
            deleting: false,
            deleted_at: None,
            pins: 0,
            dismissed: false,
            opened_deletion: false,
            opened_unknown: false,
            changes: Vec::new(),
            creator: "".into(),
            resource_version: 0,
            generation: 0,
            spec: 0,
        }
    }

    fn dismiss(&mut self) -> bool {
        self.dismissed = self.pins > 0;
        !self.dismissed
    }
}

impl ObjectDetail {
    /// Takes in a version of the object. A version no newer than the last tells nothing.
    pub fn apply_version(&mut self, meta: &ObjectMeta<'_>) {
        let first = self.changes.is_empty();
        if !first && meta.resource_version <= self.resource_version {
            return;
        }
        self.namespace = (&*meta.namespace).into();
        self.api_version = (&*meta.api_version).into();
        self.created = meta.created.second();
        let spec = meta.spec_digest();
        if first {
            self.open_first(meta);
        } else if self.is_change(meta, spec) {
            if self.changes.len() >= CHANGES_MAX {
                self.changes.remove(0);
            }
            self.changes.push(self.change(meta, newest(&meta.spec_entries)));
        }
        self.resource_version = meta.resource_version;
        self.generation = meta.generation;
        self.deleting |= meta.deleting;
        self.spec = spec;
    }

    /// The newest change not after `at`. For a first occurrence about this very object `version`
    /// is the resourceVersion that its writer saw, which is better evidence than time.
    pub fn change_at(&self, at: Nanos, version: Option<u64>) -> Option<&Change> {
        self.by_version(version, |_| true).or_else(|| self.by_time(at, |_| true))
    }

    /// The generation at a time; of an object that is younger to us, its oldest known; 0: none.
    pub fn generation_at(&self, at: Nanos, version: Option<u64>) -> i64 {
        let change = self.change_at(at, version).or_else(|| self.oldest_change());
        change.map_or(0, |change| change.generation)
    }

    /// As `change_at`, of the changes that others than the object's creator made.
    pub fn foreign_change_at(&self, at: Nanos, version: Option<u64>) -> Option<&Change> {
        let foreign = |change: &Change| change.foreign;
        self.by_version(version, foreign).or_else(|| self.by_time(at, foreign))
    }

    /// The oldest change known.
    pub fn oldest_change(&self) -> Option<&Change> {
        self.changes.first()
    }

    /// The newest change known.
    pub fn newest_change(&self) -> Option<&Change> {
        self.changes.last()
    }

    /// The change that made this generation.
    pub fn change_to(&self, generation: i64) -> Option<&Change> {
        self.changes.iter().rfind(|change| change.generation == generation)
    }

    /// The generation before this one.
    pub fn generation_before(&self, generation: i64) -> Option<i64> {
        let index = self.changes.iter().rposition(|change| change.generation == generation)?;
        Some(self.changes.get(index.checked_sub(1)?)?.generation)
    }

    /// Whether the object was known to be deleted, or being deleted, at `at`.
    pub fn is_going(&self, at: Nanos) -> bool {
        self.deleting
            || self.deleted_at.is_some_and(|deleted| deleted <= at.saturating_add(DELETE_SLACK))
    }

    /// How a trace that begins at `at` opens for a generation (`None`: for the deletion).
    pub fn open(&mut self, generation: Option<i64>, at: Nanos) -> Opening {
        let Some(generation) = generation else {
            let again = std::mem::replace(&mut self.opened_deletion, true);
            return if again { Opening::Episode } else { Opening::Plain };
        };
        let change = self.changes.iter_mut().rfind(|change| change.generation == generation);
        let (changed, opened) = match change {
            Some(change) => (change.at, &mut change.opened),
            None => (None, &mut self.opened_unknown),
        };
        let soon = changed.is_none_or(|changed| at.saturating_sub(changed) <= PLAIN_WITHIN);
        match (soon && !std::mem::replace(opened, true), changed) {
            (false, _) => Opening::Episode,
            (true, Some(_)) => Opening::Plain,
            (true, None) => Opening::Undated,
        }
    }

    fn by_version(&self, version: Option<u64>, of: impl Fn(&Change) -> bool) -> Option<&Change> {
        let version = version.filter(|&version| version > 0)?;
        let known = |change: &&Change| change.resource_version > 0 && of(change);
        self.changes.iter().filter(known).rfind(|change| change.resource_version <= version)
    }

    fn by_time(&self, at: Nanos, of: impl Fn(&Change) -> bool) -> Option<&Change> {
        self.changes
            .iter()
            .filter(|change| of(change))
            .rfind(|change| change.at.is_some_and(|changed| changed <= at))
    }

    /// The first version seen stands for all that came before it: of those it tells when the
    /// object was created, and by whom if that shows in its managedFields.
    fn open_first(&mut self, meta: &ObjectMeta<'_>) {
        let earliest = meta.spec_entries.iter().min_by_key(|entry| entry.time.second());
        self.creator = earliest.map_or("", |entry| &*entry.manager).into();
        let mut change = self.change(meta, newest(&meta.spec_entries));
        if change.at.is_none() {
            change.at = self.created;
        }
        if meta.generation >= 2 && change.at > self.created {
            let before = meta.spec_entries.iter().filter(|e| e.time.second() <= self.created);
            let entry = before.max_by_key(|entry| entry.time.second());
            let mut earlier = self.change(meta, entry);
            earlier.generation = meta.generation - 1;
            earlier.resource_version = 0;
            earlier.at = self.created;
            if earlier.generation <= 1 {
                earlier.operation = "Create".into();
            }
            self.changes.push(earlier);
        }
        self.changes.push(change);
    }

    fn is_change(&self, meta: &ObjectMeta<'_>, spec: u64) -> bool {
        let current = self.changes.last().map_or(0, |change| change.generation);
        if meta.generation == current {
            return false;
        }
        if meta.has_managed_fields {
            return !meta.spec_entries.is_empty() && spec != self.spec;
        }
        let mere_deletion = meta.deleting && !self.deleting;
        meta.generation != self.generation && !mere_deletion
    }

    fn change(&self, meta: &ObjectMeta<'_>, entry: Option<&SpecEntry<'_>>) -> Change {
        let at = entry.and_then(|entry| entry.time.second());
        let created = meta.generation <= 1 && (at.is_none() || at <= self.created);
        let operation = entry.map_or("Update", |entry| &*entry.operation);
        Change {
            generation: meta.generation,
            resource_version: meta.resource_version,
            at,
            manager: entry.map_or("", |entry| &*entry.manager).into(),
            operation: if created { "Create" } else { operation }.into(),
            autoscaled: entry.is_some_and(is_autoscaler),
            foreign: entry.is_some_and(|entry| *entry.manager != *self.creator),
            opened: false,
        }
    }
}

/// The horizontal pod autoscaler runs in kube-controller-manager; KEDA scales to and from zero
/// itself.
fn is_autoscaler(entry: &SpecEntry<'_>) -> bool {
    entry.subresource == "scale"
        && (entry.manager == "kube-controller-manager" || entry.manager.contains("keda"))
}

/// Of equal times the last in the list counts.
fn newest<'e, 'a>(entries: &'e [SpecEntry<'a>]) -> Option<&'e SpecEntry<'a>> {
    entries.iter().max_by_key(|entry| entry.time.second())
}

/// The end of the second that starts at `second`.
pub fn end_of(second: Nanos) -> Nanos {
    second.saturating_add(SECOND_END)
}
