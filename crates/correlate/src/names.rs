//! The owner index by name: what messages say of objects whose metadata has not told it.
//!
//! In go the objects that Events name; out comes whose they are. A name may come again for another
//! object, of another owner, so what a message says holds for all objects of the name that have no
//! metadata, until a later message says otherwise. Metadata is never changed by a name. Promises that
//! of messages that the watermark has passed the order of arrival does not matter.

use crate::ids::standin_uid;
use crate::owners::{
    Detail, EVERYWHERE, Identity, METADATA, NAMED, OwnerIndex, Scope, scoped_name,
};
use crate::slots::ObjectId;
use crate::time::Nanos;

/// The time of a message that the watermark has not passed.
pub const UNCERTAIN: Nanos = Nanos::MIN;

/// Kind, namespace and name.
pub type Name<'a> = (&'a str, &'a str, &'a str);

/// The key of a name in a scope.
pub fn name_in(scope: Scope, (kind, namespace, name): Name<'_>) -> u64 {
    scoped_name(scope, kind, namespace, name)
}

impl<D: Detail> OwnerIndex<D> {
    /// A message on `owner` names an object: it is its owner's unless its metadata says otherwise.
    /// Of messages that the watermark has passed, the newest counts; `at` is its time. Before it is
    /// passed (`UNCERTAIN`), a message counts where nothing else was said. Returns whether nothing but
    /// messages tells whose the object is.
    pub fn apply_name(
        &mut self,
        scope: Scope,
        (kind, namespace, name): Name<'_>,
        owner: ObjectId,
        at: Nanos,
    ) -> bool {
        if self.is_name_of(owner, scope, (kind, namespace, name)) {
            return false;
        }
        let named = scoped_name(scope, kind, namespace, name);
        let owner_key = self.slots[owner].key();
        let (mut open, mut told) = (false, false);
        for id in self.ids_named(named).collect::<Vec<_>>() {
            let slot = &mut self.slots[id];
            if slot.flags & METADATA == 0 {
                open = true;
                self.say(id, owner_key, at);
            } else if slot.parent() == owner_key {
                told = true;
                slot.flags |= NAMED;
            }
        }
        if open || told {
            return open;
        }
        let uid = standin_uid(&self.cluster_uid, kind, namespace, name);
        let uid_known = false;
        let id = self.ensure(
            scope,
            &Identity { uid: &uid, uid_known, api_version: "", kind, namespace, name },
        );
        self.say(id, owner_key, at);
        true
    }

    /// Whether nothing but messages tells whose an object of this name is that `owner` names.
    pub fn is_open(&self, scope: Scope, named: Name<'_>, owner: ObjectId) -> bool {
        let key = self.slots[owner].key();
        let is_told = |id: ObjectId| self.slots[id].parent() == key;
        let name = name_in(scope, named);
        !self.is_name_of(owner, scope, named)
            && (self.unknown_named(name).next().is_some() || !self.ids_named(name).any(is_told))
    }

    /// Whether an object of this name that has no metadata is `owner`'s now.
    pub fn is_said(&self, named: Name<'_>, owner: ObjectId) -> bool {
        let key = self.slots[owner].key();
        self.unknown_named(name_in(EVERYWHERE, named)).any(|id| self.slots[id].parent() == key)
    }

    /// All objects of this name (see `scoped_name`), dead and alive.
    pub fn ids_named(&self, name: u64) -> impl Iterator<Item = ObjectId> + '_ {
        self.slots.named(name)
    }

    /// Those of which no metadata was seen.
    pub fn unknown_named(&self, name: u64) -> impl Iterator<Item = ObjectId> + '_ {
        self.ids_named(name).filter(|&id| !self.has_metadata(id))
    }

    /// As `unknown_named`, in an order that does not depend on how the index was filled.
    pub fn unknown_in_order(&self, name: u64) -> Vec<ObjectId> {
        let mut unknown: Vec<_> = self.unknown_named(name).collect();
        unknown.sort_unstable_by_key(|&id| self.slots[id].key());
        unknown
    }

    /// The object of this name that a reference without uid means, written at `at`: of those with
    /// metadata the newest by then, else the newest; where that is not kept, alive before dead.
    pub fn known_named(&self, name: u64, at: Nanos) -> Option<ObjectId> {
        let known = self.ids_named(name).filter(|&id| self.has_metadata(id));
        known.max_by_key(|&id| {
            let (slot, created) = (&self.slots[id], self[id].created());
            (created <= Some(at), created, !slot.deleted, slot.key())
        })
    }

    /// Whose an object of this name is that was just heard of, by what messages say.
    pub(crate) fn parent_by_name(&self, name: u64) -> Option<u128> {
        let said = |id: &ObjectId| {
            let slot = &self.slots[*id];
            slot.parent() != 0 && (slot.flags & METADATA == 0 || slot.flags & NAMED != 0)
        };
        let namesake = self.ids_named(name).filter(said).max_by_key(|&id| {
            let slot = &self.slots[id];
            (slot.flags & METADATA == 0, !slot.deleted, slot.key())
        });
        namesake.map(|id| self.slots[id].parent())
    }

    /// When the newest message was written that counts for this name.
    pub fn said_at(&self, name: u64) -> Nanos {
        self.said.get(&name).copied().unwrap_or(UNCERTAIN)
    }

    /// It speaks of itself.
    fn is_name_of(&self, id: ObjectId, scope: Scope, named: Name<'_>) -> bool {
        [name_in(scope, named), name_in(EVERYWHERE, named)].contains(&self.slots[id].name_key)
    }

    fn say(&mut self, id: ObjectId, owner: u128, at: Nanos) {
        let (parent, name_key) = (self.slots[id].parent(), self.slots[id].name_key);
        let is_newest = at > UNCERTAIN && at >= self.said_at(name_key);
        if is_newest || parent == 0 || self.find(parent).is_none() {
            self.set_parent(id, owner);
        }
        if is_newest {
            self.said.insert(name_key, at);
        }
    }
}
