//! The Router: raw bytes in, one batch of records per shard out.
//!
//! It splits the input into frames, keeps the stream clock and the watermark, drops duplicates and
//! what cannot be used, finds each object's root and sends everything that can share a trace to one
//! shard. What it cannot place yet is parked until the watermark passes it. Promises that what a
//! shard gets, and in which order, depends on the frames alone: not on how the input was cut into
//! chunks, and not on when batches are taken.

use std::collections::BTreeMap;

use crate::batch::{self, Record, Version};
use crate::counts::RouterCounts;
use crate::dedup::SeenEvents;
use crate::event::{self, EventTime, KubeEvent};
use crate::frame::{Frame, FrameType, Parsed, SkipReason, parse_frame};
use crate::frames::Frames;
use crate::ids::object_key;
use crate::limits::{EVENT_UID_KEPT, Settings};
use crate::meta::ObjectMeta;
use crate::owners::{Detail, EVERYWHERE, Identity, ObjectId, OwnerIndex};
use crate::parking::{Parked, Parking};
use crate::rules::{RuleTable, rank};
use crate::time::Nanos;

/// Splits, sorts out and routes frames. See the module for its promises.
pub struct Router {
    frames: Frames,
    core: Core,
}

/// Everything but the bytes that are not a frame yet.
struct Core {
    settings: Settings,
    rules: &'static RuleTable,
    owners: OwnerIndex<Told>,
    seen: SeenEvents,
    parking: Parking,
    untimed: Untimed,
    batches: Vec<Vec<u8>>,
    /// Newest `receivedAt`; `Nanos::MIN` before the first.
    clock: Nanos,
    watermark: Nanos,
    counts: RouterCounts,
    path: Vec<ObjectId>,
}

/// Digest of what was last told of an object, and under which root.
struct Told(u64);

impl Detail for Told {
    fn introduce(_: &Identity<'_>) -> Self {
        Self(0)
    }

    fn dismiss(&mut self) -> bool {
        true
    }
}

/// Order of Events without `receivedAt`: time, causal rank, resourceVersion, Event, count, arrival.
type UntimedOrder = (Nanos, u8, u64, u128, u64, u64);

#[derive(Default)]
struct Untimed {
    events: BTreeMap<UntimedOrder, Box<[u8]>>,
    bytes: usize,
}

/// The input holds more Events without `receivedAt` than may be held.
#[derive(Debug, PartialEq, Eq)]
pub struct UntimedLimit {
    bytes_max: usize,
}

impl std::fmt::Display for UntimedLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let megabytes = self.bytes_max >> 20;
        write!(f, "Events without receivedAt have to be read whole, and exceed {megabytes} MiB")
    }
}

