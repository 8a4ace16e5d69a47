//! Events that wait for the watermark in the Router: whose they are, or what they say of others, is
//! not told by metadata yet, or what they link to may not be.
//!
//! They go on in the order of their times. One that names others is shown ahead, by as much as a
//! cause may be written after its effect. The Router bounds `bytes`.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::time::Nanos;

/// Order in which parked Events go on: time, causal rank, resourceVersion.
pub type EventOrder = (Nanos, u8, u64);

/// A parked Event.
#[derive(Clone, Serialize, Deserialize)]
pub struct Parked {
    /// Key of the object that it is about.
    pub about: u128,
    /// When it happened, at the earliest.
    pub at: Nanos,
    /// It is to be read again: it says whose other objects are or links to them, or its object is
    /// known by its name only.
    pub read_again: bool,
    /// The `KubeEvent`, as `wire` writes it.
    #[serde(with = "crate::stored::shared")]
    pub event: Rc<[u8]>,
}

/// What is to be done with a parked Event, at its time.
pub enum Step {
    /// It is near: others may be its effects.
    Show(Parked),
    /// It goes on.
    Free(Parked),
}

/// All parked Events of a Router.
#[derive(Serialize, Deserialize)]
pub struct Parking {
    /// By order and arrival.
    events: BTreeMap<(EventOrder, u64), Parked>,
    /// Those that are to be shown yet.
    hidden: BTreeSet<(EventOrder, u64)>,
    /// How long before its time an Event is shown.
    ahead: Nanos,
    arrived: u64,
    bytes: usize,
}

impl Parking {
    /// Nothing is parked; Events are shown `ahead` of their time.
    pub fn new(ahead: Nanos) -> Self {
        let (events, hidden) = (BTreeMap::new(), BTreeSet::new());
        Self { events, hidden, ahead, arrived: 0, bytes: 0 }
    }

    /// Parks an Event; `hidden`: it is to be shown before it goes on.
    pub fn park(&mut self, order: EventOrder, parked: Parked, hidden: bool) {
        self.arrived += 1;
        self.bytes += parked.event.len();
        let key = (order, self.arrived);
        self.events.insert(key, parked);
        if hidden {
            self.hidden.insert(key);
        }
    }

    /// Whether an Event of this time is not to be shown yet.
    pub fn hides(&self, time: Nanos, watermark: Nanos) -> bool {
        time.saturating_sub(self.ahead) >= watermark
    }

    /// The next step of those whose time is before the watermark, and that time.
    pub fn step(&mut self, watermark: Nanos) -> Option<(Nanos, Step)> {
        let free = self.events.first_key_value().map_or(Nanos::MAX, |(key, _)| key.0.0);
        let show = self.hidden.first().map_or(Nanos::MAX, |key| key.0.0.saturating_sub(self.ahead));
        if show.min(free) >= watermark {
            return None;
        }
        if free < show {
            return self.pop().map(|parked| (free, Step::Free(parked)));
        }
        let key = self.hidden.pop_first()?;
        Some((show, Step::Show(self.events.get(&key)?.clone())))
    }

    /// Takes the first Event.
    pub fn pop(&mut self) -> Option<Parked> {
        let (key, parked) = self.events.pop_first()?;
        self.hidden.remove(&key);
        self.bytes -= parked.event.len();
        Some(parked)
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
