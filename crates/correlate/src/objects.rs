//! What a Correlator knows of an object, and which of its changes an occurrence belongs to.
//!
//! In go versions of objects as their metadata arrives; out comes the generation that holds at a
//! time or at a resourceVersion. Promises that no manager is named for a change that it did not make.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::changes::{Changes, Logged, Opened};
use crate::limits::{DELETE_SLACK, PLAIN_WITHIN, SECOND_END};
use crate::links::{NamedObject, SpanContext};
use crate::marks::Marks;
use crate::meta::{ObjectMeta, SpecEntry};
use crate::owners::{Detail, Identity};
use crate::phases::LastEnder;
use crate::time::{Nanos, SECOND};

/// A generation of an object, and who made it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Change {
    /// metadata.generation when it was made; 0 for kinds that have none.
    pub generation: i64,
    /// Of the first version seen with it; 0 when that version was never seen.
    pub resource_version: u64,
    /// Start of the second it was made in; `None`: unknown.
    pub at: Option<Nanos>,
    /// As `at`; else when something was first seen to happen in it.
    pub since: Option<Nanos>,
    /// The version before is known: it is certain that it was made then.
    witnessed: bool,
    /// Field manager; empty: unknown.
    pub manager: Rc<str>,
    /// `Create`, or the operation of managedFields (`Update`, `Apply`).
    pub operation: Rc<str>,
    /// Made by an autoscaler through the scale subresource.
    pub autoscaled: bool,
    /// Made by another manager than the object's creator.
    pub foreign: bool,
    traces: Traces,
}

/// Roots of the traces that were opened for a generation, or for a deletion.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Traces {
    /// Of the first one.
    pub first: Option<SpanContext>,
    /// Of the one opened last.
    pub last: Option<SpanContext>,
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
#[derive(Serialize, Deserialize)]
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
    /// Key of the name of the node it runs on.
    pub node: Option<u64>,
    /// The occurrence written last of those that ended phases of it.
    pub last_ender: LastEnder,
    /// Who applied it, by its labels and annotations.
    pub applied_by: Option<Box<NamedObject>>,
    /// What an annotation points to.
    pub traceparent: Option<SpanContext>,
    deletion: Traces,
    /// Of what is known of it by name only.
    unknown: Traces,
    changes: Changes<Change>,
    creator: Rc<str>,
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
            node: None,
            last_ender: LastEnder::default(),
            applied_by: None,
            traceparent: None,
            deletion: Traces::default(),
            unknown: Traces::default(),
            changes: Changes::default(),
            creator: "".into(),
        }
    }

    fn complete(&mut self, api_version: &str) {
        if self.api_version.is_empty() {
            self.api_version = api_version.into();
        }
    }

    fn created(&self) -> Option<Nanos> {
        self.created
    }

    fn dismiss(&mut self) -> bool {
        self.dismissed = self.pins > 0;
        !self.dismissed
    }
}

impl ObjectDetail {
    /// Takes in a version of the object. A version no newer than the last tells nothing.
    pub fn apply_version(&mut self, meta: &ObjectMeta<'_>, marks: Marks) {
        if self.changes.list().is_empty() {
            let written = |entry: &&SpecEntry<'_>| entry.time.second().unwrap_or(Nanos::MAX);
            let earliest = meta.spec_entries.iter().min_by_key(written);
            self.creator = earliest.map_or("", |entry| &*entry.manager).into();
        }
        let (created, creator) = (meta.created.second(), &*self.creator);
        if self.changes.apply(meta, |opened| Change::new(opened, created, creator)) {
            self.namespace = (&*meta.namespace).into();
            self.api_version = (&*meta.api_version).into();
            self.created = created;
            self.deleting |= meta.deleting;
            self.applied_by = marks.applied_by.map(Box::new);
            self.traceparent = marks.traceparent;
        }
    }

    /// Forgets all that its metadata told.
    pub fn forget_versions(&mut self) {
        self.changes = Changes::default();
        (self.created, self.deleting, self.deleted_at) = (None, false, None);
    }

    /// The newest change not after `at`. For a first occurrence about this very object `version`
    /// is the resourceVersion that its writer saw, which is better evidence than time.
    pub fn change_at(&self, at: Nanos, version: Option<u64>) -> Option<&Change> {
        self.by_version(version, |_| true).or_else(|| self.changes.newest_at(at, |_| true))
    }

    /// The generation at a time; of an object that is younger to us, its oldest known; 0: none.
    pub fn generation_at(&self, at: Nanos, version: Option<u64>) -> i64 {
        let change = self.change_at(at, version).or_else(|| self.oldest_change());
        change.map_or(0, |change| change.generation)
    }

