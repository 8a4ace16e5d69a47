//! What the Router has told of objects whose root may still change: it is told again under the next
//! one.
//!
//! A root that is known by a reference or by a name only may turn out to belong to another object.
//! What its objects are was told to its shard by then, and the next shard knows nothing of them.
//! The Router bounds `bytes`; what is kept longest is forgotten first.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::batch;
use crate::record::Record;
use crate::time::Nanos;

/// Something that was told of an object.
#[derive(Serialize, Deserialize)]
pub struct Fact {
    /// Key of the object.
    pub object: u128,
    /// The record that tells it.
    #[serde(with = "serde_bytes")]
    record: Box<[u8]>,
    arrived: u64,
}

impl Fact {
    /// The record that told it.
    pub fn record(&self) -> Record<'_> {
        let mut records = batch::read(&self.record);
        records.next().and_then(Result::ok).expect("it was written here").1
    }
}

/// All that is kept, by the key of the root under which it was told.
#[derive(Default, Serialize, Deserialize)]
pub struct Kept {
    /// In order of arrival.
    #[serde(with = "crate::stored::sorted")]
    by_root: FxHashMap<u128, VecDeque<Fact>>,
    /// By arrival: the root.
    order: BTreeMap<u64, u128>,
    arrived: u64,
    bytes: usize,
}

impl Kept {
    /// Keeps what was told of an object under a root.
    pub fn add(&mut self, root: u128, object: u128, record: &Record<'_>) {
        let mut bytes = Vec::new();
        batch::write(&mut bytes, Nanos::MIN, record);
        self.keep(root, Fact { object, record: bytes.into(), arrived: 0 });
    }

    /// As `add`, of what was kept before.
    pub fn keep(&mut self, root: u128, fact: Fact) {
        self.arrived += 1;
        self.bytes += fact.record.len();
        self.order.insert(self.arrived, root);
        let fact = Fact { arrived: self.arrived, ..fact };
        self.by_root.entry(root).or_default().push_back(fact);
    }

    /// Takes all that was told under a root, in order of arrival.
    pub fn take(&mut self, root: u128) -> VecDeque<Fact> {
        let facts = self.by_root.remove(&root).unwrap_or_default();
        for fact in &facts {
            self.order.remove(&fact.arrived);
            self.bytes -= fact.record.len();
        }
        facts
    }

    /// Forgets what is kept longest; false: there is nothing.
    pub fn forget_oldest(&mut self) -> bool {
        let Some((_, root)) = self.order.pop_first() else {
            return false;
        };
        let facts = self.by_root.get_mut(&root).expect("the order has what is kept");
        let fact = facts.pop_front().expect("the order has what is kept");
        self.bytes -= fact.record.len();
        if facts.is_empty() {
            self.by_root.remove(&root);
        }
        true
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
