//! The Correlator: batches of records in, encoded spans out. One per shard.
//!
//! It keeps the owner cache and the roots of its shard, moves them along the watermark that comes
//! with every record, and encodes what is finished. Promises: same records, same bytes; no clock,
//! no randomness, no I/O.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::batch::{self, MalformedBatch};
use crate::counts::CorrelatorCounts;
use crate::encode::SpanEncoder;
use crate::event::KubeEvent;
use crate::limits::Settings;
use crate::marks::{self, Marks};
use crate::meta::ObjectMeta;
use crate::objects::ObjectDetail;
use crate::outlets::Outlets;
use crate::owners::{EVERYWHERE, ObjectId, OwnerIndex, Scope, in_scope};
use crate::pending::{About, Pending};
use crate::phases::PhaseOwner;
use crate::place::World;
use crate::record::{Naming, Record, ToldLink, Version};
use crate::resting::Resting;
use crate::root::Root;
use crate::snapshot::{self, SnapshotError};
use crate::time::Nanos;
use crate::troubles::Troubles;
use crate::wire;

/// As snapshots call it.
const MACHINE: &str = "Correlator";

/// Joins the occurrences of one shard to traces. See the module for its promises.
#[derive(Serialize, Deserialize)]
pub struct Correlator {
    world: World,
    #[serde(with = "crate::stored::sorted")]
    roots: FxHashMap<u128, Box<Root>>,
    /// (due, key of the root); a root's own `due` says whether an entry still holds, and makes it
    /// anew.
    #[serde(skip)]
    wakeups: BinaryHeap<Reverse<(Nanos, u128)>>,
    /// Versions that are not in the owner cache yet, of roots that are not in `roots`.
    resting: Resting,
}

