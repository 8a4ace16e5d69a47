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

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits::Settings;
use crate::rules::{Rule, RuleTable};

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
                write!(f, "the snapshot was taken with {what} {there:?}, which is {here:?} now")
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
        ("shards", shards.to_string()),
        ("reorder window (ns)", reorder_window.to_string()),
        ("idle time (ns)", idle.to_string()),
        ("cluster name", cluster_name.clone()),
        ("service name", service_name.clone()),
        ("traceparent annotations", traceparent_annotations.join(",")),
        ("rules", format!("{:08x}", rules.digest())),
    ];
    conditions.map(|(name, value)| (name.to_owned(), value)).into()
}

/// The snapshot of a machine's state.
pub(crate) fn write(machine: &str, settings: &Settings, state: &impl Serialize) -> Vec<u8> {
    let content = (conditions(machine, settings), state);
    let mut bytes = postcard::to_allocvec(&content).expect("memory takes all");
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

/// What values need that are read one by one; serde hands nothing on.
struct Context {
    rows: FxHashMap<&'static str, &'static Rule>,
    shared: FxHashSet<Rc<[u8]>>,
}

thread_local! {
    /// Of the snapshot that is being read.
    static CONTEXT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

impl Context {
    fn with<T>(rules: &RuleTable, read: impl FnOnce() -> T) -> T {
        let rows = rules.rows().map(|rule| (rule.id, rule)).collect();
        CONTEXT.set(Some(Self { rows, shared: FxHashSet::default() }));
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
        let shared = Context::look(|Context { shared, .. }| {
            if !shared.contains(bytes) {
                shared.insert(bytes.into());
            }
            shared.get(bytes).cloned()
        });
        shared.ok_or_else(|| D::Error::custom("it is read by `read` only"))
    }
}

/// A map in the order of its keys: that of its table tells how it was filled.
pub(crate) mod sorted {
    use rustc_hash::FxHashMap;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<K, V, S>(map: &FxHashMap<K, V>, to: S) -> Result<S::Ok, S::Error>
    where
        K: Ord + Serialize,
        V: Serialize,
        S: Serializer,
    {
        let mut entries: Vec<_> = map.iter().collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        to.collect_map(entries)
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
