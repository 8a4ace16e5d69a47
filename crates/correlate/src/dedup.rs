//! Tells an occurrence that was seen before: re-lists and reconnects show Events again.
//!
//! In go Event uids and counts, out comes whether the pair is new, and how many were missed. Bounded: uids are kept in two
//! generations; the older one is forgotten when the younger has half of the limit, or when it has
//! lived for as long as Events can come again. What else is kept of past Events goes by the limit,
//! too: it hears since when Events are known.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::time::Nanos;

/// What the count of an Event tells of what was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// It was seen before.
    Again,
    /// The Event was not seen before.
    First,
    /// One occurrence more, and so many between that were not seen.
    Repeat {
        /// Not seen, and not to be seen any more.
        missed: u64,
    },
}

/// The highest count seen of each Event.
#[derive(Serialize, Deserialize)]
pub struct SeenEvents {
    #[serde(with = "crate::stored::sorted")]
    young: FxHashMap<u128, u64>,
    #[serde(with = "crate::stored::sorted")]
    old: FxHashMap<u128, u64>,
    /// Set by `limit`.
    #[serde(skip)]
    half: usize,
    kept: Nanos,
    turned: Nanos,
    clock: Nanos,
    /// Since when Events are known, when the limit has changed that and nobody has been told.
    known_since: Option<Nanos>,
}

impl SeenEvents {
    /// Remembers up to `max` uids, each for at least `kept` nanoseconds of the stream clock.
    pub fn new(max: usize, kept: Nanos) -> Self {
        let mut new = Self {
            young: FxHashMap::default(),
            old: FxHashMap::default(),
            half: 0,
            kept,
            turned: Nanos::MIN,
            clock: Nanos::MIN,
            known_since: None,
        };
        new.limit(max);
        new
    }

    /// Remembers up to `max` uids from now on.
    pub fn limit(&mut self, max: usize) {
        self.half = max.div_ceil(2).max(1);
    }

    /// Whether this occurrence is new. Frames of one Event keep their order, so a count below the
    /// highest is an old state shown again.
    pub fn insert(&mut self, event: u128, count: u64) -> Sighting {
        let seen = self.young.get(&event).or_else(|| self.old.get(&event)).copied();
        if self.young.len() >= self.half && !self.young.contains_key(&event) {
            self.known_since = Some(self.turned);
            self.turn();
        }
        self.young.insert(event, seen.map_or(count, |seen| seen.max(count)));
        match seen {
            None => Sighting::First,
            Some(seen) if count <= seen => Sighting::Again,
            // The first occurrence has the count 1 or none.
            Some(seen) => Sighting::Repeat { missed: (count - 1).saturating_sub(seen.max(1)) },
        }
    }

    /// Since when Events are known, by the stream clock, if the limit has changed that since it was
    /// asked last.
    pub fn take_known_since(&mut self) -> Option<Nanos> {
        self.known_since.take()
    }

    /// Moves the stream clock.
    pub fn advance(&mut self, clock: Nanos) {
        self.clock = clock;
        if self.turned == Nanos::MIN {
            self.turned = clock;
        } else if clock.saturating_sub(self.turned) >= self.kept {
            self.turn();
        }
    }

    fn turn(&mut self) {
        std::mem::swap(&mut self.young, &mut self.old);
        // Its room is kept: the next generation will have as many.
        self.young.clear();
        self.turned = self.clock;
    }
}

#[cfg(test)]
mod tests {
    use super::{SeenEvents, Sighting};

    const REPEAT: Sighting = Sighting::Repeat { missed: 0 };

    #[test]
    fn a_pair_is_new_once_and_a_higher_count_is_a_new_occurrence() {
        let mut seen = SeenEvents::new(100, 10);
        let sightings = [(1, 0), (1, 0), (1, 2), (1, 1), (2, 1)]
            .map(|(event, count)| seen.insert(event, count));
        let (first, again) = (Sighting::First, Sighting::Again);
        assert_eq!(sightings, [first, again, REPEAT, again, first]);
    }

    #[test]
    fn a_count_that_leaves_some_out_tells_how_many_were_not_seen() {
        let mut seen = SeenEvents::new(100, 10);
        let sightings = [(1, 1), (1, 2), (1, 5), (2, 0), (2, 2), (3, 0), (3, 4)]
            .map(|(event, count)| seen.insert(event, count));
        let missed = |missed| Sighting::Repeat { missed };
        let first = Sighting::First;
        assert_eq!(sightings, [first, REPEAT, missed(2), first, REPEAT, first, missed(2)]);
    }

    #[test]
    fn an_event_is_remembered_for_its_life_and_not_much_longer() {
        let mut seen = SeenEvents::new(100, 10);
        seen.advance(0);
        assert_eq!(seen.insert(1, 1), Sighting::First);
        seen.advance(10);
        assert_eq!(seen.insert(1, 1), Sighting::Again, "in the older generation");
        seen.advance(20);
        assert_eq!(seen.insert(1, 1), Sighting::Again, "seen again, so kept");
        seen.advance(30);
        seen.advance(40);
        assert_eq!(seen.insert(1, 1), Sighting::First, "forgotten");
    }

    #[test]
    fn the_limit_tells_since_when_events_are_known() {
        let mut seen = SeenEvents::new(4, 100);
        let mut told = Vec::new();
        for (event, clock) in (1..=9).zip((10..).step_by(10)) {
            seen.advance(clock);
            seen.insert(event, 1);
            told.extend(seen.take_known_since().map(|since| (event, since)));
        }
        // Two of the last three or four are known: the time of the one before them at the latest.
        assert_eq!(told, [(3, 10), (5, 30), (7, 50), (9, 70)]);
    }

    #[test]
    fn at_the_limit_the_older_half_is_forgotten() {
        let mut seen = SeenEvents::new(4, 10);
        for event in 0..100 {
            assert_eq!(seen.insert(event, 1), Sighting::First);
        }
        assert_eq!(seen.insert(99, 1), Sighting::Again);
        assert_eq!(seen.insert(0, 1), Sighting::First);
    }
}
