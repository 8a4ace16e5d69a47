//! Placing occurrences: when a root's queue goes on, and in which order.
//!
//! In goes the first occurrence of a root's queue, out comes its span in a trace. A cause may be
//! written after its effect: an occurrence that could have a better cause than those known waits
//! until the watermark shows that there is none, and everything after it in its root waits with it.
//! So the outcome depends on what happened, not on when it was told.

use serde::{Deserialize, Serialize};

use crate::attach::leave;
use crate::counts::CorrelatorCounts;
use crate::encode::SpanEncoder;
use crate::limits::{CAUSES_AHEAD_MAX, ROOT_QUEUE_MAX, Settings};
use crate::objects::{ObjectDetail, end_of};
use crate::outlets::Outlets;
use crate::owners::{ObjectId, OwnerIndex};
use crate::parent::object_named;
use crate::pending::{Order, Pending};
use crate::root::Root;
use crate::time::Nanos;
use crate::troubles::Troubles;

/// What all roots of a Correlator share.
#[derive(Serialize, Deserialize)]
pub struct World {
    /// The owner cache.
    pub objects: OwnerIndex<ObjectDetail>,
    /// Encodes spans.
    pub spans: SpanEncoder,
    /// Collects finished spans.
    pub out: Outlets,
    /// Nodes in trouble.
    pub troubles: Troubles,
    /// The accounts.
    pub counts: CorrelatorCounts,
    /// Causes that are being placed ahead of their turn, one for the other.
    /// While nothing is placed, none.
    #[serde(skip)]
    pub ahead: usize,
    /// Keys of dismissed objects that nothing pins any more. While nothing is placed, none.
    #[serde(skip)]
    pub unpinned: Vec<u128>,
    /// Everything older has been released.
    pub watermark: Nanos,
    /// The user's settings.
    #[serde(skip)]
    pub settings: Settings,
}

/// The occurrence cannot be placed before the watermark has passed this time.
pub struct Wait(pub Nanos);

impl World {
    /// Brings a root up to the watermark.
    pub fn settle(&mut self, root: &mut Root) {
        let stalled = loop {
            self.settle_seconds(root);
            let Some(first) = root.queue.first().map(|first| first.order) else {
                break None;
            };
            let full = root.queue.len() > ROOT_QUEUE_MAX;
            if first.time >= self.watermark && !full {
                break Some((first.time, first.time));
            }
            let vague = root.queue.first_vague_second().filter(|&second| second <= first.time);
            if let Some(second) = vague.filter(|_| !full) {
                break Some((first.time, end_of(second)));
            }
            self.counts.early += u64::from(full && first.time >= self.watermark);
            let placed = self.try_place(root, first, full);
            self.let_go();
            if let Err(Wait(until)) = placed {
                break Some((first.time, until));
            }
        };
        let frontier = stalled.map_or(self.watermark, |(first, _)| first.min(self.watermark));
        root.fire_timers(frontier, &mut |span| leave(&mut self.out, &mut self.counts, &span));
        let next = stalled.map_or(Nanos::MAX, |(_, until)| until);
        let vague = root.queue.first_vague_second().map_or(Nanos::MAX, end_of);
        // Timers that a waiting occurrence holds up fire when it is placed.
        let timer = if frontier < self.watermark { Nanos::MAX } else { root.timer() };
        root.due = next.min(vague).min(timer);
        root.rest(self.watermark);
    }

    /// Places an occurrence that came after the watermark, among what is there.
    pub fn place_late(&mut self, root: &mut Root, mut pending: Pending) {
        pending.late = true;
        self.counts.late += 1;
        root.namings.add(&pending);
        let placed = self.place(root, &pending, true);
        self.let_go();
        debug_assert!(placed.is_ok(), "a late occurrence waits for nothing");
    }

    fn settle_seconds(&mut self, root: &mut Root) {
        let objects = &self.objects;
        let names = |pending: &Pending, about: u128, about_name: u64| {
            let named = pending.names.iter().find(|named| named.name == about_name);
            let second = pending.second.unwrap_or(pending.order.time);
            named.is_some_and(|named| {
                let object = named
                    .object
                    .or_else(|| object_named(objects, named.name, pending.rule.direction, second));
                object.is_none_or(|object| object == about)
            })
        };
        for order in root.queue.settle_seconds(self.watermark, names) {
            let Some(pending) = root.queue.take(order) else {
                continue;
            };
            root.namings.add(&pending);
            root.queue.put_back(pending);
        }
    }

    /// Places a queued occurrence. `certain`: nothing is waited for.
    ///
    /// # Errors
    /// Until when to wait; the occurrence is queued as before.
    pub fn try_place(&mut self, root: &mut Root, order: Order, certain: bool) -> Result<(), Wait> {
        if self.ahead >= CAUSES_AHEAD_MAX {
            return Ok(());
        }
        let Some(pending) = root.queue.take(order) else {
            return Ok(());
        };
        self.ahead += 1;
        let placed = self.place(root, &pending, certain);
        self.ahead -= 1;
        if placed.is_err() {
            root.queue.put_back(pending);
        }
        placed
    }

    /// Finds the occurrence's parent and makes its span. `certain`: nothing is waited for.
    fn place(&mut self, root: &mut Root, pending: &Pending, certain: bool) -> Result<(), Wait> {
        if !pending.late {
            let (out, counts) = (&mut self.out, &mut self.counts);
            root.fire_timers(pending.order.time, &mut |span| leave(out, counts, &span));
        }
        let about = self.objects.find(pending.about).expect("pinned objects are kept");
        if let Some(node) = pending.node_key() {
            self.objects[about].live().node = Some(node);
        }
        let mut path = Vec::new();
        self.objects.path(root.scope, about, &mut path);
        if self.opens_trace(root, pending) {
            self.open_own(root, pending, &path);
        } else {
            let parent = self.parent(root, pending, &path, certain)?;
            self.attach(root, pending, &path, &parent);
        }
        if let Some(version) = pending.version.filter(|_| !pending.late) {
            self.objects[about].happened_in(version, pending.order.time);
        }
        self.unpin(about);
        Ok(())
    }

    fn unpin(&mut self, id: ObjectId) {
        let object = &mut self.objects[id];
        object.live().pins -= 1;
        if object.live().pins == 0 && object.dismissed {
            self.unpinned.push(self.objects.key(id));
        }
    }

    /// An occurrence that is placed ahead of its turn may be about the owner of what it is placed for:
    /// that is needed until both are.
    fn let_go(&mut self) {
        for key in std::mem::take(&mut self.unpinned) {
            if let Some(id) = self.objects.find(key) {
                self.objects.remove(id);
            }
        }
    }
}
