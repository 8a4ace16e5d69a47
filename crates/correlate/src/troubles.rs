//! Nodes in trouble: which trace tells of it, so that spans of pods can link there.
//!
//! In go begins and ends of trouble, told to every shard before anything later is placed; out comes
//! the trouble that a node is in at a time. Nodes are found by name: Events spell their uids in
//! three ways.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::limits::{TROUBLE_REACH, TROUBLED_NODES_MAX, TROUBLES_MAX};
use crate::links::SpanContext;
use crate::record;
use crate::rules::Phase;
use crate::time::Nanos;

#[derive(Serialize, Deserialize)]
struct Trouble {
    phase: Phase,
    at: Nanos,
    /// When it was last told.
    last: Nanos,
    ended: Option<Nanos>,
    told_by: SpanContext,
}

/// The trouble of all nodes.
#[derive(Default, Serialize, Deserialize)]
pub struct Troubles(#[serde(with = "crate::stored::sorted")] FxHashMap<u64, Vec<Trouble>>);

impl Troubles {
    /// Trouble of a node begins or ends.
    pub fn tell(&mut self, trouble: record::Trouble) {
        let record::Trouble { node, phase, at, began } = trouble;
        match began {
            Some(told_by) => {
                self.begin(node, Trouble { phase, at, last: at, ended: None, told_by });
            }
            None => self.end(node, phase, at),
        }
    }

    fn begin(&mut self, node: u64, trouble: Trouble) {
        if self.0.len() >= TROUBLED_NODES_MAX {
            self.forget(trouble.at.saturating_sub(TROUBLE_REACH));
        }
        if self.0.len() >= TROUBLED_NODES_MAX {
            self.0.clear();
        }
        let troubles = self.0.entry(node).or_default();
        let same = |known: &&mut Trouble| known.told_by == trouble.told_by;
        if let Some(known) = troubles.iter_mut().find(same) {
            known.last = known.last.max(trouble.at);
            return;
        }
        if troubles.len() >= TROUBLES_MAX {
            troubles.remove(0);
        }
        troubles.push(trouble);
    }

    fn end(&mut self, node: u64, phase: Phase, at: Nanos) {
        let troubles = self.0.get_mut(&node).map_or(&mut [][..], |troubles| troubles);
        let open = |trouble: &&mut Trouble| {
            trouble.phase == phase && trouble.ended.is_none() && trouble.at <= at
        };
        for trouble in troubles.iter_mut().filter(open) {
            trouble.ended = Some(at);
        }
    }

    /// The latest trouble of the node that was not over at `at` and not long ago.
    pub fn of(&self, node: u64, at: Nanos) -> Option<SpanContext> {
        let holds = |trouble: &&Trouble| {
            trouble.at <= at
                && at - trouble.last <= TROUBLE_REACH
                && trouble.ended.is_none_or(|ended| ended > at)
        };
        let latest = self.0.get(&node)?.iter().filter(holds).max_by_key(|trouble| trouble.last);
        latest.map(|trouble| trouble.told_by)
    }

    fn forget(&mut self, before: Nanos) {
        self.0.retain(|_, troubles| {
            troubles.retain(|trouble| trouble.last >= before);
            !troubles.is_empty()
        });
    }
}
