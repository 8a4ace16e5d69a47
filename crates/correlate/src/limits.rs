//! The limits and settings of Router and Correlator. `src/config.ts` is where users set them; the
//! defaults here are the same and serve native tests.

use crate::destinations::DestinationRules;
use crate::marks::TraceparentKeys;
use crate::rules::RuleTable;
use crate::time::{Nanos, SECOND};

const MINUTE: Nanos = 60 * SECOND;

/// What a user can set. One value serves Router and Correlators of an engine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Correlators that share the work.
    pub shards: u32,
    /// How far the watermark stays behind the stream clock.
    pub reorder_window: Nanos,
    /// A trace closes when nothing has happened in it for this long.
    pub idle: Nanos,
    /// Objects in the Router's index; at the limit the one longest without a frame is forgotten, owners
    /// last.
    pub objects_max: usize,
    /// Events remembered: their uids to tell duplicates, their closed traces for late occurrences; at
    /// the limit the older half is forgotten.
    pub event_uids_max: usize,
    /// Frames parked for an owner that is not known yet, in bytes; at the limit the oldest goes on
    /// with what is known.
    pub parked_bytes_max: usize,
    /// Events without `receivedAt`, held until the end of the input, in bytes; at the limit the
    /// Router refuses to go on.
    pub untimed_bytes_max: usize,
    /// One frame, in bytes; a larger one is skipped.
    pub frame_bytes_max: usize,
    /// `k8s.cluster.name` of every span; empty: left out.
    pub cluster_name: String,
    /// One `service.name` for every span (`OTEL_SERVICE_NAME`); empty: the reporting component.
    pub service_name: String,
    /// Annotations of objects that hold a trace context; the first that is valid counts.
    pub traceparent_annotations: TraceparentKeys,
    /// The table of causality.
    pub rules: &'static RuleTable,
    /// Whose spans go where.
    pub destinations: DestinationRules,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shards: 1,
            reorder_window: 5 * SECOND,
            idle: 2 * MINUTE,
            objects_max: 1_000_000,
            event_uids_max: 1_000_000,
            parked_bytes_max: 64 << 20,
            untimed_bytes_max: 1 << 30,
            frame_bytes_max: 8 << 20,
            cluster_name: String::new(),
            service_name: String::new(),
            traceparent_annotations: TraceparentKeys::default(),
            rules: RuleTable::builtin(),
            destinations: DestinationRules::default(),
        }
    }
}

/// Bytes of held Events that go out at a time when the input ends.
pub const FINISH_STEP: usize = 8 << 20;
/// A longer message is cut, in bytes.
pub const MESSAGE_MAX: usize = 32 << 10;
/// A longer name, uid, reason or other short text is cut, in bytes. The longest that the API takes,
/// an apiVersion, has 317.
pub const NAME_MAX: usize = 512;
/// Kinds of objects that a Router tells of.
pub const KINDS_MET_MAX: usize = 4096;
/// Objects without metadata that a Router tells of at a time: more than a source would look up
/// within the second or so until it takes them.
pub const OBJECTS_MET_MAX: usize = 1024;
/// Owners of one object that are looked at, beside its controller.
pub const OWNERS_MAX: usize = 64;
/// The end of a second, from its start.
pub const SECOND_END: Nanos = SECOND - 1;
/// A root stands at its change when its first child follows within this time.
pub const ROOT_REACH: Nanos = 60 * SECOND;
/// The plain id of a generation is only for a trace that begins this soon after its change.
pub const PLAIN_WITHIN: Nanos = 10 * MINUTE;
/// A trace as old as this takes no more occurrences directly under its root.
pub const SOFT_AGE: Nanos = 30 * MINUTE;
/// A trace with this many spans takes no more occurrences directly under its root.
pub const SOFT_SPANS: u32 = 10_000;
/// A trace as old as this takes no more occurrences.
pub const HARD_AGE: Nanos = 60 * MINUTE;
/// A trace with this many spans takes no more occurrences.
pub const HARD_SPANS: u32 = 20_000;
/// How long a closed trace is remembered for late occurrences, unless more Events come meanwhile than
/// are remembered (`event_uids_max`).
pub const CLOSED_KEPT: Nanos = 15 * MINUTE;
/// How long a deleted object is remembered.
pub const TOMBSTONE_KEPT: Nanos = 10 * MINUTE;
/// How long after an object's `DELETED` frame an occurrence may lie before it and still follow it.
pub const DELETE_SLACK: Nanos = 2 * SECOND;
/// Event uids are remembered for at least this long (Events live one hour by default).
pub const EVENT_UID_KEPT: Nanos = 120 * MINUTE;
/// Occurrences that one root's reorder buffer holds; at the limit the first is placed at once.
pub const ROOT_QUEUE_MAX: usize = 65_536;
/// Changes remembered of one object; at the limit the oldest but one is forgotten.
pub const CHANGES_MAX: usize = 32;
/// Trouble of a node is linked to by what happens on it this much later.
pub const TROUBLE_REACH: Nanos = 10 * MINUTE;
/// Troubles remembered of one node; at the limit the oldest is forgotten.
pub const TROUBLES_MAX: usize = 16;
/// Nodes whose trouble is remembered; at the limit those without recent trouble are forgotten, where
/// there is none of them, all.
pub const TROUBLED_NODES_MAX: usize = 65_536;
/// Links that wait for one object; at the limit further ones are left out.
pub const WAITING_LINKS_MAX: usize = 16;
/// A link waits this long for what it should stand on.
pub const LINK_WAIT: Nanos = 60 * MINUTE;
/// Config hashes of static pods remembered; at the limit those of forgotten pods go.
pub const MIRRORS_MAX: usize = 65_536;
/// Causes placed ahead of their turn, each for the one before; what lies further ahead is no cause.
pub const CAUSES_AHEAD_MAX: usize = 64;
/// Packed versions of one root at rest, in bytes; when there are more, they are taken in.
pub const RESTING_BYTES_MAX: usize = 16 << 10;
/// Kinds and managers that packed versions refer to; an object with others is taken in at once.
pub const TEXTS_MAX: usize = 4096;
/// Labels of one Namespace, in bytes; of one that has more none is known.
pub const LABELS_BYTES_MAX: usize = 64 << 10;
/// How long the labels of a deleted Namespace are remembered: its last spans may be open as long.
pub const NAMESPACE_KEPT: Nanos = 2 * HARD_AGE;
/// Of so many deleted Namespaces; at the limit those of the first are forgotten.
pub const NAMESPACES_GONE_MAX: usize = 16_384;
/// Namespaces whose destination is remembered; at the limit all are chosen anew.
pub const NAMESPACES_CHOSEN_MAX: usize = 16_384;
/// Resource descriptions kept for reuse; at the limit all are made anew.
pub const RESOURCES_MAX: usize = 16_384;

/// What is larger is read the simple way, without a look at shapes.
pub const SHAPED_BYTES_MAX: usize = 16 << 10;

/// Bytes that the shapes of one reader may take; then it begins anew.
pub const SHAPES_BYTES_MAX: usize = 1 << 20;

/// Ways in which shapes may go on behind one value; the one that fits least often is forgotten.
pub const SHAPE_EDGES_MAX: usize = 64;

/// Buffers of resources' spans that are kept for the next batch.
pub const SPARE_BUFFERS_MAX: usize = 256;