impl Router {
    /// A Router at the beginning of a stream.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let shards = settings.shards.max(1) as usize;
        Self {
            frames: Frames::new(settings.frame_bytes_max),
            core: Core {
                rules: RuleTable::builtin(),
                owners: OwnerIndex::default(),
                seen: SeenEvents::new(settings.event_uids_max, EVENT_UID_KEPT),
                parking: Parking::default(),
                untimed: Untimed::default(),
                batches: vec![Vec::new(); shards],
                clock: Nanos::MIN,
                watermark: Nanos::MIN,
                counts: RouterCounts::default(),
                path: Vec::new(),
                settings,
            },
        }
    }

    /// Takes the next bytes of the input, cut anywhere.
    ///
    /// # Errors
    /// `UntimedLimit` when Events without `receivedAt` exceed their limit; the Router is then of no
    /// further use.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), UntimedLimit> {
        self.frames.push(chunk);
        self.drain_frames()
    }

    /// Ends the input: what was held goes out, and the watermark passes everything.
    ///
    /// # Errors
    /// As `push`.
    pub fn finish(&mut self) -> Result<(), UntimedLimit> {
        self.frames.finish();
        self.drain_frames()?;
        self.core.finish();
        Ok(())
    }

    /// The batch that waits for a shard. Empty when there is nothing to tell; with `force` it tells
    /// at least the watermark.
    pub fn take(&mut self, shard: usize, force: bool) -> Vec<u8> {
        let mut batch = std::mem::take(&mut self.core.batches[shard]);
        if force || !batch.is_empty() {
            batch::write(&mut batch, self.core.watermark, &Record::Watermark);
        }
        batch
    }

    /// Bytes that wait to be taken, all shards together.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.core.batches.iter().map(Vec::len).sum()
    }

    /// What came in and what became of it so far.
    #[must_use]
    pub fn counts(&self) -> RouterCounts {
        let mut counts = self.core.counts.clone();
        counts.parked = (self.core.parking.held() + self.core.untimed.events.len()) as u64;
        counts.objects = self.core.owners.held() as u64;
        counts
    }

    fn drain_frames(&mut self) -> Result<(), UntimedLimit> {
        while let Some(piece) = self.frames.next_piece() {
            match piece {
                Ok(piece) => {
                    let certain = piece.certain;
                    match parse_frame(piece.bytes, piece.list) {
                        Ok(Parsed::List)
                        | Err(SkipReason::Truncated | SkipReason::NotJson | SkipReason::TooDeep)
                            if !certain =>
                        {
                            self.frames.rescan();
                        }
                        Ok(parsed) => self.core.frame(parsed, piece.bytes)?,
                        Err(reason) => {
                            self.core.counts.skip(reason);
                            if reason == SkipReason::NotJson && piece.list.is_none() {
                                self.frames.lose_line();
                            }
                        }
                    }
                }
                Err(reason) => self.core.counts.skip(reason),
            }
        }
        Ok(())
    }
}

impl Core {
    fn frame(&mut self, parsed: Parsed<'_>, bytes: &[u8]) -> Result<(), UntimedLimit> {
        self.counts.frames += 1;
        match parsed {
            Parsed::Event(frame, event) => {
                self.counts.received += 1;
                self.advance_clock(frame.received_at);
                return self.event(&event, &bytes[frame.bytes], frame.received_at.is_some());
            }
            Parsed::Meta(frame, meta) => {
                self.counts.metadata += 1;
                self.advance_clock(frame.received_at);
                self.meta(&meta, frame, bytes);
            }
            Parsed::Ignored(received_at) => {
                self.counts.ignored += 1;
                self.advance_clock(received_at);
            }
            Parsed::List => self.counts.ignored += 1,
        }
        Ok(())
    }

    fn event(
        &mut self,
        event: &KubeEvent<'_>,
        object: &[u8],
        timed: bool,
    ) -> Result<(), UntimedLimit> {
        let time = match event.drop_reason().map_or_else(|| event.time(), Err) {
            Ok(time) => time,
            Err(reason) => {
                self.counts.drop(reason);
                return Ok(());
            }
        };
        if !self.seen.insert(object_key(&event.uid), event.count()) {
            self.counts.duplicates += 1;
            return Ok(());
        }
        // Once frames tell the time, one that does not came when it was read.
        if !timed && self.clock == Nanos::MIN {
            return self.hold_untimed(event, time, object);
        }
        self.place(event, time, object);
        Ok(())
    }

    /// Sends an Event to its root's shard, or parks it while its root is not certain.
    fn place(&mut self, event: &KubeEvent<'_>, time: EventTime, object: &[u8]) {
        let id = self.owners.apply_event(EVERYWHERE, &event.regarding);
        for (kind, name) in self.rules.find(event).names() {
            let named = (kind, &*event.regarding.namespace, name);
            self.owners.apply_name(EVERYWHERE, named, id);
        }
        let late = time.latest() < self.watermark;
        if late || self.is_settled(id) {
            self.send_event(id, object);
        } else {
            let order = (time.latest(), rank(&event.reason), event.resource_version);
            self.parking.park_event(order, self.owners.key(id), object);
        }
        self.keep_within_limits();
    }