    /// As `change_at`, of the changes that others than the object's creator made.
    pub fn foreign_change_at(&self, at: Nanos, version: Option<u64>) -> Option<&Change> {
        let foreign = |change: &Change| change.foreign;
        self.by_version(version, foreign).or_else(|| self.changes.newest_at(at, foreign))
    }

    /// The oldest change known.
    pub fn oldest_change(&self) -> Option<&Change> {
        self.changes.list().first()
    }

    /// The newest change known.
    pub fn newest_change(&self) -> Option<&Change> {
        self.changes.list().last()
    }

    /// The change that made this generation.
    pub fn change_to(&self, generation: i64) -> Option<&Change> {
        self.changes.list().iter().rfind(|change| change.generation == generation)
    }

    /// The generation before this one.
    pub fn generation_before(&self, generation: i64) -> Option<i64> {
        let index =
            self.changes.list().iter().rposition(|change| change.generation == generation)?;
        Some(self.changes.list().get(index.checked_sub(1)?)?.generation)
    }

    /// Whether the object was known to be deleted, or being deleted, at `at`.
    pub fn is_going(&self, at: Nanos) -> bool {
        self.deleting
            || self.deleted_at.is_some_and(|deleted| deleted <= at.saturating_add(DELETE_SLACK))
    }

    /// How a trace that begins at `at` opens for a generation (`None`: for the deletion).
    pub fn opening(&self, generation: Option<i64>, at: Nanos) -> Opening {
        let again = self.traces(generation).first.is_some();
        let Some(generation) = generation else {
            return if again { Opening::Episode } else { Opening::Plain };
        };
        let change = self.change_to(generation);
        match change.and_then(|change| change.at) {
            _ if again => Opening::Episode,
            Some(changed) if at.saturating_sub(changed) > PLAIN_WITHIN => Opening::Episode,
            Some(_) => Opening::Plain,
            None if change.is_some_and(|change| change.witnessed) => Opening::Plain,
            None => Opening::Undated,
        }
    }

    /// Something happened to this version at `at`: when its change is not known better, it counts
    /// from that second on.
    pub fn happened_in(&mut self, version: u64, at: Nanos) {
        let known = |change: &&mut Change| (1..=version).contains(&change.resource_version);
        if let Some(change) = self.changes.list_mut().iter_mut().rfind(known) {
            change.since.get_or_insert(at - at.rem_euclid(SECOND));
        }
    }

    /// The traces that were opened for a generation (`None`: for the deletion).
    pub fn traces(&self, generation: Option<i64>) -> Traces {
        let Some(generation) = generation else {
            return self.deletion;
        };
        self.change_to(generation).map_or(self.unknown, |change| change.traces)
    }

    /// A trace with this root was opened for a generation (`None`: for the deletion).
    pub fn opened(&mut self, generation: Option<i64>, root: SpanContext) {
        let traces = match generation {
            None => &mut self.deletion,
            Some(generation) => {
                let mut changes = self.changes.list_mut().iter_mut();
                let change = changes.rfind(|change| change.generation == generation);
                change.map_or(&mut self.unknown, |change| &mut change.traces)
            }
        };
        traces.first.get_or_insert(root);
        traces.last = Some(root);
    }

    fn by_version(&self, version: Option<u64>, of: impl Fn(&Change) -> bool) -> Option<&Change> {
        let version = version.filter(|&version| version > 0)?;
        let known = |change: &&Change| change.resource_version > 0 && of(change);
        self.changes.list().iter().filter(known).rfind(|change| change.resource_version <= version)
    }
}

impl Change {
    fn new(opened: &Opened<'_, '_>, created: Option<Nanos>, creator: &str) -> Self {
        let Opened { generation, resource_version, at, entry, witnessed } = *opened;
        let is_creation = generation <= 1 && (at.is_none() || at <= created);
        let operation = entry.map_or("Update", |entry| &*entry.operation);
        Self {
            generation,
            resource_version,
            at,
            since: at,
            witnessed,
            manager: entry.map_or("", |entry| &*entry.manager).into(),
            operation: if is_creation { "Create" } else { operation }.into(),
            autoscaled: entry.is_some_and(is_autoscaler),
            foreign: entry.is_some_and(|entry| *entry.manager != *creator),
            traces: Traces::default(),
        }
    }
}

impl Logged for Change {
    fn generation(&self) -> i64 {
        self.generation
    }

    fn since(&self) -> Option<Nanos> {
        self.since
    }
}

/// The horizontal pod autoscaler runs in kube-controller-manager; KEDA scales to and from zero
/// itself.
pub fn is_autoscaler(entry: &SpecEntry<'_>) -> bool {
    entry.subresource == "scale"
        && (entry.manager == "kube-controller-manager" || entry.manager.contains("keda"))
}

/// The end of the second that starts at `second`.
pub fn end_of(second: Nanos) -> Nanos {
    second.saturating_add(SECOND_END)
}
