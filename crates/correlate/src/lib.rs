//! Turns Kubernetes Events into OpenTelemetry spans, joined by causality.
//!
//! Two machines, both sans-IO and deterministic: the [`router::Router`] takes raw bytes, finds
//! frames and the root of each object, and writes one batch per shard; a
//! [`correlator::Correlator`] takes its shard's batches and gives out encoded spans. Same input,
//! same bytes: no clock, no randomness, no environment, no logging. ARCHITECTURE.md follows one
//! Event through all of it.

pub mod attach;
pub mod batch;
pub mod boundary;
pub mod change;
pub mod changes;
pub mod correlator;
pub mod counts;
pub mod dedup;
pub mod destinations;
pub mod encode;
pub mod event;
pub mod fields;
pub(crate) mod fill;
pub mod frame;
pub mod frames;
pub mod ids;
pub mod ids_by_hash;
pub mod json;
pub mod kept;
pub mod limits;
pub mod lineage;
pub mod links;
pub mod marks;
pub mod met;
pub mod meta;
pub mod names;
pub mod namings;
pub mod notes;
pub mod object;
pub mod objects;
pub mod open;
pub mod otlp;
pub mod outlets;
pub mod owners;
pub mod packed;
pub mod parent;
pub mod parking;
pub mod pending;
pub mod phases;
pub mod place;
pub mod quarantine;
pub mod record;
pub mod reorder;
pub mod resting;
pub mod root;
pub mod route;
pub mod router;
pub mod rules;
pub mod scan;
pub mod shapes;
pub mod shared;
pub mod slots;
pub mod snapshot;
pub(crate) mod stored;
pub mod strings;
pub mod synthetic;
pub mod targets;
pub mod time;
pub mod tombstones;
pub mod trace;
pub mod troubles;
pub mod wasm;
pub mod wire;
