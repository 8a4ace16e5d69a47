//! The log of an object's changes: which versions opened a generation, and when that was.
//!
//! In go versions of one object as their metadata arrives; out come its generations, oldest first.
//! Promises that status writes, deletions and re-lists open nothing. What is kept of a generation is
//! the user's: a Correlator knows who made it, a Router only when.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;
use serde::{Deserialize, Serialize};

use crate::limits::CHANGES_MAX;
use crate::meta::{ObjectMeta, SpecEntry, folded};
use crate::time::Nanos;

/// What a log keeps of a generation.
pub trait Logged {
    /// metadata.generation when it was made; 0 for kinds that have none.
    fn generation(&self) -> i64;

    /// Start of the second it was made in, or was first seen to have been made; `None`: unknown.
    fn since(&self) -> Option<Nanos>;
}

/// A generation, as the version that opened it tells.
pub struct Opened<'v, 'a> {
    /// metadata.generation when it was made.
    pub generation: i64,
    /// Of the version; 0: it stands for one that was never seen.
    pub resource_version: u64,
    /// Start of the second it was made in; `None`: unknown.
    pub at: Option<Nanos>,
    /// Who made it; `None`: unknown.
    pub entry: Option<&'v SpecEntry<'a>>,
    /// Whether the version before is known: it was made then, whenever that was.
    pub witnessed: bool,
}

/// An entry of the version before.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Seen {
    /// Hash of who wrote it, and when.
    writing: u32,
    /// Hash of what it owns.
    fields: u32,
}

impl Seen {
    fn new(entry: &SpecEntry<'_>) -> Self {
        let mut hasher = FxHasher::default();
        (&entry.manager, &entry.operation, &entry.subresource).hash(&mut hasher);
        entry.time.second().hash(&mut hasher);
        Self { writing: folded(hasher.finish()), fields: entry.fields_folded() }
    }
}

/// Who made a version what it is.
enum Maker<'v, 'a> {
    /// Nobody: the spec is what it was.
    Nobody,
    /// Somebody who left no entry.
    Unknown,
    /// The writer of this entry.
    Entry(&'v SpecEntry<'a>),
}

/// The generations of an object.
#[derive(Default, Serialize, Deserialize)]
pub enum Changes<C> {
    /// No version was seen.
    #[default]
    None,
    /// As most objects are: there is one, by one writer, and nothing happened since.
    One(One<C>),
    /// All that there is, wherever that is more.
    Many(Box<Log<C>>),
}

/// A `Log` with one change, in fewer bytes.
#[derive(Serialize, Deserialize)]
pub struct One<C> {
    change: C,
    resource_version: u64,
    seen: Seen,
}

/// The generations of an object, and the version before.
#[derive(Serialize, Deserialize)]
pub struct Log<C> {
    /// Oldest first.
    list: Box<[C]>,
    resource_version: u64,
    /// How far the generation of the version before is from that of the newest change.
    ahead: i32,
    spec: Box<[Seen]>,
    deleting: bool,
}

impl<C> From<Changes<C>> for Log<C> {
    fn from(changes: Changes<C>) -> Self {
        let (list, resource_version, spec): (Box<[C]>, _, Box<[Seen]>) = match changes {
            Changes::None => (Box::default(), 0, Box::default()),
            Changes::One(One { change, resource_version, seen }) => {
                (Box::new([change]), resource_version, Box::new([seen]))
            }
            Changes::Many(log) => return *log,
        };
        Self { list, resource_version, ahead: 0, spec, deleting: false }
    }
}

impl<C> From<Log<C>> for Changes<C> {
    fn from(log: Log<C>) -> Self {
        let Log { resource_version, ahead, deleting, .. } = log;
        let is_plain = log.list.len() == 1 && ahead == 0 && !deleting;
        match (&*log.spec, is_plain) {
            (&[seen], true) => {
                let change = log.list.into_iter().next().expect("there is one");
                Self::One(One { change, resource_version, seen })
            }
            _ => Self::Many(Box::new(log)),
        }
    }
}

impl<C: Logged> Changes<C> {
    /// Takes in a version, and logs what it opens. False: it is no newer than the last and tells
    /// nothing.
    pub fn apply(&mut self, meta: &ObjectMeta<'_>, log: impl FnMut(&Opened<'_, '_>) -> C) -> bool {
        let mut all = Log::from(std::mem::take(self));
        let told = all.apply(meta, log);
        *self = all.into();
        told
    }

    /// All that is known, oldest first.
    pub fn list(&self) -> &[C] {
        match self {
            Self::None => &[],
            Self::One(one) => std::slice::from_ref(&one.change),
            Self::Many(log) => &log.list,
        }
    }

    /// As `list`.
    pub fn list_mut(&mut self) -> &mut [C] {
        match self {
            Self::None => &mut [],
            Self::One(one) => std::slice::from_mut(&mut one.change),
            Self::Many(log) => &mut log.list,
        }
    }

    /// The newest of these not after `at`.
    pub fn newest_at(&self, at: Nanos, of: impl Fn(&C) -> bool) -> Option<&C> {
        let begun = |change: &&C| change.since().is_some_and(|since| since <= at);
        self.list().iter().filter(|change| of(change)).rfind(begun)
    }
}

