//! One root's reorder buffer: occurrences that the watermark has not passed, in causal order.
//!
//! In go occurrences in any order, out they come by time. Those whose time is known only to the
//! second wait beside the queue until the watermark has passed that second: then everything that
//! can tell their place in it is here.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::limits::SECOND_END;
use crate::pending::{Order, Pending};
use crate::time::{Nanos, SECOND};

/// An occurrence with a precise time: evidence for the place of others in its second.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Mark {
    time: Nanos,
    resource_version: u64,
    about: u128,
    about_name: u64,
}

/// Occurrences of one root that wait for the watermark.
#[derive(Default, Serialize, Deserialize)]
pub struct Queue {
    /// Boxed, for a map has room for eleven, and most roots have one or two.
    ordered: BTreeMap<Order, Box<Pending>>,
    /// Times known only to the second, not placed in it yet; in order of their seconds' ends.
    vague: BTreeMap<Order, Box<Pending>>,
    /// Precise ones that left the queue in the last seconds.
    marks: VecDeque<Mark>,
}

impl Queue {
    /// Adds an occurrence.
    pub fn insert(&mut self, pending: Pending) {
        let queue = if pending.second.is_some() { &mut self.vague } else { &mut self.ordered };
        queue.insert(pending.order, pending.into());
    }

    /// The first one whose time is settled.
    pub fn first(&self) -> Option<&Pending> {
        self.ordered.first_key_value().map(|(_, pending)| &**pending)
    }

    /// One that is settled.
    pub fn get(&self, order: Order) -> Option<&Pending> {
        self.ordered.get(&order).map(|pending| &**pending)
    }

    /// Takes one that is settled; it is remembered as evidence for others.
    pub fn take(&mut self, order: Order) -> Option<Box<Pending>> {
        let pending = self.ordered.remove(&order)?;
        if pending.second.is_none() {
            while self.marks.front().is_some_and(|mark| mark.time < order.time - 2 * SECOND) {
                self.marks.pop_front();
            }
            self.marks.push_back(mark(&pending));
        }
        Some(pending)
    }

    /// Puts one back that could not be placed yet.
    pub fn put_back(&mut self, pending: Box<Pending>) {
        if pending.second.is_none() {
            self.marks.pop_back();
        }
        self.ordered.insert(pending.order, pending);
    }

    /// Start of the earliest second in which an occurrence has no place yet.
    pub fn first_vague_second(&self) -> Option<Nanos> {
        self.vague.first_key_value().and_then(|(_, pending)| pending.second)
    }

    /// Those without a place in their second, when that begins no later than `until`.
    pub fn vague(&self, until: Nanos) -> impl Iterator<Item = &Pending> {
        let begun = move |pending: &&Pending| pending.second.is_some_and(|second| second <= until);
        self.vague.values().map(|pending| &**pending).take_while(begun)
    }

    /// Gives a place to those whose second ended before `watermark`, and returns their orders.
    /// `names(pending, object, name)` tells whether an occurrence names that object.
    pub fn settle_seconds(
        &mut self,
        watermark: Nanos,
        names: impl Fn(&Pending, u128, u64) -> bool,
    ) -> Vec<Order> {
        let mut settled = Vec::new();
        while let Some(first) = self.vague.first_entry()
            && first.key().time < watermark
        {
            let mut pending = first.remove();
            let second = pending.second.unwrap_or(pending.order.time);
            pending.order.time = self.place_in_second(&pending, second, &names);
            settled.push(pending.order);
            self.ordered.insert(pending.order, pending);
        }
        settled
    }

    /// Nothing is held: gives back what the maps keep for what comes, and forgets what is evidence
    /// for nothing that can still come in time.
    pub fn rest(&mut self, watermark: Nanos) {
        self.ordered = BTreeMap::new();
        self.vague = BTreeMap::new();
        self.marks.retain(|mark| mark.time >= watermark.saturating_sub(2 * SECOND));
        self.marks.shrink_to_fit();
    }

    /// Occurrences held.
    pub fn len(&self) -> usize {
        self.ordered.len() + self.vague.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As late as fits: at the first precise time of what it names or of what was written after
    /// it, never before what was written before it.
    fn place_in_second(
        &self,
        pending: &Pending,
        second: Nanos,
        names: &impl Fn(&Pending, u128, u64) -> bool,
    ) -> Nanos {
        let end = second.saturating_add(SECOND_END);
        let version = pending.order.resource_version;
        let queued =
            self.ordered.range(Order::first_at(second)..Order::first_at(end.saturating_add(1)));
        let queued = queued.map(|(_, other)| &**other).filter(|other| other.second.is_none());
        let inside: Vec<Mark> = queued
            .map(mark)
            .chain(self.marks.iter().copied())
            .filter(|mark| (second..=end).contains(&mark.time))
            .collect();
        let follows = |mark: &&Mark| {
            mark.resource_version > version || names(pending, mark.about, mark.about_name)
        };
        let precedes = |mark: &&Mark| mark.resource_version < version;
        let latest = inside.iter().filter(follows).map(|mark| mark.time).min().unwrap_or(end);
        let earliest = inside.iter().filter(precedes).map(|mark| mark.time).max();
        earliest.map_or(latest, |earliest| earliest.max(latest))
    }
}

fn mark(pending: &Pending) -> Mark {
    Mark {
        time: pending.order.time,
        resource_version: pending.order.resource_version,
        about: pending.about,
        about_name: pending.about_name,
    }
}
