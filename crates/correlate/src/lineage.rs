//! Walking up the owner index: from an object to the one on top.
//!
//! Promises that cycles and depth are cut the same way from wherever one starts.

use crate::owners::{
    Detail, EVERYWHERE, METADATA, NAMESPACED, OwnerIndex, PATH_DEPTH, Scope, in_scope,
};
use crate::slots::ObjectId;

impl<D: Detail> OwnerIndex<D> {
    /// The path from an object (first) to its root (last).
    pub fn path(&self, scope: Scope, id: ObjectId, path: &mut Vec<ObjectId>) {
        path.clear();
        path.push(id);
        let mut current = id;
        while path.len() < PATH_DEPTH
            && let Some(parent) = self.owner(scope, current)
        {
            if let Some(start) = path.iter().position(|&seen| seen == parent) {
                // A cycle has no top: its smallest key stands in, from wherever the walk began.
                let uid = |&i: &usize| in_scope(scope, self.slots[path[i]].key());
                let root = (start..path.len()).min_by_key(uid);
                path.truncate(root.map_or(path.len(), |root| root + 1));
                return;
            }
            path.push(parent);
            current = parent;
        }
    }

    /// Whether the object has an owner.
    pub fn has_owner(&self, scope: Scope, id: ObjectId) -> bool {
        self.owner(scope, id).is_some()
    }

    /// The object that owns this one: its controller, else the first plain owner that is neither a
    /// Node nor known to be cluster-scoped.
    fn owner(&self, scope: Scope, id: ObjectId) -> Option<ObjectId> {
        let slot = &self.slots[id];
        if slot.parent() != 0 {
            let own = self.find(slot.parent());
            if scope == EVERYWHERE || own.is_some_and(|id| self.has_metadata(id)) {
                return own;
            }
            return self.find(in_scope(scope, slot.parent())).or(own);
        }
        self.plain.get(&slot.key())?.iter().filter(|owner| !owner.is_node).find_map(|owner| {
            let id = self.locate(scope, owner.key)?;
            let flags = self.slots[id].flags;
            (flags & METADATA == 0 || flags & NAMESPACED != 0).then_some(id)
        })
    }

    pub(crate) fn set_parent(&mut self, id: ObjectId, parent: u128) {
        let before = self.slots[id].set_parent(parent);
        if before == parent {
            return;
        }
        if let Some(before) = self.find(before) {
            self.slots[before].children = self.slots[before].children.saturating_sub(1);
        }
        if let Some(parent) = self.find(parent) {
            self.slots[parent].children += 1;
        }
    }
}
