//! How a snapshot holds what serde cannot derive.
//!
//! A row of the rule table goes by its id. What many values share stands where it is first met, and
//! goes by its number from there on, so that it is shared again when it is read. A map goes in the
//! order of its keys. serde hands nothing from one value to the next, so what has been met is kept
//! beside them, for one snapshot at a time (`during`).

use std::cell::RefCell;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::rc::Rc;

use rustc_hash::FxHashMap;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::rules::{Rule, RuleTable};
use crate::shared::Shared;

/// Rows, and what has been met.
#[derive(Default)]
pub struct Context {
    rows: FxHashMap<&'static str, &'static Rule>,
    bytes: Met<Rc<[u8]>>,
    pub(crate) texts: Met<Shared>,
}

/// What has been met, in its order: written, and read.
pub struct Met<T> {
    written: FxHashMap<T, u32>,
    read: Vec<T>,
}

impl<T> Default for Met<T> {
    fn default() -> Self {
        Self { written: FxHashMap::default(), read: Vec::new() }
    }
}

thread_local! {
    static CONTEXT: RefCell<Context> = RefCell::default();
}

/// Writes or reads one snapshot.
pub fn during<T>(rules: &RuleTable, snapshot: impl FnOnce() -> T) -> T {
    let rows = rules.rows().map(|rule| (rule.id, rule)).collect();
    CONTEXT.set(Context { rows, ..Context::default() });
    let done = snapshot();
    CONTEXT.take();
    done
}

/// A row of the rule table; the generic one has no id.
pub mod row {
    use super::{CONTEXT, Deserialize, Deserializer, Error, Rule, Serialize, Serializer};
    use crate::rules::GENERIC;

    pub fn serialize<S: Serializer>(rule: &'static Rule, to: S) -> Result<S::Ok, S::Error> {
        (if rule.is_generic() { "" } else { rule.id }).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<&'static Rule, D::Error> {
        let id = <&str>::deserialize(from)?;
        if id.is_empty() {
            return Ok(&GENERIC);
        }
        let known = CONTEXT.with_borrow(|context| context.rows.get(id).copied());
        known.ok_or_else(|| D::Error::custom("there is no such row"))
    }
}

/// Bytes that others share.
pub mod shared {
    use serde_bytes::Bytes;

    use super::{Deserializer, Rc, Serializer, mention, recall};

    pub fn serialize<S: Serializer>(bytes: &Rc<[u8]>, to: S) -> Result<S::Ok, S::Error> {
        mention(bytes, Bytes::new(bytes), |met| &mut met.bytes, to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Rc<[u8]>, D::Error> {
        recall(|bytes: &Bytes| Rc::from(&**bytes), |met| &mut met.bytes, from)
    }
}

/// What is shared, where it is met.
#[derive(Serialize, Deserialize)]
enum Mention<T> {
    First(T),
    Again(u32),
}

/// Writes what is shared: its content the first time.
pub fn mention<T: Clone + Eq + Hash, S: Serializer>(
    value: &T,
    content: impl Serialize,
    met: fn(&mut Context) -> &mut Met<T>,
    to: S,
) -> Result<S::Ok, S::Error> {
    let mention = CONTEXT.with_borrow_mut(|context| {
        let written = &mut met(context).written;
        let next = written.len() as u32;
        match written.entry(value.clone()) {
            Entry::Occupied(known) => Mention::Again(*known.get()),
            Entry::Vacant(new) => {
                new.insert(next);
                Mention::First(content)
            }
        }
    });
    mention.serialize(to)
}

/// Reads what `mention` wrote; `make`: of its content.
pub fn recall<'de, T: Clone, C: Deserialize<'de>, D: Deserializer<'de>>(
    make: fn(C) -> T,
    met: fn(&mut Context) -> &mut Met<T>,
    from: D,
) -> Result<T, D::Error> {
    let mention = Mention::deserialize(from)?;
    let value = CONTEXT.with_borrow_mut(|context| {
        let read = &mut met(context).read;
        match mention {
            Mention::First(content) => {
                read.push(make(content));
                read.last().cloned()
            }
            Mention::Again(number) => read.get(number as usize).cloned(),
        }
    });
    value.ok_or_else(|| D::Error::custom("it was not met before"))
}

/// A map in the order of its keys: that of its table tells how it was filled.
pub mod sorted {
    use super::{Deserialize, Deserializer, FxHashMap, Hash, Serialize, Serializer};

    pub fn serialize<K, V, S>(map: &FxHashMap<K, V>, to: S) -> Result<S::Ok, S::Error>
    where
        K: Copy + Ord + Serialize,
        V: Serialize,
        S: Serializer,
    {
        let values: Vec<&V> = map.values().collect();
        // Keys alone are sorted: there are three types of them, and many more of values.
        let mut keys: Vec<(K, usize)> = map.keys().copied().zip(0..).collect();
        keys.sort_unstable();
        to.collect_map(keys.into_iter().map(|(key, index)| (key, values[index])))
    }

    pub fn deserialize<'de, K, V, D>(from: D) -> Result<FxHashMap<K, V>, D::Error>
    where
        K: Eq + Hash + Deserialize<'de>,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        FxHashMap::deserialize(from)
    }
}
