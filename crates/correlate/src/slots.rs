//! Storage of the owner index: objects by key and by name, in the order they were last heard of.
//!
//! Tables of 32-bit ids (`ids_by_hash.rs`) over one slab, so that an object costs little beside its
//! detail. The slab grows by chunks: WebAssembly memory never shrinks, and one that doubled would
//! leave what it was copied from. Knows nothing of ownership.

use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};

use crate::ids_by_hash::Ids;

/// An object's place in an index. Valid until the object is removed.
pub type ObjectId = u32;

const NONE: ObjectId = u32::MAX;

/// Objects that the slab grows by: few, so that they fit into what the tables leave.
const CHUNK: usize = 1 << 6;

/// One object.
#[derive(Serialize, Deserialize)]
pub struct Slot<D> {
    #[serde(with = "serde_bytes")]
    key: Bits,
    #[serde(with = "serde_bytes")]
    parent: Bits,
    /// Objects held whose parent this is.
    pub children: u32,
    /// Hash of its kind, namespace and name.
    pub name_key: u64,
    /// What is known of it: bits, the owner index' own.
    pub flags: u8,
    /// A `DELETED` frame told of it.
    pub deleted: bool,
    /// What the index' user keeps.
    pub detail: D,
}

/// An object's neighbours in the order in which objects were last heard of.
#[derive(Serialize, Deserialize)]
pub struct Neighbours {
    newer: ObjectId,
    older: ObjectId,
}

impl Default for Neighbours {
    fn default() -> Self {
        Self { newer: NONE, older: NONE }
    }
}

/// Where an object's neighbours are kept.
pub trait Aging {
    /// `None`: of an index that forgets nothing by its age.
    fn neighbours(&mut self) -> Option<&mut Neighbours>;
}

/// A key: a u128 would align every slot to 16 bytes.
type Bits = [u8; 16];

impl<D> Slot<D> {
    /// The bits of its uid.
    pub fn key(&self) -> u128 {
        u128::from_ne_bytes(self.key)
    }

    /// Key of the controller, or of the object whose message named this one; 0: none.
    pub fn parent(&self) -> u128 {
        u128::from_ne_bytes(self.parent)
    }

    /// Gives it another parent, and tells the one before.
    pub fn set_parent(&mut self, parent: u128) -> u128 {
        u128::from_ne_bytes(std::mem::replace(&mut self.parent, parent.to_ne_bytes()))
    }
}

/// A slab of objects with two tables and a list through it.
#[derive(Serialize, Deserialize)]
#[serde(from = "Stored<D>")]
pub struct Slots<D> {
    slab: Slab<D>,
    free: Vec<ObjectId>,
    newest: ObjectId,
    oldest: ObjectId,
    /// Made anew from the slab, as is the next.
    #[serde(skip)]
    by_key: Ids,
    #[serde(skip)]
    by_name: Ids,
}

/// What a snapshot has of it.
#[derive(Deserialize)]
struct Stored<D> {
    slab: Slab<D>,
    free: Vec<ObjectId>,
    newest: ObjectId,
    oldest: ObjectId,
}

impl<D> From<Stored<D>> for Slots<D> {
    fn from(stored: Stored<D>) -> Self {
        let Stored { slab, free, newest, oldest } = stored;
        let placed: usize = slab.iter().map(Vec::len).sum();
        let mut slots = Self { slab, free, newest, oldest, ..Self::default() };
        for id in 0..placed as ObjectId {
            if place(&mut slots.slab, id).is_some() {
                slots.file(id);
            }
        }
        slots
    }
}

/// Chunks of the same size; the last one may not be full.
type Slab<D> = Vec<Vec<Option<Slot<D>>>>;

impl<D> Default for Slots<D> {
    fn default() -> Self {
        Self {
            slab: Vec::new(),
            free: Vec::new(),
            by_key: Ids::default(),
            by_name: Ids::default(),
            newest: NONE,
            oldest: NONE,
        }
    }
}

impl<D> Index<ObjectId> for Slots<D> {
    type Output = Slot<D>;
    fn index(&self, id: ObjectId) -> &Slot<D> {
        held(&self.slab, id)
    }
}

impl<D> IndexMut<ObjectId> for Slots<D> {
    fn index_mut(&mut self, id: ObjectId) -> &mut Slot<D> {
        place(&mut self.slab, id).as_mut().expect("object ids are not kept past removal")
    }
}

impl<D> Slots<D> {
    /// Makes an object found.
    fn file(&mut self, id: ObjectId) {
        let slab = &self.slab;
        let (key, name_key) = (held(slab, id).key(), held(slab, id).name_key);
        self.by_key.insert(key_hash(key), id, |&id| key_hash(held(slab, id).key()));
        self.by_name.insert(name_key, id, |&id| held(slab, id).name_key);
    }
}

impl<D: Aging> Slots<D> {
    /// The object with this key.
    pub fn find(&self, key: u128) -> Option<ObjectId> {
        self.by_key.find(key_hash(key), |&id| self[id].key() == key)
    }