impl<C: Logged> Log<C> {
    /// Takes in a version, and logs what it opens. False: it is no newer than the last and tells
    /// nothing.
    pub fn apply(
        &mut self,
        meta: &ObjectMeta<'_>,
        mut log: impl FnMut(&Opened<'_, '_>) -> C,
    ) -> bool {
        let first = self.list.is_empty();
        if !first && meta.resource_version <= self.resource_version {
            return false;
        }
        if first {
            self.open_first(meta, log);
        } else if let Some(opened) = self.opened_by(meta) {
            if self.list.len() >= CHANGES_MAX {
                // The first is what all that an autoscaler did since goes back to.
                self.edit(|list| drop(list.remove(1)));
            }
            self.edit(|list| list.push(log(&opened)));
        }
        self.resource_version = meta.resource_version;
        self.ahead = self.distance(meta);
        self.deleting |= meta.deleting;
        self.spec = meta.spec_entries.iter().map(Seen::new).collect();
        true
    }

    /// The first version seen stands for all that came before it: of those it tells when the
    /// object was created, and by whom if that shows in its managedFields.
    fn open_first(&mut self, meta: &ObjectMeta<'_>, mut log: impl FnMut(&Opened<'_, '_>) -> C) {
        let created = meta.created.second();
        let entry = newest(meta.spec_entries.iter());
        let at = entry.and_then(|entry| entry.time.second()).or(created);
        if meta.generation >= 2 && at > created {
            let before = meta.spec_entries.iter().filter(|entry| {
                entry.time.second().is_some_and(|written| Some(written) <= created)
            });
            let opened = Opened {
                generation: meta.generation - 1,
                resource_version: 0,
                at: created,
                entry: newest(before),
                witnessed: false,
            };
            self.edit(|list| list.push(log(&opened)));
        }
        let first = Opened::after(meta, entry);
        self.edit(|list| list.push(log(&Opened { at, witnessed: false, ..first })));
    }

    fn edit(&mut self, edit: impl FnOnce(&mut Vec<C>)) {
        let mut list = std::mem::take(&mut self.list).into_vec();
        list.reserve_exact(1);
        edit(&mut list);
        self.list = list.into_boxed_slice();
    }

    /// How far a version's generation is from that of the newest change.
    fn distance(&self, meta: &ObjectMeta<'_>) -> i32 {
        let current = self.list.last().map_or(0, Logged::generation);
        let distance = meta.generation.saturating_sub(current);
        distance.clamp(i32::MIN.into(), i32::MAX.into()) as i32
    }

    /// The generation that a version opens, if it opens one.
    fn opened_by<'v, 'a>(&self, meta: &'v ObjectMeta<'a>) -> Option<Opened<'v, 'a>> {
        if self.distance(meta) == 0 {
            return None;
        }
        let mere_deletion = meta.deleting && !self.deleting;
        if meta.has_managed_fields {
            return match self.maker(meta, mere_deletion) {
                Maker::Nobody => None,
                Maker::Unknown => Some(Opened::after(meta, None)),
                Maker::Entry(entry) => Some(Opened::after(meta, Some(entry))),
            };
        }
        (self.distance(meta) != self.ahead && !mere_deletion).then(|| Opened::after(meta, None))
    }

    /// Who made a version what it is. The scale subresource leaves no time in its entry, and the same entry the next
    /// time (apimachinery `managedfields/scalehandler.go`). Who takes a field away that is another's
    /// leaves nothing: an entry whose time did not move has lost a field, and wrote none.
    fn maker<'v, 'a>(&self, meta: &'v ObjectMeta<'a>, mere_deletion: bool) -> Maker<'v, 'a> {
        let entries = || meta.spec_entries.iter();
        let same_time = |entry: &SpecEntry<'_>| {
            let writing = Seen::new(entry).writing;
            self.spec.iter().any(|seen| seen.writing == writing)
        };
        let same_fields = |entry: &SpecEntry<'_>| self.spec.contains(&Seen::new(entry));
        let is_timed = |entry: &SpecEntry<'_>| entry.time.second().is_some();
        let is_timeless_scale =
            |entry: &SpecEntry<'_>| entry.subresource == "scale" && !is_timed(entry);
        let wrote = newest(entries().filter(|entry| is_timed(entry) && !same_time(entry)))
            .or_else(|| entries().rfind(|entry| is_timeless_scale(entry) && !same_time(entry)));
        if wrote.is_none() && !entries().all(same_fields) {
            return Maker::Unknown;
        }
        wrote
            .or_else(|| entries().rfind(|entry| is_timeless_scale(entry) && !mere_deletion))
            .map_or(Maker::Nobody, Maker::Entry)
    }
}

impl<'v, 'a> Opened<'v, 'a> {
    fn after(meta: &'v ObjectMeta<'a>, entry: Option<&'v SpecEntry<'a>>) -> Self {
        Self {
            generation: meta.generation,
            resource_version: meta.resource_version,
            at: entry.and_then(|entry| entry.time.second()),
            entry,
            witnessed: true,
        }
    }
}

/// Of equal times the last in the list counts.
fn newest<'v, 'a: 'v>(
    entries: impl Iterator<Item = &'v SpecEntry<'a>>,
) -> Option<&'v SpecEntry<'a>> {
    entries.max_by_key(|entry| entry.time.second())
}
