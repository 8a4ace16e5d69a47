//! Tells an occurrence that was seen before: re-lists and reconnects show Events again.
//!
//! In go Event uids and counts, out comes whether the pair is new. Bounded: uids are kept in two
//! generations; the older one is forgotten when the younger has half of the limit, or when it has
//! lived for as long as Events can come again. What else is kept of past Events goes by the limit,
//! too: it hears since when Events are known.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::time::Nanos;

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
    pub fn insert(&mut self, event: u128, count: u64) -> bool {
        let seen = self.young.get(&event).or_else(|| self.old.get(&event)).copied();
        if self.young.len() >= self.half && !self.young.contains_key(&event) {
            self.known_since = Some(self.turned);
            self.turn();
        }
        self.young.insert(event, seen.map_or(count, |seen| seen.max(count)));
        seen.is_none_or(|seen| count > seen)
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
    use super::SeenEvents;

    #[test]
    fn a_pair_is_new_once_and_a_higher_count_is_a_new_occurrence() {
        let mut seen = SeenEvents::new(100, 10);
        let inserted: Vec<bool> = [(1, 0), (1, 0), (1, 2), (1, 1), (2, 1)]
            .map(|(event, count)| seen.insert(event, count))
            .into();
        assert_eq!(inserted, [true, false, true, false, true]);
    }

    #[test]
    fn an_event_is_remembered_for_its_life_and_not_much_longer() {
        let mut seen = SeenEvents::new(100, 10);
        seen.advance(0);
        assert!(seen.insert(1, 1));
        seen.advance(10);
        assert!(!seen.insert(1, 1), "in the older generation");
        seen.advance(20);
        assert!(!seen.insert(1, 1), "seen again, so kept");
        seen.advance(30);
        seen.advance(40);
        assert!(seen.insert(1, 1), "forgotten");
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
            assert!(seen.insert(event, 1));
        }
        assert!(!seen.insert(99, 1));
        assert!(seen.insert(0, 1));
    }
}