    /// All objects of this kind, namespace and name.
    pub fn named(&self, name: u64) -> impl Iterator<Item = ObjectId> + '_ {
        self.by_name.like(name).filter(move |&id| self[id].name_key == name)
    }

    /// Adds an object whose key is not held, as the newest.
    pub fn insert(&mut self, key: u128, name_key: u64, detail: D) -> ObjectId {
        let slot = Slot {
            key: key.to_ne_bytes(),
            parent: Bits::default(),
            children: 0,
            name_key,
            flags: 0,
            deleted: false,
            detail,
        };
        let id = self.free.pop().unwrap_or_else(|| grow(&mut self.slab));
        *place(&mut self.slab, id) = Some(slot);
        self.file(id);
        self.link(id);
        id
    }

    /// Files an object under another name.
    pub fn rename(&mut self, id: ObjectId, name: u64) {
        let before = self[id].name_key;
        if before == name {
            return;
        }
        self.by_name.remove(before, id);
        self[id].name_key = name;
        let slab = &self.slab;
        self.by_name.insert(name, id, |&id| held(slab, id).name_key);
    }

    /// Forgets an object.
    pub fn remove(&mut self, id: ObjectId) {
        self.unlink(id);
        let Some(slot) = place(&mut self.slab, id).take() else {
            return;
        };
        self.by_key.remove(key_hash(slot.key()), id);
        self.by_name.remove(slot.name_key, id);
        self.free.push(id);
    }

    /// The object was heard of: it is the newest now.
    pub fn touch(&mut self, id: ObjectId) {
        if self.newest != id {
            self.unlink(id);
            self.link(id);
        }
    }

    /// The object longest not heard of.
    pub fn oldest(&self) -> Option<ObjectId> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// Objects held.
    pub fn held(&self) -> usize {
        self.by_key.held()
    }

    fn link(&mut self, id: ObjectId) {
        let newest = self.newest;
        let Some(neighbours) = self[id].detail.neighbours() else { return };
        *neighbours = Neighbours { newer: NONE, older: newest };
        match self.neighbours(newest) {
            None => self.oldest = id,
            Some(before) => before.newer = id,
        }
        self.newest = id;
    }

    fn unlink(&mut self, id: ObjectId) {
        let Some(&mut Neighbours { newer, older }) = self[id].detail.neighbours() else { return };
        match self.neighbours(newer) {
            None => self.newest = older,
            Some(after) => after.older = older,
        }
        match self.neighbours(older) {
            None => self.oldest = newer,
            Some(before) => before.newer = newer,
        }
    }

    fn neighbours(&mut self, id: ObjectId) -> Option<&mut Neighbours> {
        if id == NONE { None } else { self[id].detail.neighbours() }
    }
}

fn held<D>(slab: &Slab<D>, id: ObjectId) -> &Slot<D> {
    let slot = &slab[id as usize / CHUNK][id as usize % CHUNK];
    slot.as_ref().expect("object ids are not kept past removal")
}

fn place<D>(slab: &mut Slab<D>, id: ObjectId) -> &mut Option<Slot<D>> {
    &mut slab[id as usize / CHUNK][id as usize % CHUNK]
}

/// A new place at the end.
fn grow<D>(slab: &mut Slab<D>) -> ObjectId {
    if slab.last().is_none_or(|last| last.len() == CHUNK) {
        slab.push(Vec::with_capacity(CHUNK));
    }
    let full = (slab.len() - 1) * CHUNK;
    let last = slab.last_mut().expect("it was pushed");
    last.push(None);
    ObjectId::try_from(full + last.len() - 1).expect("fewer than 2^32 objects")
}

/// uids are random, but a root's key in its own scope has two equal halves (`owners::in_scope`).
#[expect(clippy::cast_possible_truncation, reason = "halves are taken apart")]
pub(crate) fn key_hash(key: u128) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let folded = ((key >> 64) as u64).wrapping_mul(ODD).wrapping_add(key as u64);
    let mixed = (folded ^ (folded >> 32)).wrapping_mul(ODD);
    mixed ^ (mixed >> 32)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::key_hash;
    use crate::ids::object_key;
    use crate::owners::in_scope;

    #[test]
    fn keys_spread_over_the_table() {
        let uids = (0..4096).map(|index| object_key(&index.to_string()));
        let own_scope: HashSet<u64> = uids.map(|uid| key_hash(in_scope(uid, uid)) % 4096).collect();
        assert!(own_scope.len() > 2000, "{} buckets", own_scope.len());
        for shift in (0..128).step_by(4) {
            let keys = (0..16_u128).map(|digit| digit.rotate_left(shift));
            let buckets: HashSet<u64> = keys.map(|key| key_hash(key) % 4096).collect();
            assert!(buckets.len() > 12, "{} buckets, shift {shift}", buckets.len());
        }
    }
}
