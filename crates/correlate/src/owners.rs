//! The owner index: which object belongs to which, found by uid and by name.
//!
//! In go object metadata, the objects that Events are about and the names that messages give away;
//! out comes the path from an object to its root. Router and Correlator hold one each: the Router
//! with nothing but the links (`OwnerIndex<()>`), the Correlator with what traces need to know.
//! Promises that the path does not depend on the order in which metadata and Events arrived, that
//! cycles and depth are cut the same way from wherever one starts, and that metadata always wins
//! over names in messages.
//!
//! A Correlator keeps apart what it was told under different roots (`Scope`), so that what a root
//! knows does not depend on which other roots share its shard.

use std::collections::BTreeSet;
use std::ops::{Index, IndexMut};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::ids::{name_key, object_key, standin_uid};
use crate::limits::MIRRORS_MAX;
use crate::marks;
use crate::meta::ObjectMeta;
use crate::object::{ObjectRef, OwnerRef};
use crate::slots::{Aging, Slots};
use crate::time::Nanos;

pub use crate::slots::ObjectId;

/// Longest path from an object to its root, both included.
pub const PATH_DEPTH: usize = 16;

/// The key of the root under which something was told; `EVERYWHERE`: for all roots.
pub type Scope = u128;
/// Of objects that are no one's, such as Nodes; and all that a Router knows.
pub const EVERYWHERE: Scope = 0;

pub(crate) const METADATA: u8 = 1;
pub(crate) const NAMESPACED: u8 = 2;
/// A message named it, so that its parent holds for any object of its name.
pub(crate) const NAMED: u8 = 4;
/// It was told again under another root.
pub(crate) const LEFT: u8 = 8;

/// How an object introduces itself: from its own metadata, from an owner reference to it, from an
/// Event about it or from a message that names it.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// Its uid, or what stands for it when `uid_known` is false.
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
pub trait Detail: Aging {
    /// The detail of an object that was just heard of.
    fn introduce(identity: &Identity<'_>) -> Self;

    /// The object was heard of again, with this apiVersion.
    fn complete(&mut self, api_version: &str);

    /// Start of the second it was created in; `None`: unknown, or not kept.
    fn created(&self) -> Option<Nanos>;

    /// The object is to be forgotten; false: the index' user still needs it, and will see to it.
    fn dismiss(&mut self) -> bool;
}

/// A reference without `controller: true`: followed only when there is no controller.
#[derive(Serialize, Deserialize)]
pub(crate) struct PlainOwner {
    pub(crate) key: u128,
    pub(crate) is_node: bool,
}

/// Objects by uid and by name, with their owners, in the order they were last heard of.
#[derive(Serialize, Deserialize)]
pub struct OwnerIndex<D> {
    pub(crate) slots: Slots<D>,
    #[serde(with = "crate::stored::sorted")]
    pub(crate) plain: FxHashMap<u128, Vec<PlainOwner>>,
    /// By name: the time of the newest message that says whose objects without metadata are.
    #[serde(with = "crate::stored::sorted")]
    pub(crate) said: FxHashMap<u64, Nanos>,
    /// (time of the `DELETED` frame, key, scope), oldest first.
    pub(crate) tombstones: BTreeSet<(Nanos, u128, Scope)>,
    /// By the key of its config hash: the mirror pod of a static pod.
    #[serde(with = "crate::stored::sorted")]
    mirrors: FxHashMap<u128, u128>,
    pub(crate) cluster_uid: String,
    /// Some object is or was known by its name only.
    has_standins: bool,
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
            said: FxHashMap::default(),
            tombstones: BTreeSet::new(),
            mirrors: FxHashMap::default(),
            cluster_uid: String::new(),
            has_standins: false,
        }
    }
}

