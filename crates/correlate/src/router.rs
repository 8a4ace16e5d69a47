//! The Router: raw bytes in, one batch of records per shard out.
//!
//! It splits the input into frames, keeps the stream clock and the watermark, drops duplicates and
//! what cannot be used, finds each object's root and sends everything that can share a trace to one
//! shard. What it cannot place yet is parked until the watermark passes it. Promises that what a
//! shard gets, and in which order, depends on the frames alone: not on how the input was cut into
//! chunks, and not on when batches are taken.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::batch;
use crate::counts::RouterCounts;
use crate::dedup::{SeenEvents, Sighting};
use crate::event::{EventTime, KubeEvent};
use crate::frame::{Frame, FrameType, Parsed, SkipReason, parse_shaped};
use crate::frames::Frames;
use crate::ids::object_key;
use crate::kept::Kept;
use crate::limits::{EVENT_UID_KEPT, FINISH_STEP, Settings};
use crate::met::{KindsMet, ObjectsMet};
use crate::meta::ObjectMeta;
use crate::owners::{EVERYWHERE, ObjectId, OwnerIndex};
use crate::parking::Parking;
use crate::record::{Record, Version};
use crate::rules::rank;
use crate::shapes::Shapes;
use crate::snapshot::{self, SnapshotError};
use crate::targets::{Told, TroublesBegun};
use crate::time::{Nanos, Stamp};
use crate::wire;

/// As snapshots call it.
const MACHINE: &str = "Router";

/// Splits, sorts out and routes frames. See the module for its promises.
pub struct Router {
    frames: Frames,
    shapes: Shapes,
    core: Core,
}

/// Everything but the bytes that are not a frame yet.
#[derive(Serialize, Deserialize)]
pub struct Core {
    #[serde(skip)]
    pub(crate) settings: Settings,
    pub(crate) owners: OwnerIndex<Told>,
    seen: SeenEvents,
    /// Whoever goes on from a snapshot is told anew: what the host did not see to yet is not lost.
    #[serde(skip)]
    met: KindsMet,
    /// Told anew by the next Events.
    #[serde(skip)]
    pub(crate) unknown: ObjectsMet,
    pub(crate) parking: Parking,
    pub(crate) troubles: TroublesBegun,
    pub(crate) kept: Kept,
    untimed: Untimed,
    /// Taken before a snapshot is.
    #[serde(skip)]
    pub(crate) batches: Vec<Vec<u8>>,
    /// Newest `receivedAt`; `Nanos::MIN` before the first.
    pub(crate) clock: Nanos,
    /// Oldest `receivedAt`; `Nanos::MAX` before.
    begun: Nanos,
    pub(crate) watermark: Nanos,
    pub(crate) counts: RouterCounts,
    /// Kept for its memory alone.
    #[serde(skip)]
    pub(crate) path: Vec<ObjectId>,
    /// As `path`: what was read last, for the shards.
    #[serde(skip)]
    pub(crate) packed: Vec<u8>,
}

/// Order of Events without `receivedAt`: time, causal rank, resourceVersion, Event, count, arrival.
type UntimedOrder = (Nanos, u8, u64, u128, u64, u64);

