//! Where the Router sends what it has read: the shard of an object's root, or all shards.
//!
//! Everything that can share a trace meets in one shard, metadata ahead of the Events that need it.
//! What was told already is not told again, unless the root turns out to belong to another. Events
//! whose root is not certain wait for the watermark. The Router's limits are kept here.

use crate::batch;
use crate::event::{EventTime, KubeEvent};
use crate::kept::Fact;
use crate::meta::ObjectMeta;
use crate::names::{Name, UNCERTAIN, name_in};
use crate::owners::{EVERYWHERE, ObjectId, is_uid};
use crate::parking::{Parked, Step};
use crate::record::{Naming, Record, ToldLink, Version};
use crate::router::Core;
use crate::rules::{RuleMatch, rank};
use crate::time::Nanos;
use crate::wire;

/// Where an object belongs, as far as it is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RootOf {
    /// The root object.
    pub id: ObjectId,
    /// Key of the root object.
    pub key: u128,
    /// All on the way to it is known by its metadata, and it has no owner.
    pub settled: bool,
    /// It is settled, and not of a kind that is given owners later.
    pub lasting: bool,
}

impl Core {
    /// Sends an Event to its root's shard, or parks it while that, or what it says of others, is not
    /// certain.
    pub fn place(&mut self, event: &KubeEvent<'_>, time: EventTime) {
        let id = self.owners.apply_event(EVERYWHERE, &event.regarding, time.at);
        if !self.owners.has_metadata(id) {
            self.unknown.meet(self.owners.key(id), &event.regarding);
        }
        let rules = self.settings.rules;
        let found = rules.find_named(event);
        let names = names_of(event, &found);
        let open = names.iter().any(|&named| self.owners.is_open(EVERYWHERE, named, id));
        let late = time.latest() < self.watermark;
        let hidden = open && !late && self.parking.hides(time.at, self.watermark);
        if !hidden {
            self.say(event, &names, id);
        }
        let packed = self.pack(event);
        let read_again = open || !is_uid(&event.regarding.uid) || found.rule.waits_for_links();
        if late || (!read_again && self.root_of(id).settled) {
            if late {
                self.learn_all(id, &names, time.at);
            }
            let links = self.link(id, event, &found, time.at);
            self.send_event(id, time.at, &packed, links);
        } else {
            // Of a time known only to the second, from its begin: in the Correlator it holds up what
            // else happened in its second.
            let order = (time.at, rank(&event.reason), event.resource_version);
            let (about, at) = (self.owners.key(id), time.at);
            let event = packed.as_slice().into();
            self.parking.park(order, Parked { about, at, read_again, event }, hidden);
        }
        self.packed = packed;
        self.keep_within_limits();
    }

    /// Takes the next step with a parked Event.
    pub fn step(&mut self, step: &Step) {
        match step {
            Step::Show(parked) => self.read_again(parked, false),
            Step::Free(parked) => match self.owners.find(parked.about) {
                Some(id) if !parked.read_again => {
                    self.send_event(id, parked.at, &parked.event, Vec::new());
                }
                _ => self.read_again(parked, true),
            },
        }
    }

