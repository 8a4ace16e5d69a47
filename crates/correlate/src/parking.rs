//! Frames that the Router cannot route yet, because an owner on the way to their root is unknown.
//!
//! Events wait in order of their time until the watermark passes them; metadata waits for the owner
//! that is missing, for the first Event that needs it, or until the watermark passes its arrival.
//! The Router bounds `bytes`.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;

use crate::batch::{TypeMeta, Version};
use crate::time::Nanos;

/// Order in which parked Events go on: time, causal rank, resourceVersion.
pub type EventOrder = (Nanos, u8, u64);

/// A parked version of an object.
pub struct Parked {
    /// Whether this was its `DELETED` frame.
    pub deleted: bool,
    /// When the frame was received, where that is known.
    pub received_at: Option<Nanos>,
    /// What it is.
    pub kind: TypeMeta,
    /// Its metadata, as JSON.
    pub metadata: Box<[u8]>,
}

impl Parked {
    /// Keeps what a Correlator will be told.
    pub fn new(version: &Version<'_>) -> Self {
        let (api_version, kind) = (version.kind.0.to_owned(), version.kind.1.to_owned());
        Self {
            deleted: version.deleted,
            received_at: version.received_at,
            kind: TypeMeta { api_version, kind },
            metadata: version.metadata.into(),
        }
    }

    /// What a Correlator is told.
    pub fn version(&self) -> Version<'_> {
        Version {
            deleted: self.deleted,
            received_at: self.received_at,
            kind: (&self.kind.api_version, &self.kind.kind),
            metadata: &self.metadata,
        }
    }
}

/// The key of the object that it is about, and the Event's JSON.
type ParkedEvent = (u128, Box<[u8]>);

/// All parked frames of a Router.
#[derive(Default)]
pub struct Parking {
    /// By order and arrival.
    events: BTreeMap<(EventOrder, u64), ParkedEvent>,
    /// By the key of the owner they wait for: object key, version. In order of arrival.
    metas: FxHashMap<u128, Vec<(u128, Parked)>>,
    /// (clock at arrival, key they wait for), oldest first.
    arrivals: VecDeque<(Nanos, u128)>,
    arrived: u64,
    bytes: usize,
}

impl Parking {
    /// Parks an Event about the object with this key.
    pub fn park_event(&mut self, order: EventOrder, about: u128, object: &[u8]) {
        self.arrived += 1;
        self.bytes += object.len();
        self.events.insert((order, self.arrived), (about, object.into()));
    }

    /// Takes the first Event older than `before`: the key of its object, and the Event.
    pub fn pop_event(&mut self, before: Nanos) -> Option<(u128, Box<[u8]>)> {
        let first = self.events.first_entry()?;
        if first.key().0.0 >= before {
            return None;
        }
        let (about, object) = first.remove();
        self.bytes -= object.len();
        Some((about, object))
    }

    /// Parks a version of the object with key `of` until `missing` is known.
    pub fn park_meta(&mut self, missing: u128, clock: Nanos, of: u128, parked: Parked) {
        self.bytes += parked.metadata.len();
        self.arrivals.push_back((clock, missing));
        self.metas.entry(missing).or_default().push((of, parked));
    }

    /// Whether any metadata waits.
    pub fn has_metas(&self) -> bool {
        !self.metas.is_empty()
    }

    /// Takes all metadata that waits for this owner, in order of arrival.
    pub fn take_metas(&mut self, missing: u128) -> Vec<(u128, Parked)> {
        let metas = self.metas.remove(&missing).unwrap_or_default();
        self.bytes -= metas.iter().map(|(_, parked)| parked.metadata.len()).sum::<usize>();
        metas
    }

    /// An owner for which metadata waits since before `before`.
    pub fn pop_stale_metas(&mut self, before: Nanos) -> Option<u128> {
        while let Some(&(clock, missing)) = self.arrivals.front()
            && (clock < before || !self.metas.contains_key(&missing))
        {
            self.arrivals.pop_front();
            if self.metas.contains_key(&missing) {
                return Some(missing);
            }
        }
        None
    }

    /// Events parked.
    pub fn held(&self) -> usize {
        self.events.len()
    }

    /// Bytes parked.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
