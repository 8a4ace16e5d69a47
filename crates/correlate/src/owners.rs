//! The owner index: which object belongs to which, found by uid and by name.
//!
//! In go object metadata, the objects that Events are about and the names that messages give away;
//! out comes the path from an object to its root. Router and Correlator hold one each: the Router
//! with nothing but the links (`OwnerIndex<()>`), the Correlator with what traces need to know.
//! Promises that the path does not depend on the order in which metadata and Events arrived, that
//! cycles and depth are cut the same way from wherever one starts, and that metadata always wins
//! over names in messages.

use std::collections::VecDeque;
use std::ops::{Index, IndexMut};

use rustc_hash::FxHashMap;

use crate::ids::{name_key, object_key, standin_uid};
use crate::meta::ObjectMeta;
use crate::object::{ObjectRef, OwnerRef};
use crate::slots::Slots;
use crate::time::Nanos;

pub use crate::slots::ObjectId;

/// Longest path from an object to its root, both included.
pub const PATH_DEPTH: usize = 16;

const METADATA: u8 = 1;
const NAMESPACED: u8 = 2;
const DELETED: u8 = 4;

/// How an object introduces itself: from its own metadata, from an owner reference to it, from an
/// Event about it or from a message that names it.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// Its uid, or the stand-in of design 1.10 when `uid_known` is false.
    pub uid: &'a str,
    /// Whether `uid` is the API server's.
    pub uid_known: bool,
    /// `apps/v1`; empty when unknown.
    pub api_version: &'a str,
    /// `ReplicaSet`.
    pub kind: &'a str,
    /// Empty for cluster-scoped objects.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// What an index keeps for an object beside its links.
pub trait Detail {
    /// The detail of an object that was just heard of.
    fn introduce(identity: &Identity<'_>) -> Self;
}

/// A reference without `controller: true`: followed only when there is no controller.
struct PlainOwner {
    key: u128,
    is_node: bool,
}

/// Objects by uid and by name, with their owners, in the order they were last heard of.
pub struct OwnerIndex<D> {
    slots: Slots<D>,
    plain: FxHashMap<u128, Vec<PlainOwner>>,
    /// (time of the `DELETED` frame, key), oldest first.
    tombstones: VecDeque<(Nanos, u128)>,
    cluster_uid: String,
}

impl<D> Index<ObjectId> for OwnerIndex<D> {
    type Output = D;
    fn index(&self, id: ObjectId) -> &D {
        &self.slots[id].detail
    }
}

impl<D> IndexMut<ObjectId> for OwnerIndex<D> {
    fn index_mut(&mut self, id: ObjectId) -> &mut D {
        &mut self.slots[id].detail
    }
}

impl<D: Detail> Default for OwnerIndex<D> {
    fn default() -> Self {
        Self {
            slots: Slots::default(),
            plain: FxHashMap::default(),
            tombstones: VecDeque::new(),
            cluster_uid: String::new(),
        }
    }
}

impl<D: Detail> OwnerIndex<D> {
    /// Takes in a version of an object and its owner references. Returns the object.
    pub fn apply_meta(&mut self, meta: &ObjectMeta<'_>) -> ObjectId {
        let standin = standin_uid(&self.cluster_uid, &meta.kind, &meta.namespace, &meta.name);
        let uid_known = !meta.uid.is_empty();
        let uid: &str = if uid_known { &meta.uid } else { &standin };
        let key = object_key(uid);
        let standin_key = object_key(&standin);
        if standin_key != key
            && let Some(id) = self.find(standin_key)
        {
            self.remove(id);
        }
        let id = self.ensure(&Identity {
            uid,
            uid_known,
            api_version: &meta.api_version,
            kind: &meta.kind,
            namespace: &meta.namespace,
            name: &meta.name,
        });
        self.slots.rename(id, name_key(&meta.kind, &meta.namespace, &meta.name));
        let controller = meta.owners.iter().find(|owner| owner.controller);
        let slot = &mut self.slots[id];
        slot.flags |= METADATA | if meta.namespace.is_empty() { 0 } else { NAMESPACED };
        slot.parent = controller.map_or(0, |owner| object_key(&owner.uid));
        self.plain.remove(&key);
        if controller.is_none() && !meta.owners.is_empty() {
            let plain = |owner: &OwnerRef<'_>| PlainOwner {
                key: object_key(&owner.uid),
                is_node: owner.kind == "Node",
            };
            self.plain.insert(key, meta.owners.iter().map(plain).collect());
        }
        for owner in &meta.owners {
            self.ensure(&Identity {
                uid: &owner.uid,
                uid_known: true,
                api_version: &owner.api_version,
                kind: &owner.kind,
                namespace: &meta.namespace,
                name: &owner.name,
            });
        }
        self.slots.touch(id);
        id
    }