impl<D: Detail> OwnerIndex<D> {
    /// Takes in a version of an object and its owner references. Returns the object, and the key of
    /// what stood for it while it was known by its name only.
    pub fn apply_meta(&mut self, scope: Scope, meta: &ObjectMeta<'_>) -> (ObjectId, Option<u128>) {
        let uid_known = !meta.uid.is_empty();
        let standin = if uid_known && !self.has_standins {
            String::new()
        } else {
            self.standin(&meta.kind, &meta.namespace, &meta.name)
        };
        let uid: &str = if uid_known { &meta.uid } else { &standin };
        let controller = meta.owners.iter().find(|owner| owner.controller);
        let parent = controller.map_or(0, |owner| in_scope(scope, object_key(&owner.uid)));
        let (mut named_by, mut stood_for) = (0, None);
        if uid_known
            && !standin.is_empty()
            && let Some(id) = self.find(in_scope(scope, object_key(&standin)))
        {
            named_by = self.slots[id].parent();
            // What a message says of the next object of this name is kept.
            if named_by == 0 || named_by == parent {
                stood_for = Some(self.slots[id].key());
                self.forget(id);
            }
        }
        let id = self.ensure(
            scope,
            &Identity {
                uid,
                uid_known,
                api_version: &meta.api_version,
                kind: &meta.kind,
                namespace: &meta.namespace,
                name: &meta.name,
            },
        );
        if let Some(hash) = marks::mirrored(meta) {
            if self.mirrors.len() >= MIRRORS_MAX {
                self.mirrors.retain(|_, &mut key| self.slots.find(key).is_some());
            }
            self.mirrors.insert(in_scope(scope, object_key(&hash)), self.slots[id].key());
        }
        self.slots.rename(id, scoped_name(scope, &meta.kind, &meta.namespace, &meta.name));
        let slot = &mut self.slots[id];
        if named_by == 0 && slot.flags & (METADATA | LEFT) == 0 {
            named_by = slot.parent();
        }
        slot.flags &= !LEFT;
        slot.flags |= METADATA | if meta.namespace.is_empty() { 0 } else { NAMESPACED };
        let key = slot.key();
        self.plain.remove(&key);
        if controller.is_none() && !meta.owners.is_empty() {
            let plain = |owner: &OwnerRef<'_>| PlainOwner {
                key: object_key(&owner.uid),
                is_node: owner.kind == "Node",
            };
            self.plain.insert(key, meta.owners.iter().map(plain).collect());
        }
        for owner in &meta.owners {
            self.ensure(
                scope,
                &Identity {
                    uid: &owner.uid,
                    uid_known: true,
                    api_version: &owner.api_version,
                    kind: &owner.kind,
                    namespace: &meta.namespace,
                    name: &owner.name,
                },
            );
        }
        self.set_parent(id, parent);
        if parent != 0 && named_by == parent {
            self.slots[id].flags |= NAMED;
        }
        self.slots.touch(id);
        (id, stood_for)
    }

    /// The object that an Event is about, which was written at `at`. A uid that no API server gives out (a node's name, a
    /// static pod's hash, none) is looked up by name, among objects with metadata; an object without
    /// is remembered.
    pub fn apply_event(&mut self, scope: Scope, regarding: &ObjectRef<'_>, at: Nanos) -> ObjectId {
        let uid_known = is_uid(&regarding.uid);
        let ObjectRef { kind, namespace, name, api_version, .. } = regarding;
        let known = if uid_known {
            self.locate(scope, object_key(&regarding.uid))
        } else {
            let everywhere =
                || self.known_named(scoped_name(EVERYWHERE, kind, namespace, name), at);
            let there = || self.known_named(scoped_name(scope, kind, namespace, name), at);
            self.mirror(scope, &regarding.uid).or_else(there).or_else(everywhere)
        };
        if let Some(id) = known {
            self[id].complete(api_version);
            self.slots.touch(id);
            return id;
        }
        let standin;
        let uid = if uid_known {
            &*regarding.uid
        } else {
            standin = standin_uid(&self.cluster_uid, kind, namespace, name);
            &standin
        };
        let id =
            self.ensure(scope, &Identity { uid, uid_known, api_version, kind, namespace, name });
        self.slots.touch(id);
        id
    }

    /// The mirror pod of a static pod whose config has this hash.
    fn mirror(&self, scope: Scope, hash: &str) -> Option<ObjectId> {
        let key = self.mirrors.get(&in_scope(scope, object_key(hash)))?;
        self.find(*key).filter(|_| !hash.is_empty())
    }

    /// Says which cluster this is: part of the stand-in of objects without uid.
    pub fn set_cluster_uid(&mut self, uid: &str) {
        uid.clone_into(&mut self.cluster_uid);
    }

    /// What stands for the uid of an object that is known by its name only.
    pub fn standin(&self, kind: &str, namespace: &str, name: &str) -> String {
        standin_uid(&self.cluster_uid, kind, namespace, name)
    }

    /// Whether metadata of this object was seen.
    pub fn has_metadata(&self, id: ObjectId) -> bool {
        self.slots[id].flags & METADATA != 0
    }

    /// The object's key in this index: of a Router, the bits of its uid.
    pub fn key(&self, id: ObjectId) -> u128 {
        self.slots[id].key()
    }

    /// The key of the object's kind, namespace and name.
    pub fn name_key_of(&self, id: ObjectId) -> u64 {
        self.slots[id].name_key
    }

    /// The object with this key.
    pub fn find(&self, key: u128) -> Option<ObjectId> {
        self.slots.find(key)
    }

    /// The object with this uid that a root knows.
    pub(crate) fn locate(&self, scope: Scope, uid: u128) -> Option<ObjectId> {
        let own = self.find(in_scope(scope, uid));
        if scope == EVERYWHERE || own.is_some_and(|id| self.has_metadata(id)) {
            return own;
        }
        self.find(uid).or(own)
    }

    /// Objects held.
    pub fn held(&self) -> usize {
        self.slots.held()
    }

    /// The object longest not heard of.
    pub fn oldest(&self) -> Option<ObjectId> {
        self.slots.oldest()
    }

    /// Treats an object that owns others as if it had just been heard of; false: it owns none.
    pub fn spare_owner(&mut self, id: ObjectId) -> bool {
        let owns = self.slots[id].children > 0;
        if owns {
            self.slots.touch(id);
        }
        owns
    }

    /// The object with this uid that was told under this root, and nowhere else.
    pub fn find_in(&self, scope: Scope, uid: u128) -> Option<ObjectId> {
        self.find(in_scope(scope, uid))
    }

    /// Forgets an object, unless it is needed.
    pub fn forget(&mut self, id: ObjectId) {
        if self[id].dismiss() {
            self.remove(id);
        }
    }

    /// Removes an object.
    pub fn remove(&mut self, id: ObjectId) {
        self.set_parent(id, 0);
        self.plain.remove(&self.slots[id].key());
        self.said.remove(&self.slots[id].name_key);
        self.slots.remove(id);
    }

    pub(crate) fn ensure(&mut self, scope: Scope, identity: &Identity<'_>) -> ObjectId {
        let key = in_scope(scope, object_key(identity.uid));
        if let Some(id) = self.find(key) {
            self[id].complete(identity.api_version);
            return id;
        }
        self.has_standins |= !identity.uid_known;
        let name = scoped_name(scope, identity.kind, identity.namespace, identity.name);
        let parent = self.parent_by_name(name).filter(|&parent| parent != key);
        let id = self.slots.insert(key, name, D::introduce(identity));
        self.set_parent(id, parent.unwrap_or(0));
        id
    }
}

/// The key of a uid in a scope, and back.
pub fn in_scope(scope: Scope, uid: u128) -> u128 {
    uid ^ scope.rotate_left(64)
}

/// The key of a kind, namespace and name in a scope.
pub fn scoped_name(scope: Scope, kind: &str, namespace: &str, name: &str) -> u64 {
    name_key(kind, namespace, name) ^ (scope ^ (scope >> 64)) as u64
}

/// Whether an API server could have given out this uid.
pub fn is_uid(uid: &str) -> bool {
    uid.len() == 36 && uid.bytes().filter(|&byte| byte == b'-').count() == 4
}
