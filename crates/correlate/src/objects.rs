//! What a Correlator knows of an object, and which of its changes an occurrence belongs to.
//!
//! In go versions of objects as their metadata arrives; out comes the generation that holds at a
//! time or at a resourceVersion. Promises that no manager is named for a change that it did not make.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::change::{Change, Traces};
use crate::changes::Changes;
use crate::ids::{uuid_bits, uuid_text};
use crate::limits::{DELETE_SLACK, PLAIN_WITHIN, SECOND_END};
use crate::links::{NamedObject, SpanContext};
use crate::marks::Marks;
use crate::meta::{ObjectMeta, SpecEntry};
use crate::owners::{Detail, Identity, Scope, scoped_name};
use crate::phases::LastEnder;
use crate::shared::Shared;
use crate::slots::{Aging, Neighbours};
use crate::time::{Nanos, SECOND, Second};

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
    /// Of its uid; what is no UUID is in `rare`.
    #[serde(with = "serde_bytes")]
    uid_bits: [u8; 16],
    /// Whether `uid` is the API server's.
    pub uid_known: bool,
    /// Its name.
    pub name: Box<str>,
    /// apiVersion, kind and namespace.
    collection: Shared,
    created: Second,
    /// A deletionTimestamp was seen.
    pub deleting: bool,
    /// To be forgotten when it is needed no more.
    pub dismissed: bool,
    /// Of an object that Events were about.
    lived: Option<Box<Lived>>,
    rare: Option<Box<Rare>>,
    changes: Changes<Change>,
    /// As `Change::author`, of its first.
    creator: Option<Shared>,
}

/// What Events told of an object.
#[derive(Default, Serialize, Deserialize)]
pub struct Lived {
    /// Occurrences about it that are not placed yet: it is not forgotten before they are.
    pub pins: u32,
    /// Key of the name of the node it runs on.
    pub node: Option<u64>,
    /// The occurrence written last of those that ended phases of it.
    pub last_ender: LastEnder,
}

/// What is told of few objects.
#[derive(Default, Serialize, Deserialize)]
struct Rare {
    /// A uid that is no UUID, or what stands for one.
    uid: Option<Box<str>>,
    deleted_at: Option<Nanos>,
    applied_by: Option<NamedObject>,
    traceparent: Option<SpanContext>,
    deletion: Option<Box<Traces>>,
    /// Of what is known of it by name only.
    unknown: Option<Box<Traces>>,
}

/// The Router has the limit, and says what is to be forgotten.
impl Aging for ObjectDetail {
    fn neighbours(&mut self) -> Option<&mut Neighbours> {
        None
    }
}

impl Detail for ObjectDetail {
    fn introduce(identity: &Identity<'_>) -> Self {
        let Identity { uid, api_version, kind, namespace, .. } = *identity;
        let bits = uuid_bits(uid);
        let text = || Box::new(Rare { uid: Some(uid.into()), ..Rare::default() });
        Self {
            uid_bits: bits.unwrap_or_default().to_be_bytes(),
            uid_known: identity.uid_known,
            name: identity.name.into(),
            collection: Shared::new(&[api_version, kind, namespace]),
            created: Second::default(),
            deleting: false,
            dismissed: false,
            lived: None,
            rare: bits.is_none().then(text),
            changes: Changes::default(),
            creator: None,
        }
    }

    fn complete(&mut self, api_version: &str) {
        if self.api_version().is_empty() && !api_version.is_empty() {
            self.collection = Shared::new(&[api_version, self.kind(), self.namespace()]);
        }
    }

    fn created(&self) -> Option<Nanos> {
        self.created.into()
    }

    fn dismiss(&mut self) -> bool {
        self.dismissed = self.lived().is_some_and(|lived| lived.pins > 0);
        !self.dismissed
    }
}

impl ObjectDetail {
    /// Takes in a version of the object. A version no newer than the last tells nothing.
    pub fn apply_version(&mut self, meta: &ObjectMeta<'_>, marks: Marks) {
        if self.changes.list().is_empty() {
            let written = |entry: &&SpecEntry<'_>| entry.time.second().unwrap_or(Nanos::MAX);
            let earliest = meta.spec_entries.iter().min_by_key(written);
            self.creator = earliest.map(|entry| Shared::new(&[&entry.manager, &entry.operation]));
        }
        let created = meta.created.second();
        let creator = self.creator.as_ref().map_or("", |creator| &creator[0]);
        if self.changes.apply(meta, |opened| Change::new(opened, created, creator)) {
            self.collection = Shared::new(&[&meta.api_version, self.kind(), &meta.namespace]);
            self.created = created.into();
            self.deleting |= meta.deleting;
            if marks != Marks::default() || self.rare.is_some() {
                let rare = self.rare.get_or_insert_default();
                (rare.applied_by, rare.traceparent) = (marks.applied_by, marks.traceparent);
            }
        }
    }

