//! How objects leave the owner index: some time after they were deleted, or went to another root.
//!
//! What came before may still be told, so a deleted object is remembered, and for as long as it owns
//! others.

use crate::limits::TOMBSTONE_KEPT;
use crate::owners::{Detail, LEFT, METADATA, OwnerIndex, Scope};
use crate::slots::ObjectId;
use crate::time::Nanos;

impl<D: Detail> OwnerIndex<D> {
    /// Marks an object deleted at `at` (stream clock; `None`: unknown, then it never expires).
    pub fn delete(&mut self, scope: Scope, id: ObjectId, at: Option<Nanos>) {
        let slot = &mut self.slots[id];
        slot.deleted = true;
        let key = slot.key();
        if let Some(at) = at {
            self.tombstones.insert((at, key, scope));
        }
    }

    /// The object belongs to another root now, and was told there. Here it has no metadata any more,
    /// and is forgotten when nothing that came before can refer to it.
    pub fn leave(&mut self, scope: Scope, id: ObjectId, watermark: Nanos) {
        let slot = &mut self.slots[id];
        slot.flags = slot.flags & !METADATA | LEFT;
        self.tombstones.insert((watermark, slot.key(), scope));
    }

    /// The scopes of objects that `expire` would look at.
    pub fn expiring(&self, watermark: Nanos) -> impl Iterator<Item = Scope> + '_ {
        let due = self.tombstones.iter().take_while(move |(at, ..)| is_due(*at, watermark));
        due.map(|&(_, _, scope)| scope)
    }

    /// Forgets objects that were deleted `TOMBSTONE_KEPT` before `watermark` or longer ago; one that
    /// still owns others stays as long again.
    pub fn expire(&mut self, watermark: Nanos) {
        while let Some(&(at, key, scope)) = self.tombstones.first()
            && is_due(at, watermark)
        {
            self.tombstones.pop_first();
            if let Some(id) = self.find(key)
                && (self.slots[id].deleted || self.slots[id].flags & LEFT != 0)
            {
                if self.slots[id].children > 0 {
                    self.tombstones.insert((watermark, key, scope));
                } else {
                    self.forget(id);
                }
            }
        }
    }
}

fn is_due(at: Nanos, watermark: Nanos) -> bool {
    at.saturating_add(TOMBSTONE_KEPT) < watermark
}
