//! Snapshots: all that a Router or a Correlator knows, as bytes, to go on from in another process.
//!
//! In goes the state as its types derive it for serde: what one of them leaves out stands beside the
//! field (`serde(skip)`), and is made anew. Out come bytes: what must be the same, by name, then the
//! state, both as postcard has them, then the CRC-32 of it all. Promises that whoever goes on from a
//! snapshot gives what would have been given without it, byte for byte; that the same state gives
//! the same bytes; and that bytes are taken or refused, whatever they are.

use std::cell::RefCell;
use std::fmt::{Display, Formatter};
use std::rc::Rc;

use postcard::ser_flavors::Flavor;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::Settings;
use crate::rules::{Rule, RuleTable};
use crate::shared::{Pool, Shared};

/// Sources and target: another build may have other types, or hash otherwise.
const BUILD: &str =
    concat!(env!("CARGO_PKG_VERSION"), "-", env!("SOURCES"), "-", env!("POINTER_WIDTH"));

/// Why a snapshot is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// The bytes are not as they were written.
    Damaged,
    /// It was taken elsewhere: something is not the same.
    Foreign {
        /// What it is.
        what: String,
        /// There.
        there: String,
        /// Here.
        here: String,
    },
}

impl Display for SnapshotError {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged => write!(f, "the snapshot is damaged"),
            Self::Foreign { what, there, here } => {
                write!(f, "the snapshot has another {what}: {there:?}, here it is {here:?}")
            }
        }
    }
}

/// What must be the same for a state to be of use, by name. Limits need not: they hold from now on.
fn conditions(machine: &str, settings: &Settings) -> Vec<(String, String)> {
    let Settings {
        shards,
        reorder_window,
        idle,
        objects_max: _,
        event_uids_max: _,
        parked_bytes_max: _,
        untimed_bytes_max: _,
        frame_bytes_max: _,
        cluster_name,
        service_name,
        traceparent_annotations,
        rules,
    } = settings;
    let conditions = [
        ("machine", machine.to_owned()),
        ("build", BUILD.to_owned()),
        ("number of shards", shards.to_string()),
        ("reorder window in ns", reorder_window.to_string()),
        ("idle time in ns", idle.to_string()),
        ("cluster name", cluster_name.clone()),
        ("service name", service_name.clone()),
        ("list of traceparent annotations", traceparent_annotations.join(",")),
        ("rule table", format!("{:08x}", rules.digest())),
    ];
    conditions.map(|(name, value)| (name.to_owned(), value)).into()
}

/// The snapshot of a machine's state.
pub(crate) fn write(machine: &str, settings: &Settings, state: &impl Serialize) -> Vec<u8> {
    let content = (conditions(machine, settings), state);
    let pass = |output| postcard::serialize_with_flavor(&content, output).expect("all is taken");
    let Output { size, .. } = pass(Output::default());
    let buffer = Some(Vec::with_capacity(size + size_of::<u32>()));
    let Output { buffer, .. } = pass(Output { size: 0, buffer });
    let mut bytes = buffer.unwrap_or_default();
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// The state in a snapshot of a machine with these settings.
///
/// # Errors
/// Why it is of no use.
pub(crate) fn read<T: DeserializeOwned>(
    machine: &str,
    settings: &Settings,
    bytes: &[u8],
) -> Result<T, SnapshotError> {
    let damaged = |_| SnapshotError::Damaged;
    let (content, sum) = bytes.split_last_chunk().ok_or(SnapshotError::Damaged)?;
    if crc32fast::hash(content) != u32::from_le_bytes(*sum) {
        return Err(SnapshotError::Damaged);
    }
    let (there, state) =
        postcard::take_from_bytes::<Vec<(String, String)>>(content).map_err(damaged)?;
    let here = conditions(machine, settings);
    let differ = there.into_iter().zip(here).find(|(there, here)| there != here);
    if let Some(((what, there), (_, here))) = differ {
        return Err(SnapshotError::Foreign { what, there, here });
    }
    Context::with(settings.rules, || postcard::from_bytes(state)).map_err(damaged)
}

/// Where bytes go: first they are counted, then kept. What a growing buffer leaves behind would be
/// WebAssembly's for good; one type for both passes halves their code.
#[derive(Default)]
struct Output {
    size: usize,
    buffer: Option<Vec<u8>>,
}

impl Flavor for Output {
    type Output = Self;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        match &mut self.buffer {
            Some(buffer) => buffer.extend_from_slice(bytes),
            None => self.size += bytes.len(),
        }
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Self> {
        Ok(self)
    }
}

/// What values need that are read one by one; serde hands nothing on.
struct Context {
    rows: FxHashMap<&'static str, &'static Rule>,
    bytes: FxHashSet<Rc<[u8]>>,
    pairs: Pool<2>,
    triples: Pool<3>,
}

thread_local! {
    /// Of the snapshot that is being read.
    static CONTEXT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

impl Context {
    fn with<T>(rules: &RuleTable, read: impl FnOnce() -> T) -> T {
        let rows = rules.rows().map(|rule| (rule.id, rule)).collect();
        let (pairs, triples) = (Pool::default(), Pool::default());
        CONTEXT.set(Some(Self { rows, bytes: FxHashSet::default(), pairs, triples }));
        let read = read();
        CONTEXT.set(None);
        read
    }

    fn look<T>(up: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        CONTEXT.with_borrow_mut(|context| up(context.as_mut()?))
    }
}

/// A row of the rule table, by its id; the generic one has none.
pub(crate) mod row {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Context;
    use crate::rules::{GENERIC, Rule};

    pub fn serialize<S: Serializer>(rule: &'static Rule, to: S) -> Result<S::Ok, S::Error> {
        (if rule.is_generic() { "" } else { rule.id }).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<&'static Rule, D::Error> {
        let id = <&str>::deserialize(from)?;
        if id.is_empty() {
            return Ok(&GENERIC);
        }
        let known = Context::look(|context| context.rows.get(id).copied());
        known.ok_or_else(|| D::Error::custom("there is no such row"))
    }
}

/// Bytes that many share, and share again when they are read.
pub(crate) mod shared {
    use std::rc::Rc;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Context;

    pub fn serialize<S: Serializer>(bytes: &Rc<[u8]>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Rc<[u8]>, D::Error> {
        let bytes = <&[u8]>::deserialize(from)?;
        let shared = Context::look(|Context { bytes: shared, .. }| {
            if !shared.contains(bytes) {
                shared.insert(bytes.into());
            }
            shared.get(bytes).cloned()
        });
        shared.ok_or_else(|| D::Error::custom("it is read by `read` only"))
    }
}

/// Texts that many share, and share again when they are read.
macro_rules! shared_texts {
    ($count:literal, $pool:ident) => {
        impl Serialize for Shared<$count> {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                self.texts().serialize(to)
            }
        }

        impl<'de> Deserialize<'de> for Shared<$count> {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let texts = <[&str; $count]>::deserialize(from)?;
                let shared = Context::look(|context| Some(context.$pool.share(texts)));
                shared.ok_or_else(|| D::Error::custom("it is read by `read` only"))
            }
        }
    };
}
shared_texts!(2, pairs);
shared_texts!(3, triples);

/// A map in the order of its keys: that of its table tells how it was filled.
pub(crate) mod sorted {
    use rustc_hash::FxHashMap;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
        K: Eq + std::hash::Hash + Deserialize<'de>,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        FxHashMap::deserialize(from)
    }
}