    /// uid, or what stands for it.
    pub fn uid(&self) -> Cow<'_, str> {
        let text = self.rare.as_ref().and_then(|rare| rare.uid.as_deref());
        text.map_or_else(|| uuid_text(u128::from_be_bytes(self.uid_bits)).into(), Cow::from)
    }

    /// `apps/v1`; empty when unknown.
    pub fn api_version(&self) -> &str {
        &self.collection[0]
    }

    /// `ReplicaSet`.
    pub fn kind(&self) -> &str {
        &self.collection[1]
    }

    /// Empty for cluster-scoped objects.
    pub fn namespace(&self) -> &str {
        &self.collection[2]
    }

    /// The key of its kind, namespace and name in a scope.
    pub fn name_in(&self, scope: Scope) -> u64 {
        scoped_name(scope, self.kind(), self.namespace(), &self.name)
    }

    /// When its `DELETED` frame was received; `Nanos::MIN` when the frame did not say.
    pub fn deleted_at(&self) -> Option<Nanos> {
        self.rare.as_ref()?.deleted_at
    }

    /// Its `DELETED` frame was received at `at`. The first one counts.
    pub fn deleted(&mut self, at: Nanos) {
        self.rare.get_or_insert_default().deleted_at.get_or_insert(at);
    }

    /// Who applied it, by its labels and annotations.
    pub fn applied_by(&self) -> Option<&NamedObject> {
        self.rare.as_ref()?.applied_by.as_ref()
    }

    /// What an annotation points to.
    pub fn traceparent(&self) -> Option<SpanContext> {
        self.rare.as_ref()?.traceparent
    }

    /// What Events told of it.
    pub fn lived(&self) -> Option<&Lived> {
        self.lived.as_deref()
    }

    /// As `lived`, to tell more.
    pub fn live(&mut self) -> &mut Lived {
        self.lived.get_or_insert_default()
    }

    /// Forgets all that its metadata told.
    pub fn forget_versions(&mut self) {
        self.changes = Changes::default();
        (self.created, self.deleting) = (Second::default(), false);
        if let Some(rare) = &mut self.rare {
            rare.deleted_at = None;
        }
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
            || self.deleted_at().is_some_and(|deleted| deleted <= at.saturating_add(DELETE_SLACK))
    }

    /// How a trace that begins at `at` opens for a generation (`None`: for the deletion).
    pub fn opening(&self, generation: Option<i64>, at: Nanos) -> Opening {
        let again = self.traces(generation).first.is_some();
        let Some(generation) = generation else {
            return if again { Opening::Episode } else { Opening::Plain };
        };
        let change = self.change_to(generation);
        match change.and_then(Change::at) {
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
        if let Some(change) = self.changes.list_mut().iter_mut().rfind(known)
            && change.since == Second::default()
        {
            change.since = Some(at - at.rem_euclid(SECOND)).into();
        }
    }

    /// The traces that were opened for a generation (`None`: for the deletion).
    pub fn traces(&self, generation: Option<i64>) -> Traces {
        let told = |traces: Option<&Traces>| traces.copied().unwrap_or_default();
        let rare = self.rare.as_ref();
        let Some(generation) = generation else {
            return told(rare.and_then(|rare| rare.deletion.as_deref()));
        };
        told(match self.change_to(generation) {
            Some(change) => change.traces.as_deref(),
            None => rare.and_then(|rare| rare.unknown.as_deref()),
        })
    }

    /// A trace with this root was opened for a generation (`None`: for the deletion).
    pub fn opened(&mut self, generation: Option<i64>, root: SpanContext) {
        let traces = match generation {
            None => self.rare.get_or_insert_default().deletion.get_or_insert_default(),
            Some(generation) => {
                let mut changes = self.changes.list_mut().iter_mut();
                match changes.rfind(|change| change.generation == generation) {
                    Some(change) => change.traces.get_or_insert_default(),
                    None => self.rare.get_or_insert_default().unknown.get_or_insert_default(),
                }
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

/// The end of the second that starts at `second`.
pub fn end_of(second: Nanos) -> Nanos {
    second.saturating_add(SECOND_END)
}