    fn meta(&mut self, meta: &ObjectMeta<'_>, frame: Frame, bytes: &[u8]) {
        if meta.kind == "Namespace" && meta.name == "kube-system" {
            self.owners.set_cluster_uid(&meta.uid);
        }
        let id = self.owners.apply_meta(EVERYWHERE, meta);
        let Frame { frame_type, received_at, bytes: range } = frame;
        let deleted = frame_type == FrameType::Deleted;
        if deleted {
            self.owners.delete(id, received_at);
        }
        let key = self.owners.key(id);
        if self.is_news(id, meta) || deleted {
            let kind = (&*meta.api_version, &*meta.kind);
            let version = Version { deleted, received_at, kind, metadata: &bytes[range] };
            self.tell(id, meta, &version);
        }
        self.free_metas_of(key);
        self.keep_within_limits();
    }

    /// Most versions change nothing but a status. What was told already is not told again.
    fn is_news(&mut self, id: ObjectId, meta: &ObjectMeta<'_>) -> bool {
        // A root is told all anew of what comes to belong to it.
        let root = self.root_key(id);
        let told = meta.digest() ^ root as u64 ^ (root >> 64) as u64;
        std::mem::replace(&mut self.owners[id].0, told) != told
    }

    fn tell(&mut self, id: ObjectId, meta: &ObjectMeta<'_>, version: &Version<'_>) {
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

    /// The watermark moves frame by frame, before the frame that moves it is looked at.
    fn advance_clock(&mut self, received_at: Option<Nanos>) {
        let Some(received_at) = received_at.filter(|&at| at > self.clock) else {
            return;
        };
        self.clock = received_at;
        self.advance_watermark(received_at.saturating_sub(self.settings.reorder_window));
        self.owners.expire(self.watermark);
        self.seen.advance(self.clock);
    }

    fn advance_watermark(&mut self, watermark: Nanos) {
        while let Some((key, object)) = self.parking.pop_event(watermark) {
            self.free_event(key, &object);
        }
        while let Some(root) = self.parking.pop_stale_metas(watermark) {
            self.free_metas(root);
        }
        self.watermark = watermark;
    }

    fn finish(&mut self) {
        while let Some((order, object)) = self.untimed.events.pop_first() {
            self.advance_clock(Some(order.0));
            if let Some(event) = event::parse_event(&object)
                && let Ok(time) = event.time()
            {
                self.place(&event, time, &object);
            }
        }
        self.advance_watermark(Nanos::MAX);
    }

    fn hold_untimed(
        &mut self,
        event: &KubeEvent<'_>,
        time: EventTime,
        object: &[u8],
    ) -> Result<(), UntimedLimit> {
        self.untimed.bytes += object.len();
        if self.untimed.bytes > self.settings.untimed_bytes_max {
            return Err(UntimedLimit { bytes_max: self.settings.untimed_bytes_max });
        }
        let order = (
            time.at,
            rank(&event.reason),
            event.resource_version,
            object_key(&event.uid),
            event.count(),
            self.counts.frames,
        );
        self.untimed.events.insert(order, object.into());
        Ok(())
    }

    fn free_event(&mut self, key: u128, object: &[u8]) {
        match self.owners.find(key) {
            Some(id) => self.send_event(id, object),
            None => self.write(self.shard_for(key), &Record::Event { root: key, object }),
        }
    }

    /// Metadata that waits for the same root goes ahead of the Event.
    fn send_event(&mut self, id: ObjectId, object: &[u8]) {
        let root = self.root_key(id);
        self.free_metas(root);
        self.write(self.shard_for(root), &Record::Event { root, object });
    }

    /// An object became known: what waited for it may have a root now.
    fn free_metas_of(&mut self, key: u128) {
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

    fn free_metas(&mut self, root: u128) {
        for (_, parked) in self.parking.take_metas(root) {
            let version = parked.version();
            self.write(self.shard_for(root), &Record::Meta { root, version });
        }
    }

    fn keep_within_limits(&mut self) {
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

    /// Whether the root is certain: its metadata is known and names no owner.
    fn is_settled(&mut self, id: ObjectId) -> bool {
        let mut path = std::mem::take(&mut self.path);
        self.owners.path(EVERYWHERE, id, &mut path);
        let root = path[path.len() - 1];
        self.path = path;
        self.owners.has_metadata(root)
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