    /// The object that an Event is about. A uid that no API server gives out (a node's name, a
    /// static pod's hash, none) is looked up by name; an object without metadata is remembered.
    pub fn apply_event(&mut self, regarding: &ObjectRef<'_>) -> ObjectId {
        if let Some(id) = self.find(object_key(&regarding.uid)) {
            self.slots.touch(id);
            return id;
        }
        let name = name_key(&regarding.kind, &regarding.namespace, &regarding.name);
        let uid_known = is_uuid(&regarding.uid);
        if !uid_known && let Some(id) = self.named(name) {
            self.slots.touch(id);
            return id;
        }
        let standin;
        let uid = if uid_known {
            &*regarding.uid
        } else {
            standin = standin_uid(
                &self.cluster_uid,
                &regarding.kind,
                &regarding.namespace,
                &regarding.name,
            );
            &standin
        };
        let inherited = self.ids_named(name).find_map(|id| {
            let slot = &self.slots[id];
            (slot.flags & METADATA == 0 && slot.parent != 0).then_some(slot.parent)
        });
        let id = self.ensure(&Identity {
            uid,
            uid_known,
            api_version: &regarding.api_version,
            kind: &regarding.kind,
            namespace: &regarding.namespace,
            name: &regarding.name,
        });
        self.slots[id].parent = inherited.unwrap_or(0);
        id
    }

    /// A message on `owner` names an object: it is its owner's unless its metadata says otherwise.
    pub fn apply_name(&mut self, kind: &str, namespace: &str, name: &str, owner: ObjectId) {
        let owner_key = self.slots[owner].key;
        let ids: Vec<ObjectId> = self.ids_named(name_key(kind, namespace, name)).collect();
        let known = !ids.is_empty();
        for id in ids {
            let slot = &mut self.slots[id];
            if slot.flags & METADATA == 0 && slot.parent == 0 && slot.key != owner_key {
                slot.parent = owner_key;
            }
        }
        if !known {
            let uid = standin_uid(&self.cluster_uid, kind, namespace, name);
            let identity =
                Identity { uid: &uid, uid_known: false, api_version: "", kind, namespace, name };
            let id = self.ensure(&identity);
            self.slots[id].parent = owner_key;
        }
    }

    /// Marks an object deleted at `at` (stream clock; `None`: unknown, then it never expires).
    pub fn delete(&mut self, id: ObjectId, at: Option<Nanos>) {
        let slot = &mut self.slots[id];
        slot.flags |= DELETED;
        let key = slot.key;
        if let Some(at) = at {
            self.tombstones.push_back((at, key));
        }
    }

    /// Forgets objects that were deleted before `before`; one that is still `needed` stays a
    /// little longer. Links to what is forgotten stay.
    pub fn expire(&mut self, before: Nanos, needed: impl Fn(&D) -> bool) {
        while let Some(&(at, key)) = self.tombstones.front()
            && at < before
        {
            self.tombstones.pop_front();
            match self.find(key).filter(|&id| self.slots[id].flags & DELETED != 0) {
                Some(id) if needed(&self[id]) => self.tombstones.push_back((before, key)),
                Some(id) => self.remove(id),
                None => {}
            }
        }
    }

