//! An occurrence on its way to becoming a span: what placing it needs, and the fields of its span
//! that no later knowledge changes, encoded already.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::event::{EventTime, KubeEvent};
use crate::ids::{event_span_id, name_key, object_key};
use crate::links::{LinkKind, SpanContext};
use crate::owners::{Scope, in_scope, scoped_name};
use crate::rules::{Direction, Named as RuleNamed, Rule, RuleMatch, rank};
use crate::time::Nanos;

/// Causal order of occurrences: time, rank of the reason, resourceVersion, Event, count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Order {
    /// When it happened.
    pub time: Nanos,
    rank: u8,
    /// Of the Event: comparable among Events.
    pub resource_version: u64,
    event: u128,
    count: u64,
}

impl Order {
    /// Before everything that happened at `time`.
    pub fn first_at(time: Nanos) -> Self {
        Self { time, rank: 0, resource_version: 0, event: 0, count: 0 }
    }
}

/// An object that an occurrence names as affected.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Named {
    /// Key of its kind, namespace and name.
    pub name: u64,
    /// Key of its uid, where the reference has one.
    pub object: Option<u128>,
    /// Named by `related`, not by the message.
    pub related: bool,
}

/// An occurrence that has no span yet.
#[derive(Serialize, Deserialize)]
pub struct Pending {
    /// Its place among the others; of a time known only to the second, the end of it until it is
    /// settled.
    pub order: Order,
    /// Start of the second, for a time known only to the second.
    pub second: Option<Nanos>,
    /// Key of the involved object.
    pub about: u128,
    /// Key of the involved object's kind, namespace and name.
    pub about_name: u64,
    /// The involved object's resourceVersion, as its writer saw it: told by first occurrences.
    pub version: Option<u64>,
    /// The row of the rule table.
    #[serde(with = "crate::stored::row")]
    pub rule: &'static Rule,
    /// What it names, downward or upward.
    pub names: Vec<Named>,
    /// What the Router found of its links to other roots.
    pub links: Vec<(LinkKind, SpanContext)>,
    /// Hash of the part of the object that it is about, such as a container; 0: the whole.
    pub container: u64,
    /// Start of the second in which the API server made the Event: told by first occurrences.
    pub created: Option<Nanos>,
    /// The duration that the message states.
    pub stated: Option<Nanos>,
    /// Annotated as the root of its trace.
    pub top_level: bool,
    /// It came after the watermark.
    pub late: bool,
    /// Event uid and count: make ids.
    pub event_uid: Box<str>,
    /// See `event_uid`.
    pub count: u64,
    /// The node it tells of, for `k8s.node.name`.
    pub node: Option<Box<str>>,
    /// Encoded resource.
    #[serde(with = "crate::stored::shared")]
    pub resource: Rc<[u8]>,
    /// Encoded span fields: name, status, attributes of the Event.
    #[serde(with = "serde_bytes")]
    pub fields: Box<[u8]>,
}

/// The involved object, as the owner cache has it.
#[derive(Clone, Copy)]
pub struct About {
    /// Its key there.
    pub key: u128,
    /// Whether its uid is known: by name alone it may be any of its name.
    pub uid_known: bool,
}

impl Pending {
    /// Prepares an occurrence of a root.
    pub fn new(
        event: &KubeEvent<'_>,
        found: &RuleMatch<'_>,
        time: EventTime,
        (scope, about): (Scope, About),
        encoded: (Rc<[u8]>, Box<[u8]>),
        links: &[(LinkKind, SpanContext)],
    ) -> Self {
        let regarding = &event.regarding;
        let about_name = scoped_name(scope, &regarding.kind, &regarding.namespace, &regarding.name);
        let first = event.is_first();
        let (resource, fields) = encoded;
        Self {
            order: Order {
                time: time.latest(),
                rank: rank(&event.reason),
                resource_version: event.resource_version,
                event: object_key(&event.uid),
                count: event.count(),
            },
            second: (!time.precise).then_some(time.at),
            about: about.key,
            about_name,
            version: if first { regarding.resource_version.parse().ok() } else { None },
            rule: found.rule,
            names: named(event, found, scope, about),
            links: links.to_vec(),
            container: part_of(event, found).map_or(0, |name| name_key("", "", name)),
            created: event.created.second().filter(|_| first),
            stated: found.stated_duration(),
            top_level: event.top_level,
            late: false,
            event_uid: (&*event.uid).into(),
            count: event.count(),
            node: node_of(event, found).map(Into::into),
            resource,
            fields,
        }
    }