#[derive(Default, Serialize, Deserialize)]
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
        Self {
            frames: Frames::new(settings.frame_bytes_max),
            shapes: Shapes::default(),
            core: Core {
                owners: OwnerIndex::default(),
                seen: SeenEvents::new(settings.event_uids_max, EVENT_UID_KEPT),
                met: KindsMet::default(),
                unknown: ObjectsMet::default(),
                parking: Parking::new(settings.rules.slack_max()),
                troubles: TroublesBegun::default(),
                kept: Kept::default(),
                untimed: Untimed::default(),
                batches: batches(&settings),
                clock: Nanos::MIN,
                begun: Nanos::MAX,
                watermark: Nanos::MIN,
                counts: RouterCounts::default(),
                path: Vec::new(),
                packed: Vec::new(),
                settings,
            },
        }
    }

    /// A Router that goes on from a snapshot, at the beginning of a frame.
    ///
    /// # Errors
    /// Why the snapshot is of no use.
    pub fn restore(settings: Settings, snapshot: &[u8]) -> Result<Self, SnapshotError> {
        let mut core: Core = snapshot::read(MACHINE, &settings, snapshot)?;
        core.seen.limit(settings.event_uids_max);
        core.batches = batches(&settings);
        let frames = Frames::new(settings.frame_bytes_max);
        core.settings = settings;
        Ok(Self { frames, shapes: Shapes::default(), core })
    }

    /// All that it knows, for `restore`. All batches have been taken. The bytes of a frame that is
    /// not complete are not part of it: the input goes on at the beginning of that frame.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let pending = self.core.pending_bytes();
        assert_eq!(pending, 0, "batches are taken before a snapshot is");
        snapshot::write(MACHINE, &self.core.settings, &self.core)
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

    /// Ends the input: what was held goes out, and the watermark passes everything. False: there is
    /// more to come; the batches are to be taken first, and this called again.
    ///
    /// # Errors
    /// As `push`.
    pub fn finish(&mut self) -> Result<bool, UntimedLimit> {
        self.frames.finish();
        self.drain_frames()?;
        Ok(self.core.finish())
    }

    /// The batch that waits for a shard. Empty when there is nothing to tell; with `force` it tells
    /// at least the watermark.
    pub fn take(&mut self, shard: usize, force: bool) -> Vec<u8> {
        let waiting = &mut self.core.batches[shard];
        // The next will be about as large.
        let mut batch = std::mem::replace(waiting, Vec::with_capacity(waiting.len()));
        if force || !batch.is_empty() {
            batch::write(&mut batch, self.core.watermark, &Record::Watermark);
        }
        batch
    }

    /// What came in and what became of it so far.
    #[must_use]
    pub fn counts(&self) -> RouterCounts {
        let mut counts = self.core.counts.clone();
        counts.parked = (self.core.parking.held() + self.core.untimed.events.len()) as u64;
        counts.objects = self.core.owners.held() as u64;
        counts
    }

    /// Lines of an apiVersion and a kind: what Events were about and what owners were, since the last
    /// time.
    pub fn take_kinds_met(&mut self) -> String {
        self.core.met.take()
    }

    /// Lines of apiVersion, kind, namespace, name and uid: what Events were about that no metadata
    /// had told of, since the last time.
    pub fn take_objects_met(&mut self) -> String {
        self.core.unknown.take()
    }

    fn drain_frames(&mut self) -> Result<(), UntimedLimit> {
        while let Some(piece) = self.frames.next_piece() {
            match piece {
                Ok(piece) => {
                    let certain = piece.certain;
                    match parse_shaped(&mut self.shapes, piece.bytes, piece.list) {
                        Ok(Parsed::List)
                        | Err(SkipReason::Truncated | SkipReason::NotJson | SkipReason::TooDeep)
                            if !certain =>
                        {
                            self.frames.rescan();
                        }
                        Ok(parsed) => self.core.frame(parsed)?,
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

fn batches(settings: &Settings) -> Vec<Vec<u8>> {
    vec![Vec::new(); settings.shards.max(1) as usize]
}

impl Core {
    fn frame(&mut self, parsed: Parsed<'_>) -> Result<(), UntimedLimit> {
        self.counts.frames += 1;
        match parsed {
            Parsed::Event(frame, event) => {
                self.counts.received += 1;
                self.advance_clock(frame.received_at);
                return self.event(&event, &frame);
            }
            Parsed::Meta(frame, meta) => {
                self.counts.metadata += 1;
                self.advance_clock(frame.received_at);
                self.meta(&meta, &frame);
            }
            Parsed::Ignored(received_at) => {
                self.counts.ignored += 1;
                self.advance_clock(received_at);
            }
            Parsed::List => self.counts.ignored += 1,
        }
        Ok(())
    }

    fn event(&mut self, event: &KubeEvent<'_>, frame: &Frame) -> Result<(), UntimedLimit> {
        let time = match event.usable_time() {
            Ok(time) => time,
            Err(reason) => {
                self.counts.drop(reason);
                return Ok(());
            }
        };
        let sighting = self.seen.insert(object_key(&event.uid), event.count());
        if let Some(since) = self.seen.take_known_since() {
            self.forget_before(since.saturating_sub(self.settings.reorder_window));
        }
        match sighting {
            Sighting::Again => {
                self.counts.duplicates += 1;
                return Ok(());
            }
            Sighting::Repeat { missed } => self.counts.missed += missed,
            // All that came before it while frames were read should have been seen.
            Sighting::First => {
                let is_watched =
                    matches!(event.created, Stamp::At { nanos, .. } if nanos > self.begun);
                self.counts.missed += event.count().saturating_sub(1) * u64::from(is_watched);
            }
        }
        self.met.meet(&event.regarding.api_version, &event.regarding.kind);
        self.counts.repaired += u64::from(frame.repaired);
        self.counts.cut += u64::from(event.cut);
        // Once frames tell the time, one that does not came when it was read.
        if frame.received_at.is_none() && self.clock == Nanos::MIN {
            return self.hold_untimed(event, time);
        }
        self.place(event, time);
        Ok(())
    }

    /// All shards forget the same: what they keep of the past depends on no number of shards.
    fn forget_before(&mut self, time: Nanos) {
        for shard in 0..self.batches.len() {
            self.write(shard, &Record::Forget(time));
        }
    }

    fn meta(&mut self, meta: &ObjectMeta<'_>, frame: &Frame) {
        if meta.kind == "Namespace" && meta.name == "kube-system" {
            self.owners.set_cluster_uid(&meta.uid);
        }
        for owner in &meta.owners {
            self.met.meet(&owner.api_version, &owner.kind);
        }
        let known = self.owners.find(object_key(&meta.uid));
        let before = known.map(|id| (self.root_of(id).key, self.owners.has_metadata(id)));
        let (id, stood_for) = self.owners.apply_meta(EVERYWHERE, meta);
        let Frame { frame_type, received_at, .. } = *frame;
        let deleted = frame_type == FrameType::Deleted;
        if deleted {
            self.owners.delete(EVERYWHERE, id, received_at);
        }
        // What was told of it before comes first, this version last.
        if let Some((before, had_metadata)) = before {
            self.follow(id, before, !had_metadata);
        }
        if let Some(name) = stood_for {
            self.tell_again(name);
        }
        let root = self.root_of(id).key;
        if self.is_news(id, root, meta) || deleted {
            self.remember(id, meta);
            let packed = self.pack(meta);
            self.tell(id, meta, Version { deleted, received_at, metadata: &packed });
            self.packed = packed;
        }
        self.keep_within_limits();
    }

    /// The watermark moves frame by frame, before the frame that moves it is looked at.
    fn advance_clock(&mut self, received_at: Option<Nanos>) {
        let Some(received_at) = received_at.filter(|&at| at > self.clock) else {
            return;
        };
        self.clock = received_at;
        self.begun = self.begun.min(received_at);
        self.advance_watermark(received_at.saturating_sub(self.settings.reorder_window));
        self.owners.expire(self.watermark);
        self.seen.advance(self.clock);
    }

    fn advance_watermark(&mut self, watermark: Nanos) {
        // What they say holds from their time on.
        while let Some((time, step)) = self.parking.step(watermark) {
            self.watermark = self.watermark.max(time);
            self.step(&step);
        }
        self.watermark = watermark;
    }

    fn finish(&mut self) -> bool {
        while self.pending_bytes() < FINISH_STEP
            && let Some((order, packed)) = self.untimed.events.pop_first()
        {
            self.advance_clock(Some(order.0));
            if let Some(event) = wire::read::<KubeEvent<'_>>(&packed)
                && let Some(time) = event.time
            {
                self.place(&event, time);
            }
        }
        let done = self.untimed.events.is_empty();
        if done {
            self.advance_watermark(Nanos::MAX);
        }
        done
    }

    fn pending_bytes(&self) -> usize {
        self.batches.iter().map(Vec::len).sum()
    }

    fn hold_untimed(&mut self, event: &KubeEvent<'_>, time: EventTime) -> Result<(), UntimedLimit> {
        let packed = self.pack(event);
        self.untimed.bytes += packed.len();
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
        self.untimed.events.insert(order, packed.as_slice().into());
        self.packed = packed;
        Ok(())
    }

    /// What was read, for the shards; to be given back to `packed`.
    pub(crate) fn pack(&mut self, read: &impl Serialize) -> Vec<u8> {
        let mut packed = std::mem::take(&mut self.packed);
        packed.clear();
        wire::write(&mut packed, read);
        packed
    }
}