    /// Says which cluster this is: part of the stand-in of objects without uid.
    pub fn set_cluster_uid(&mut self, uid: &str) {
        uid.clone_into(&mut self.cluster_uid);
    }

    /// The path from an object (first) to its root (last).
    pub fn path(&self, id: ObjectId, path: &mut Vec<ObjectId>) {
        path.clear();
        path.push(id);
        let mut current = id;
        while path.len() < PATH_DEPTH
            && let Some(parent) = self.owner(current)
        {
            if let Some(start) = path.iter().position(|&seen| seen == parent) {
                // A cycle has no top: its smallest key stands in, from wherever the walk began.
                let root = (start..path.len()).min_by_key(|&i| self.slots[path[i]].key);
                path.truncate(root.map_or(path.len(), |root| root + 1));
                return;
            }
            path.push(parent);
            current = parent;
        }
    }

    /// Whether metadata of this object was seen.
    pub fn has_metadata(&self, id: ObjectId) -> bool {
        self.slots[id].flags & METADATA != 0
    }

    /// Whether the object has an owner.
    pub fn has_owner(&self, id: ObjectId) -> bool {
        self.owner(id).is_some()
    }

    /// The object's key: the bits of its uid.
    pub fn key(&self, id: ObjectId) -> u128 {
        self.slots[id].key
    }

    /// The key of the object's kind, namespace and name.
    pub fn name_key_of(&self, id: ObjectId) -> u64 {
        self.slots[id].name_key
    }

    /// The object with this key.
    pub fn find(&self, key: u128) -> Option<ObjectId> {
        self.slots.find(key)
    }

    /// All objects of this kind, namespace and name, dead and alive.
    pub fn ids_named(&self, name: u64) -> impl Iterator<Item = ObjectId> + '_ {
        self.slots.named(name)
    }

    /// Objects held.
    pub fn held(&self) -> usize {
        self.slots.held()
    }

    /// Removes the object longest not heard of; returns its key.
    pub fn evict_oldest(&mut self) -> Option<u128> {
        let id = self.slots.oldest()?;
        let key = self.slots[id].key;
        self.remove(id);
        Some(key)
    }

    /// Forgets one object.
    pub fn remove(&mut self, id: ObjectId) {
        self.plain.remove(&self.slots[id].key);
        self.slots.remove(id);
    }

    /// The object that owns this one: its controller, else the first plain owner that is neither a
    /// Node nor known to be cluster-scoped.
    fn owner(&self, id: ObjectId) -> Option<ObjectId> {
        let slot = &self.slots[id];
        if slot.parent != 0 {
            return self.find(slot.parent);
        }
        self.plain.get(&slot.key)?.iter().filter(|owner| !owner.is_node).find_map(|owner| {
            let id = self.find(owner.key)?;
            let flags = self.slots[id].flags;
            (flags & METADATA == 0 || flags & NAMESPACED != 0).then_some(id)
        })
    }

    /// The object of this name that a reference without uid means: alive before dead, with
    /// metadata before without.
    fn named(&self, name: u64) -> Option<ObjectId> {
        self.ids_named(name).max_by_key(|&id| {
            let slot = &self.slots[id];
            (slot.flags & METADATA, slot.flags & DELETED == 0, slot.key)
        })
    }

    fn ensure(&mut self, identity: &Identity<'_>) -> ObjectId {
        let key = object_key(identity.uid);
        if let Some(id) = self.find(key) {
            return id;
        }
        let name = name_key(identity.kind, identity.namespace, identity.name);
        self.slots.insert(key, name, D::introduce(identity))
    }
}

fn is_uuid(uid: &str) -> bool {
    uid.len() == 36 && uid.bytes().filter(|&byte| byte == b'-').count() == 4
}