    /// The direction in which its causes name its object. A row that names the very object it is
    /// about (Evicted, Preempted) speaks of what comes, not of what made it.
    pub fn direction(&self) -> Direction {
        if self.rule.names.iter().any(|named| matches!(named, RuleNamed::Regarding)) {
            Direction::Up
        } else {
            self.rule.direction
        }
    }

    /// The direction in which it names. A row that names its own object speaks of what comes: of its
    /// end.
    pub fn direction_of(&self, named: &Named) -> Direction {
        let itself = named.name == self.about_name && !named.related;
        if itself { Direction::Down } else { self.rule.direction }
    }

    /// Whether it names objects of this name, in this direction.
    pub fn names_of(&self, name: u64, direction: Direction) -> bool {
        let names = |named: &Named| named.name == name && self.direction_of(named) == direction;
        self.names.iter().any(names)
    }

    /// How slow its reporter's clock is at least, by the API server's.
    pub fn skew(&self) -> Nanos {
        self.created.map_or(0, |created| (created - self.order.time).max(0))
    }

    /// The container whose phases it begins: of named objects there is none.
    pub fn phase_container(&self) -> u64 {
        if self.rule.of_named { 0 } else { self.container }
    }

    /// Key of the name of the node that it tells of.
    pub fn node_key(&self) -> Option<u64> {
        self.node.as_deref().map(|node| name_key("Node", "", node))
    }

    /// The id of its span.
    pub fn span_id(&self) -> [u8; 8] {
        event_span_id(&self.event_uid, self.count)
    }
}

/// The container in a fieldPath: `spec.containers{nginx}`, `spec.initContainers{wait}`.
pub fn container_of(field_path: &str) -> Option<&str> {
    let (_, name) = field_path.split_once('{')?;
    name.strip_suffix('}').filter(|name| !name.is_empty())
}

/// What tells apart the phases of one object: the container, or what the row says.
fn part_of<'e>(event: &'e KubeEvent<'_>, found: &RuleMatch<'e>) -> Option<&'e str> {
    found.rule.key.map_or(container_of(&event.regarding.field_path), |key| found.capture(key))
}

/// The note of a series is that of its first occurrence: repeats name nothing by it.
fn named(event: &KubeEvent<'_>, found: &RuleMatch<'_>, scope: Scope, about: About) -> Vec<Named> {
    let mut names = Vec::new();
    if event.series.is_none() {
        let own = (&*event.regarding.kind, &*event.regarding.namespace, &*event.regarding.name);
        let by_message = found.names().map(|(kind, namespace, name)| Named {
            name: scoped_name(scope, kind, namespace, name),
            object: (about.uid_known && (kind, namespace, name) == own).then_some(about.key),
            related: false,
        });
        names.extend(by_message);
    }
    if let Some(related) = event.related.as_ref().filter(|_| !found.rule.links_related()) {
        names.push(Named {
            name: scoped_name(scope, &related.kind, &related.namespace, &related.name),
            object: (!related.uid.is_empty()).then(|| in_scope(scope, object_key(&related.uid))),
            related: true,
        });
    }
    names
}

/// The node is known from the scheduler's message and from the kubelet's host.
fn node_of<'e>(event: &'e KubeEvent<'_>, found: &RuleMatch<'e>) -> Option<&'e str> {
    let host = (event.component == "kubelet" && !event.host.is_empty()).then_some(&*event.host);
    found.capture("node").or(host)
}
