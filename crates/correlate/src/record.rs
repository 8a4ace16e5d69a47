//! What the Router tells a Correlator, record by record. `batch.rs` has their bytes.

use crate::links::{LinkKind, SpanContext};
use crate::names::Name;
use crate::object::ObjectRef;
use crate::rules::Phase;
use crate::time::Nanos;

/// What an object is, as Kubernetes calls it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeMeta {
    /// `apps/v1`.
    pub api_version: String,
    /// `ReplicaSet`
    pub kind: String,
}

/// A version of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version<'a> {
    /// Whether this was its `DELETED` frame.
    pub deleted: bool,
    /// When the frame was received, where that is known.
    pub received_at: Option<Nanos>,
    /// An `ObjectMeta`, as `wire` writes it.
    pub metadata: &'a [u8],
}

/// A link, resolved.
pub type ToldLink = (LinkKind, SpanContext);

/// Trouble of a node begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Key of the node's name.
    pub node: u64,
    /// Which trouble.
    pub phase: Phase,
    /// When.
    pub at: Nanos,
    /// The span that tells of it; `None`: it is over.
    pub began: Option<SpanContext>,
}

/// What a message says of objects without metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming<'a> {
    /// Whose they are: the object that the Event is about.
    pub owner: ObjectRef<'a>,
    /// What the message names.
    pub named: Name<'a>,
    /// When it was written; `UNCERTAIN`: the watermark has not passed it.
    pub at: Nanos,
}

/// One thing the Router tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// An Event.
    Event {
        /// Key of the root object.
        root: u128,
        /// A `KubeEvent`, as `wire` writes it.
        event: &'a [u8],
        /// What its span links to in other roots.
        links: Vec<ToldLink>,
    },
    /// A link for the next occurrence about an object that takes such.
    Link {
        /// Key of the root object.
        root: u128,
        /// Key of the object's uid.
        about: u128,
        /// When it came about.
        at: Nanos,
        /// The link.
        link: ToldLink,
    },
    /// Trouble of a node.
    Trouble(Trouble),
    /// A version of an object other than an Event.
    Meta {
        /// Key of the root object; 0: for all roots.
        root: u128,
        /// The version.
        version: Version<'a>,
    },
    /// Whose an object is by the message of an Event that comes later, or went to another root.
    Name {
        /// Key of the root object.
        root: u128,
        /// What the message says.
        naming: Naming<'a>,
    },
    /// An object that was told under this root and belongs to another one now.
    Moved {
        /// Key of the root object that it belonged to.
        root: u128,
        /// Key of the object.
        object: u128,
    },
    /// An object to forget.
    Evict {
        /// Key of the root object.
        root: u128,
        /// Key of the object.
        object: u128,
    },
    /// What all roots keep of the past, from before this time, is to be forgotten.
    Forget(Nanos),
    /// What was here made a Correlator fail, and was left out: an Event, or something else.
    Quarantined {
        /// Whether it was an Event.
        is_event: bool,
    },
    /// Nothing but the watermark.
    Watermark,
}

impl Record<'_> {
    /// The same, told under another root.
    #[must_use]
    pub fn under(self, root: u128) -> Self {
        match self {
            Self::Meta { version, .. } => Self::Meta { root, version },
            Self::Name { naming, .. } => Self::Name { root, naming },
            other => other,
        }
    }
}
