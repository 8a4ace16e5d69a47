//! Who names whom in a root: occurrences whose messages name objects, upward or downward.
//!
//! In go occurrences, when they are queued and when they have a span; out come those that name an
//! object, each for as long as its trace is remembered. Promises that what an occurrence names
//! twice stays in the order of its message.

use std::iter::Chain;
use std::slice::Iter;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::pending::{Named, Order, Pending};
use crate::root::Place;
use crate::rules::Direction;
use crate::time::Nanos;

/// An occurrence that names an object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Naming {
    /// The naming occurrence.
    pub order: Order,
    /// In which direction it names.
    pub direction: Direction,
    /// How much later than what it caused it may be.
    pub slack: Nanos,
    /// What it names; the object is settled when the occurrence is placed.
    pub named: Named,
    /// Where its span is; `None` while it is queued.
    pub place: Option<Place>,
}

/// All of a root.
#[derive(Default, Serialize, Deserialize)]
pub struct Namings {
    /// By the key of the name.
    #[serde(with = "crate::stored::sorted")]
    fresh: FxHashMap<u64, Vec<Naming>>,
    /// From before the root came to rest, in order of that key: without a table to find them.
    rested: Vec<Naming>,
}

impl Namings {
    /// Remembers what a queued occurrence names.
    pub fn add(&mut self, pending: &Pending) {
        for named in &pending.names {
            // Most are named once, and remembered for long.
            let namings = self.fresh.entry(named.name);
            namings.or_insert_with(|| Vec::with_capacity(1)).push(Naming {
                order: pending.order,
                direction: pending.direction_of(named),
                slack: pending.rule.slack,
                named: named.clone(),
                place: None,
            });
        }
    }

    /// The occurrence has a span now; `settle` says which object a name means.
    pub fn settle(
        &mut self,
        pending: &Pending,
        place: Place,
        settle: impl Fn(&Naming) -> Option<u128>,
    ) {
        for named in &pending.names {
            let namings = self.fresh.get_mut(&named.name).map_or(&mut [][..], |all| all);
            for naming in namings.iter_mut().filter(|naming| naming.order == pending.order) {
                naming.named.object = settle(naming);
                naming.place = Some(place);
            }
        }
    }

    /// Who names objects of this kind, namespace and name.
    pub fn of(&self, name: u64) -> Chain<Iter<'_, Naming>, Iter<'_, Naming>> {
        let from = self.rested.partition_point(|naming| naming.named.name < name);
        let count = self.rested[from..].partition_point(|naming| naming.named.name == name);
        let fresh = self.fresh.get(&name).map_or(&[][..], |namings| namings);
        self.rested[from..from + count].iter().chain(fresh)
    }

    /// Forgets those whose span is in a trace that is not kept.
    pub fn retain(&mut self, is_kept: impl Fn(Place) -> bool) {
        let is_kept = |naming: &Naming| naming.place.is_none_or(&is_kept);
        self.rested.retain(is_kept);
        self.rested.shrink_to_fit();
        self.fresh.retain(|_, namings| {
            namings.retain(is_kept);
            !namings.is_empty()
        });
    }

    /// All traces are closed: what names in them takes no more room than it must.
    pub fn rest(&mut self) {
        let fresh = std::mem::take(&mut self.fresh);
        if fresh.is_empty() {
            return;
        }
        self.rested.reserve_exact(fresh.values().map(Vec::len).sum());
        self.rested.extend(fresh.into_values().flatten());
        self.rested.sort_by_key(|naming| naming.named.name);
    }
}
