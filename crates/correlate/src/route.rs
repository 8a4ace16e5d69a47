//! Where the Router sends what it has read: the shard of an object's root, all shards, or the
//! parking until the root is certain.
//!
//! Everything that can share a trace meets in one shard, metadata ahead of the Events that need it.
//! What was told already is not told again, and the Router's limits are kept here.

use crate::batch::{self, Record, Version};
use crate::event::{self, EventTime, KubeEvent};
use crate::meta::ObjectMeta;
use crate::owners::{EVERYWHERE, ObjectId};
use crate::parking::Parked;
use crate::router::Core;
use crate::rules::rank;
use crate::time::Nanos;

impl Core {
    /// Sends an Event to its root's shard, or parks it while its root is not certain.
    pub fn place(&mut self, event: &KubeEvent<'_>, time: EventTime, object: &[u8]) {
        let id = self.owners.apply_event(EVERYWHERE, &event.regarding);
        for (kind, name) in self.rules.find(event).names() {
            let named = (kind, &*event.regarding.namespace, name);
            self.owners.apply_name(EVERYWHERE, named, id);
        }
        let late = time.latest() < self.watermark;
        if late || self.is_settled(id) {
            self.send_event(id, object);
        } else {
            // Of a time known only to the second, from its begin: in the Correlator it holds up what
            // else happened in its second.
            let order = (time.at, rank(&event.reason), event.resource_version);
            self.parking.park_event(order, self.owners.key(id), object);
        }
        self.keep_within_limits();
    }

    /// Most versions change nothing but a status. What was told already is not told again.
    pub fn is_news(&mut self, id: ObjectId, meta: &ObjectMeta<'_>) -> bool {
        // A root is told all anew of what comes to belong to it.
        let root = self.root_key(id);
        let told = meta.digest() ^ root as u64 ^ (root >> 64) as u64;
        std::mem::replace(&mut self.owners[id].0, told) != told
    }

    /// Sends a version to its root's shard, or parks it while its root is not certain.
    pub fn tell(&mut self, id: ObjectId, meta: &ObjectMeta<'_>, version: &Version<'_>) {
        // Roots of all shards refer to Namespaces, Nodes and other objects that are no one's.
        if meta.namespace.is_empty() {
            for shard in 0..self.batches.len() {
                self.write(shard, &Record::Meta { root: EVERYWHERE, version: *version });
            }
            return;
        }
        let root = self.root_key(id);
        if self.is_settled(id) {
            self.write(self.shard_for(root), &Record::Meta { root, version: *version });
        } else {
            let key = self.owners.key(id);
            self.parking.park_meta(root, self.clock, key, Parked::new(version));
        }
    }

    /// A parked Event goes on with what is known; `key`: its object's.
    pub fn free_event(&mut self, key: u128, object: &[u8]) {
        // An object that was known by its name only is another one now, if its metadata came.
        let known = self.owners.find(key).or_else(|| {
            let event = event::parse_event(object)?;
            Some(self.owners.apply_event(EVERYWHERE, &event.regarding))
        });
        if let Some(id) = known {
            self.send_event(id, object);
        }
    }

    /// Metadata that waits for an owner on the way goes ahead of the Event.
    fn send_event(&mut self, id: ObjectId, object: &[u8]) {
        if self.parking.has_metas() {
            let mut path = Vec::new();
            self.owners.path(EVERYWHERE, id, &mut path);
            for id in path {
                self.free_metas(self.owners.key(id));
            }
        }
        let root = self.root_key(id);
        self.write(self.shard_for(root), &Record::Event { root, object });
    }

    /// An object became known: what waited for it may have a root now.
    pub fn free_metas_of(&mut self, key: u128) {
        for (object_key, parked) in self.parking.take_metas(key) {
            match self.owners.find(object_key) {
                Some(id) if !self.is_settled(id) => {
                    let root = self.root_key(id);
                    self.parking.park_meta(root, self.clock, object_key, parked);
                }
                found => {
                    let root = found.map_or(object_key, |id| self.root_key(id));
                    let version = parked.version();
                    self.write(self.shard_for(root), &Record::Meta { root, version });
                }
            }
        }
    }

    /// What waited for this owner goes on, with what is known.
    pub fn free_metas(&mut self, missing: u128) {
        for (object, parked) in self.parking.take_metas(missing) {
            let id = self.owners.find(object);
            let root = id.map_or(missing, |id| self.root_key(id));
            let version = parked.version();
            self.write(self.shard_for(root), &Record::Meta { root, version });
        }
    }

    /// At a limit the oldest goes: parked frames on their way, objects out of the index.
    pub fn keep_within_limits(&mut self) {
        while self.parking.bytes() > self.settings.parked_bytes_max {
            if let Some((key, object)) = self.parking.pop_event(Nanos::MAX) {
                self.free_event(key, &object);
            } else if let Some(root) = self.parking.pop_stale_metas(Nanos::MAX) {
                self.free_metas(root);
            } else {
                break;
            }
            self.counts.parked_early += 1;
        }
        while self.owners.held() > self.settings.objects_max
            && let Some(oldest) = self.owners.oldest()
        {
            self.counts.evicted += 1;
            let (root, object) = (self.root_key(oldest), self.owners.key(oldest));
            self.owners.forget(oldest);
            self.write(self.shard_for(root), &Record::Evict { root, object });
            for shard in 0..self.batches.len() {
                self.write(shard, &Record::Evict { root: EVERYWHERE, object });
            }
        }
    }

    /// Whether the root is certain: all on the way to it is known by its metadata, and it has no
    /// owner.
    fn is_settled(&mut self, id: ObjectId) -> bool {
        let mut path = std::mem::take(&mut self.path);
        self.owners.path(EVERYWHERE, id, &mut path);
        let settled = path.iter().all(|&id| self.owners.has_metadata(id));
        self.path = path;
        settled
    }

    fn root_key(&mut self, id: ObjectId) -> u128 {
        let mut path = std::mem::take(&mut self.path);
        self.owners.path(EVERYWHERE, id, &mut path);
        let root = path[path.len() - 1];
        self.path = path;
        self.owners.key(root)
    }

    fn shard_for(&self, root: u128) -> usize {
        // Fibonacci hashing: uids of a test generator need not be random in any one byte.
        let mixed = (root ^ (root >> 64)) as u64;
        let spread = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        ((spread * self.batches.len() as u64) >> 32) as usize
    }

    fn write(&mut self, shard: usize, record: &Record<'_>) {
        batch::write(&mut self.batches[shard], self.watermark, record);
    }
}
