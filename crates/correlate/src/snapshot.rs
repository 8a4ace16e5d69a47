//! Snapshots: all that a Router or a Correlator knows, as bytes, to go on from in another process.
//!
//! In goes the state as its types derive it for serde: what one of them leaves out stands beside the
//! field (`serde(skip)`), and is made anew; `stored.rs` has what cannot be derived. Out come bytes: what must be the same, by name, then the
//! state, both as postcard has them, then the CRC-32 of it all. Promises that whoever goes on from a
//! snapshot gives what would have been given without it, byte for byte; that the same state gives
//! the same bytes; and that bytes are taken or refused, whatever they are.

use std::fmt::{Display, Formatter};

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits::Settings;
use crate::stored;

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
        // Nothing that is kept goes by them.
        destinations: _,
    } = settings;
    let conditions = [
        ("machine", machine.to_owned()),
        ("build", BUILD.to_owned()),
        ("number of shards", shards.to_string()),
        ("reorder window in ns", reorder_window.to_string()),
        ("idle time in ns", idle.to_string()),
        ("cluster name", cluster_name.clone()),
        ("service name", service_name.clone()),
        ("list of traceparent annotations", traceparent_annotations.names().join(",")),
        ("rule table", format!("{:08x}", rules.digest())),
    ];
    conditions.map(|(name, value)| (name.to_owned(), value)).into()
}

/// The snapshot of a machine's state.
pub(crate) fn write(machine: &str, settings: &Settings, state: &impl Serialize) -> Vec<u8> {
    let content = (conditions(machine, settings), state);
    let pass = |output| {
        let write = || postcard::serialize_with_flavor(&content, output);
        stored::during(settings.rules, write).expect("all is taken")
    };
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
    stored::during(settings.rules, || postcard::from_bytes(state)).map_err(damaged)
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
