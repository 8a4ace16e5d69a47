//! The Correlator: batches of records in, encoded spans out. One per shard.
//!
//! It keeps the owner cache and the roots of its shard, moves them along the watermark that comes
//! with every record, and encodes what is finished. Promises: same records, same bytes; no clock,
//! no randomness, no I/O.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use crate::batch::{self, Record, Version};
use crate::counts::CorrelatorCounts;
use crate::encode::SpanEncoder;
use crate::event::{self, KubeEvent};
use crate::limits::Settings;
use crate::meta;
use crate::otlp::Encoder;
use crate::owners::{OwnerIndex, Scope};
use crate::pending::Pending;
use crate::place::World;
use crate::root::Root;
use crate::rules::RuleTable;
use crate::time::Nanos;

/// Joins the occurrences of one shard to traces. See the module for its promises.
pub struct Correlator {
    world: World,
    rules: &'static RuleTable,
    roots: FxHashMap<u128, Root>,
    /// (due, key of the root); a root's own `due` says whether an entry still holds.
    wakeups: BinaryHeap<Reverse<(Nanos, u128)>>,
}

impl Correlator {
    /// A Correlator at the beginning of a stream.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            world: World {
                objects: OwnerIndex::default(),
                spans: SpanEncoder::new(&settings),
                out: Encoder::default(),
                counts: CorrelatorCounts::default(),
                watermark: Nanos::MIN,
                settings,
            },
            rules: RuleTable::builtin(),
            roots: FxHashMap::default(),
            wakeups: BinaryHeap::new(),
        }
    }

    /// Takes a batch that a Router wrote.
    pub fn push(&mut self, batch: &[u8]) {
        for (watermark, record) in batch::read(batch) {
            self.advance(watermark);
            match record {
                Record::Event { root, object } => {
                    if let Some(event) = event::parse_event(object) {
                        self.event(root, &event);
                    }
                }
                Record::Meta { root, version } => self.meta(root, &version),
                Record::Evict { root, object } => self.evict(root, object),
                Record::Watermark => {}
            }
        }
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
        self.world.objects.expire(watermark);
    }

    /// Takes the spans that have left: `ResourceSpans` fields of an `ExportTraceServiceRequest`;
    /// those of several calls may be joined.
    pub fn drain(&mut self) -> Vec<u8> {
        self.world.out.drain()
    }

    /// Spans that wait to be drained.
    #[must_use]
    pub fn spans(&self) -> u32 {
        self.world.out.spans()
    }

    /// What became of the occurrences so far.
    #[must_use]
    pub fn counts(&self) -> &CorrelatorCounts {
        &self.world.counts
    }

    fn event(&mut self, key: u128, event: &KubeEvent<'_>) {
        let Ok(time) = event.time() else { return };
        let World { objects, spans, settings, .. } = &mut self.world;
        let found = self.rules.find(event);
        let about = objects.apply_event(key, &event.regarding);
        for (kind, name) in found.names() {
            objects.apply_name(key, (kind, &event.regarding.namespace, name), about);
        }
        objects[about].pins += 1;
        let encoded =
            (spans.resource(&event.component, &event.instance), spans.event_fields(event));
        let pending = Pending::new(event, &found, time, (key, objects.key(about)), encoded);
        let idle = settings.idle;
        self.world.counts.held += 1;
        let root = self.roots.entry(key).or_insert_with(|| Root::new(key, idle));
        let before = root.due;
        if time.latest() < self.world.watermark {
            self.world.place_late(root, pending);
            root.due = root.due.min(root.timer());
        } else {
            root.due = root.due.min(pending.order.time);
            if pending.second.is_none() {
                root.add_namings(&pending);
            }
            root.queue.insert(pending);
        }
        if root.due < before {
            self.wakeups.push(Reverse((root.due, key)));
        }
    }

    fn meta(&mut self, scope: Scope, version: &Version<'_>) {
        let Some(meta) = meta::parse_meta(version.metadata, version.kind) else { return };
        let World { objects, spans, .. } = &mut self.world;
        if meta.kind == "Namespace" && meta.name == "kube-system" {
            spans.set_cluster_uid(&meta.uid);
            objects.set_cluster_uid(&meta.uid);
        }
        let id = objects.apply_meta(scope, &meta);
        objects[id].apply_version(&meta);
        objects[id].dismissed = false;
        if version.deleted {
            objects.delete(id, version.received_at);
            objects[id].deleted_at = Some(version.received_at.unwrap_or(Nanos::MIN));
        }
    }

    /// The Router holds the limit on objects, so that all shards forget the same.
    fn evict(&mut self, scope: Scope, object: u128) {
        let objects = &mut self.world.objects;
        if let Some(id) = objects.find_in(scope, object) {
            objects.forget(id);
        }
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