impl Correlator {
    /// A Correlator at the beginning of a stream.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let mut out = Outlets::default();
        out.set_rules(&settings.destinations);
        Self {
            world: World {
                objects: OwnerIndex::default(),
                spans: SpanEncoder::new(&settings),
                troubles: Troubles::default(),
                out,
                counts: CorrelatorCounts::default(),
                ahead: 0,
                unpinned: Vec::new(),
                watermark: Nanos::MIN,
                settings,
            },
            roots: FxHashMap::default(),
            wakeups: BinaryHeap::new(),
            resting: Resting::default(),
        }
    }

    /// A Correlator that goes on from a snapshot.
    ///
    /// # Errors
    /// Why the snapshot is of no use.
    pub fn restore(settings: Settings, snapshot: &[u8]) -> Result<Self, SnapshotError> {
        let mut restored: Self = snapshot::read(MACHINE, &settings, snapshot)?;
        restored.plan();
        restored.world.out.set_rules(&settings.destinations);
        restored.world.settings = settings;
        Ok(restored)
    }

    /// All that it knows, for `restore`. Its spans have been drained.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        assert!(self.world.out.is_empty(), "spans are drained before a snapshot is taken");
        snapshot::write(MACHINE, &self.world.settings, self)
    }

    /// Takes a batch that a Router wrote.
    ///
    /// # Errors
    /// When no Router wrote it; the Correlator is then of no further use.
    pub fn push(&mut self, batch: &[u8]) -> Result<(), MalformedBatch> {
        for item in batch::read(batch) {
            let (watermark, record) = item?;
            self.advance(watermark);
            match record {
                Record::Event { root, event, links } => {
                    if let Some(event) = wire::read(event) {
                        self.event(root, &event, &links);
                    }
                }
                Record::Link { root, about, at, link } => self.link(root, about, at, link),
                Record::Trouble(trouble) => self.world.troubles.tell(trouble),
                Record::Meta { root, version } => self.meta(root, &version),
                Record::Name { root, naming } => self.name(root, &naming),
                Record::Moved { root, object } => self.leave(root, object),
                Record::Evict { root, object } => self.evict(root, object),
                Record::Forget(before) => self.forget(before),
                Record::Quarantined { is_event } => self.world.counts.quarantine(is_event),
                Record::Watermark => {}
            }
        }
        Ok(())
    }

    /// Moves the watermark: everything older is placed, and timers fire. It never goes back.
    pub fn advance(&mut self, watermark: Nanos) {
        if watermark <= self.world.watermark {
            return;
        }
        self.world.watermark = watermark;
        while let Some(&Reverse((due, key))) = self.wakeups.peek()
            && due < watermark
        {
            self.wakeups.pop();
            if self.roots.get(&key).is_some_and(|root| root.due == due) {
                self.settle(key);
            }
        }
        let expiring: Vec<Scope> = self.world.objects.expiring(watermark).collect();
        for scope in expiring {
            self.wake(scope);
        }
        self.world.objects.expire(watermark);
    }

    /// Takes the spans for a destination that have left: `ResourceSpans` fields of an
    /// `ExportTraceServiceRequest`; those of several calls may be joined. Destinations are numbered
    /// as in `DestinationRules`.
    pub fn drain(&mut self, destination: usize) -> Vec<u8> {
        self.world.out.drain(destination)
    }

    /// Spans that wait to be drained for a destination.
    #[must_use]
    pub fn spans(&self, destination: usize) -> u32 {
        self.world.out.spans(destination)
    }

    /// What became of the occurrences so far.
    #[must_use]
    pub fn counts(&self) -> &CorrelatorCounts {
        &self.world.counts
    }

    fn event(&mut self, key: u128, event: &KubeEvent<'_>, links: &[ToldLink]) {
        let Some(time) = event.time else { return };
        self.wake(key);
        let World { objects, spans, settings, .. } = &mut self.world;
        let found = settings.rules.find(event);
        let about = objects.apply_event(key, &event.regarding, time.at);
        for named in found.names().filter(|_| event.series.is_none()) {
            objects.apply_name(key, named, about, time.at);
        }
        objects[about].live().pins += 1;
        let encoded =
            (spans.resource(&event.component, &event.instance), spans.event_fields(event));
        let of = About { key: objects.key(about), uid_known: objects[about].uid_known };
        let pending = Pending::new(event, &found, time, (key, of), encoded, links);
        let idle = settings.idle;
        self.world.counts.held += 1;
        let root = self.roots.entry(key).or_insert_with(|| Root::new(key, idle).into());
        let before = root.due;
        if time.latest() < self.world.watermark {
            self.world.place_late(root, pending);
            root.due = root.due.min(root.timer());
        } else {
            root.due = root.due.min(pending.order.time);
            if pending.second.is_none() {
                root.namings.add(&pending);
            }
            root.queue.insert(pending);
        }
        if root.due < before {
            self.wakeups.push(Reverse((root.due, key)));
        }
    }

    /// A link of another root's Event waits for an occurrence about this object.
    fn link(&mut self, key: u128, about: u128, at: Nanos, (kind, to): ToldLink) {
        self.wake(key);
        let idle = self.world.settings.idle;
        let root = self.roots.entry(key).or_insert_with(|| Root::new(key, idle).into());
        root.add_link(in_scope(key, about), at, kind, to);
        if root.timer() < root.due {
            root.due = root.timer();
            self.wakeups.push(Reverse((root.due, key)));
        }
    }

    fn meta(&mut self, scope: Scope, version: &Version<'_>) {
        let Some(meta) = wire::read::<ObjectMeta<'_>>(version.metadata) else { return };
        if meta.kind == "Namespace" {
            self.world.out.learn(&meta, version.deleted, self.world.watermark);
            if meta.name == "kube-system" {
                self.set_cluster_uid(&meta.uid);
            }
        }
        let marks = marks::read(&meta, &self.world.settings.traceparent_annotations);
        let may_rest = scope != EVERYWHERE && !version.deleted && !self.roots.contains_key(&scope);
        if may_rest && self.resting.keep(scope, &meta, &marks) {
            return;
        }
        self.wake(scope);
        let objects = &mut self.world.objects;
        let id = take_in(objects, scope, &meta, marks);
        if version.deleted {
            objects.delete(scope, id, version.received_at);
            objects[id].deleted(version.received_at.unwrap_or(Nanos::MIN));
            if let Some(at) = version.received_at {
                self.gone(scope, id, at);
            }
        }
    }

    /// What stands for an unknown uid has that of the cluster in it.
    fn set_cluster_uid(&mut self, uid: &str) {
        if self.world.objects.cluster_uid != uid {
            for scope in self.resting.roots() {
                self.wake(scope);
            }
        }
        self.world.spans.set_cluster_uid(uid);
        self.world.objects.set_cluster_uid(uid);
    }

    /// More is told of a root than versions of its objects, or somebody looks at them.
    fn wake(&mut self, scope: Scope) {
        let objects = &mut self.world.objects;
        self.resting.wake(scope, |meta, marks| {
            take_in(objects, scope, meta, marks);
        });
    }

    /// What goes on for an object ends with it.
    fn gone(&mut self, scope: Scope, id: ObjectId, at: Nanos) {
        let objects = &self.world.objects;
        let owner = objects.key(id);
        let key = if scope == EVERYWHERE { owner } else { scope };
        let named = PhaseOwner::from(objects[id].name_in(key));
        let Some(root) = self.roots.get_mut(&key) else { return };
        root.gone(owner, at);
        root.gone(named, at);
        if root.timer() < root.due {
            root.due = root.timer();
            self.wakeups.push(Reverse((root.due, key)));
        }
    }

    /// A message tells whose an object is; its Event comes later, or went to another root.
    fn name(&mut self, scope: Scope, naming: &Naming<'_>) {
        self.wake(scope);
        let objects = &mut self.world.objects;
        let owner = objects.apply_event(scope, &naming.owner, naming.at);
        objects.apply_name(scope, naming.named, owner, naming.at);
    }

    /// An object belongs to another root now.
    fn leave(&mut self, scope: Scope, object: u128) {
        self.wake(scope);
        let World { objects, watermark, .. } = &mut self.world;
        if let Some(id) = objects.find_in(scope, object) {
            objects.leave(scope, id, *watermark);
            objects[id].forget_versions();
        }
    }

    /// The Router holds the limit on objects, so that all shards forget the same.
    fn evict(&mut self, scope: Scope, object: u128) {
        self.wake(scope);
        let World { objects, out, .. } = &mut self.world;
        if let Some(id) = objects.find_in(scope, object) {
            if scope == EVERYWHERE && objects[id].kind() == "Namespace" {
                out.forget(&objects[id].name);
            }
            objects.forget(id);
        }
    }

    /// Where a storm of Events leaves more than may be kept, the past is forgotten early.
    fn forget(&mut self, before: Nanos) {
        self.roots.retain(|_, root| {
            root.forget(before);
            !root.is_empty()
        });
        self.plan();
    }

    /// Makes all wakeups anew.
    fn plan(&mut self) {
        let due = self.roots.iter().filter(|(_, root)| root.due < Nanos::MAX);
        self.wakeups = due.map(|(&key, root)| Reverse((root.due, key))).collect();
    }

    fn settle(&mut self, key: u128) {
        let Some(root) = self.roots.get_mut(&key) else {
            return;
        };
        self.world.settle(root);
        if root.is_empty() {
            self.roots.remove(&key);
        } else if root.due < Nanos::MAX {
            self.wakeups.push(Reverse((root.due, key)));
        }
    }
}

/// Takes a version into the owner cache.
fn take_in(
    objects: &mut OwnerIndex<ObjectDetail>,
    scope: Scope,
    meta: &ObjectMeta<'_>,
    marks: Marks,
) -> ObjectId {
    let (id, _) = objects.apply_meta(scope, meta);
    objects[id].apply_version(meta, marks);
    objects[id].dismissed = false;
    id
}