    /// What was parked is shown, or goes on, with what is known now.
    fn read_again(&mut self, parked: &Parked, free: bool) {
        let at = parked.at;
        let Some(event) = wire::read::<KubeEvent<'_>>(&parked.event) else {
            return;
        };
        let id = self.owners.apply_event(EVERYWHERE, &event.regarding, at);
        let rules = self.settings.rules;
        let found = rules.find_named(&event);
        let names = names_of(&event, &found);
        if !free {
            return self.say(&event, &names, id);
        }
        self.learn_all(id, &names, at);
        let links = self.link(id, &event, &found, at);
        self.send_event(id, at, &parked.event, links);
    }

    fn send_event(&mut self, id: ObjectId, at: Nanos, event: &[u8], links: Vec<ToldLink>) {
        let root = self.root_of(id);
        self.owners[root.id].happened(at, self.settings.idle);
        self.write(self.shard_for(root.key), &Record::Event { root: root.key, event, links });
    }

    /// Tells what an Event says of others; it may not have gone on yet.
    fn say(&mut self, event: &KubeEvent<'_>, names: &[Name<'_>], owner: ObjectId) {
        for &named in names {
            if !self.learn(owner, named, UNCERTAIN) {
                continue;
            }
            let root = self.root_of(owner);
            let naming = Naming { owner: event.regarding.clone(), named, at: UNCERTAIN };
            let record = Record::Name { root: root.key, naming };
            if self.owners.is_said(named, owner) {
                self.write(self.shard_for(root.key), &record);
            }
            if !root.lasting {
                self.kept.add(root.key, self.owners.key(owner), &record);
            }
        }
    }

    fn learn_all(&mut self, owner: ObjectId, names: &[Name<'_>], at: Nanos) {
        for &named in names {
            self.learn(owner, named, at);
        }
    }

    /// Takes in whose an object is, by its name. Returns whether nothing but messages tells that.
    fn learn(&mut self, owner: ObjectId, named: Name<'_>, at: Nanos) -> bool {
        let name = name_in(EVERYWHERE, named);
        let unknown = self.owners.unknown_in_order(name);
        let before: Vec<_> = unknown.iter().map(|&id| self.root_of(id).key).collect();
        let open = self.owners.apply_name(EVERYWHERE, named, owner, at);
        for (id, before) in unknown.into_iter().zip(before) {
            self.follow(id, before, false);
        }
        open
    }

    /// Most versions change nothing but a status. What was told already is not told again.
    pub fn is_news(&mut self, id: ObjectId, root: u128, meta: &ObjectMeta<'_>) -> bool {
        // A root is told all anew of what comes to belong to it.
        let told =
            meta.digest(&self.settings.traceparent_annotations) ^ root as u64 ^ (root >> 64) as u64;
        std::mem::replace(&mut self.owners[id].digest, told) != told
    }

    /// Sends a version to its root's shard.
    pub fn tell(&mut self, id: ObjectId, meta: &ObjectMeta<'_>, version: Version<'_>) {
        // Roots of all shards refer to Namespaces, Nodes and other objects that are no one's, and to
        // what applies others.
        if meta.namespace.is_empty() || meta.applies_others() {
            for shard in 0..self.batches.len() {
                self.write(shard, &Record::Meta { root: EVERYWHERE, version });
            }
        }
        if meta.namespace.is_empty() {
            return;
        }
        let root = self.root_of(id);
        let record = Record::Meta { root: root.key, version };
        self.write(self.shard_for(root.key), &record);
        if !root.lasting {
            self.kept.add(root.key, self.owners.key(id), &record);
        }
    }

    /// More is known of an object that belonged to the root `before`; `settled`: of its owner, all.
    pub fn follow(&mut self, id: ObjectId, before: u128, settled: bool) {
        let moved = self.root_of(id).key != before;
        if moved {
            self.forget_under(before, self.owners.key(id));
        }
        if moved || settled {
            self.tell_again(before);
        }
    }

    /// What was told under a root is told again, as far as it belongs to another one now.
    pub fn tell_again(&mut self, before: u128) {
        for fact in self.kept.take(before) {
            let Some(id) = self.owners.find(fact.object) else {
                continue;
            };
            let root = self.root_of(id);
            if root.key != before {
                self.tell_fact(id, before, root.key, &fact);
            }
            if !root.lasting {
                self.kept.keep(root.key, fact);
            }
        }
    }

    fn tell_fact(&mut self, id: ObjectId, before: u128, root: u128, fact: &Fact) {
        self.forget_under(before, fact.object);
        let mut record = fact.record().under(root);
        if let Record::Name { naming, .. } = &mut record {
            let name = name_in(EVERYWHERE, naming.named);
            for named in self.owners.unknown_in_order(name) {
                self.forget_under(before, self.owners.key(named));
            }
            if !self.owners.is_said(naming.named, id) {
                return;
            }
            naming.at = self.owners.said_at(name);
        }
        self.write(self.shard_for(root), &record);
    }

    fn forget_under(&mut self, root: u128, object: u128) {
        self.write(self.shard_for(root), &Record::Moved { root, object });
    }

    /// At a limit the oldest goes: what may have to be told again, parked Events on their way,
    /// objects out of the index.
    pub fn keep_within_limits(&mut self) {
        while self.parking.bytes() + self.kept.bytes() > self.settings.parked_bytes_max {
            if self.kept.forget_oldest() {
                self.counts.forgotten += 1;
            } else if let Some(parked) = self.parking.pop() {
                self.step(&Step::Free(parked));
                self.counts.parked_early += 1;
            } else {
                break;
            }
        }
        let mut spared = 0;
        while self.owners.held() > self.settings.objects_max
            && let Some(oldest) = self.owners.oldest()
        {
            // Owners stay as long as what they own, whose root they tell; not those in a circle.
            if spared < self.owners.held() && self.owners.spare_owner(oldest) {
                spared += 1;
                continue;
            }
            self.counts.evicted += 1;
            let (root, object) = (self.root_of(oldest).key, self.owners.key(oldest));
            self.owners.forget(oldest);
            self.write(self.shard_for(root), &Record::Evict { root, object });
            for shard in 0..self.batches.len() {
                self.write(shard, &Record::Evict { root: EVERYWHERE, object });
            }
        }
    }

    /// Where an object belongs.
    pub fn root_of(&mut self, id: ObjectId) -> RootOf {
        let mut path = std::mem::take(&mut self.path);
        self.owners.path(EVERYWHERE, id, &mut path);
        let id = path[path.len() - 1];
        let key = self.owners.key(id);
        let settled = path.iter().all(|&id| self.owners.has_metadata(id));
        self.path = path;
        RootOf { id, key, settled, lasting: settled && !self.owners[id].is_adoptable() }
    }

    /// The shard of a root.
    pub fn shard_for(&self, root: u128) -> usize {
        // Fibonacci hashing: uids of a test generator need not be random in any one byte.
        let mixed = (root ^ (root >> 64)) as u64;
        let spread = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        ((spread * self.batches.len() as u64) >> 32) as usize
    }

    /// Tells a shard.
    pub fn write(&mut self, shard: usize, record: &Record<'_>) {
        batch::write(&mut self.batches[shard], self.watermark, record);
    }
}

/// The note of a series is that of its first occurrence: it names nothing any more.
fn names_of<'e>(event: &KubeEvent<'_>, found: &RuleMatch<'e>) -> Vec<Name<'e>> {
    if event.series.is_some() { Vec::new() } else { found.names().collect() }
}
