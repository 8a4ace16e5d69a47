//! How objects leave the owner index: some time after they were deleted, or went to another root.
//!
//! What came before may still be told, so a deleted object is remembered, and for as long as it owns
//! others.

use crate::limits::TOMBSTONE_KEPT;
use crate::owners::{Detail, LEFT, METADATA, OwnerIndex};
use crate::slots::ObjectId;
use crate::time::Nanos;

impl<D: Detail> OwnerIndex<D> {
    /// Marks an object deleted at `at` (stream clock; `None`: unknown, then it never expires).
    pub fn delete(&mut self, id: ObjectId, at: Option<Nanos>) {
        let slot = &mut self.slots[id];
        slot.deleted = true;
        let key = slot.key();
        if let Some(at) = at {
            self.tombstones.insert((at, key));
        }
    }

    /// The object belongs to another root now, and was told there. Here it has no metadata any more,
    /// and is forgotten when nothing that came before can refer to it.
    pub fn leave(&mut self, id: ObjectId, watermark: Nanos) {
        let slot = &mut self.slots[id];
        slot.flags = slot.flags & !METADATA | LEFT;
        self.tombstones.insert((watermark, slot.key()));
    }

    /// Forgets objects that were deleted `TOMBSTONE_KEPT` before `watermark` or longer ago; one that
    /// still owns others stays as long again.
    pub fn expire(&mut self, watermark: Nanos) {
        while let Some(&(at, key)) = self.tombstones.first()
            && at.saturating_add(TOMBSTONE_KEPT) < watermark
        {
            self.tombstones.pop_first();
            if let Some(id) = self.find(key)
                && (self.slots[id].deleted || self.slots[id].flags & LEFT != 0)
            {
                if self.slots[id].children > 0 {
                    self.tombstones.insert((watermark, key));
                } else {
                    self.forget(id);
                }
            }
        }
    }
}
