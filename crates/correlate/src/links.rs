//! Links: what parent and child cannot join, across traces and across roots.
//!
//! In go a root that opens or an occurrence that is placed, out come the spans elsewhere that it
//! refers to, in a fixed order. What lies in other roots was resolved by the Router; the rest is
//! known here. A link may point to a trace that nobody made.

use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::ids::Key;
use crate::objects::{ObjectDetail, Opening};
use crate::owners::{EVERYWHERE, ObjectId, scoped_name};
use crate::pending::Pending;
use crate::place::World;
use crate::root::Root;
use crate::time::Nanos;
use crate::trace::{Subject, TraceId};

/// A span somewhere, as OpenTelemetry names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanContext {
    /// Its trace.
    pub trace: [u8; 16],
    /// Its id.
    pub span: [u8; 8],
}

impl From<&Key> for SpanContext {
    fn from(key: &Key) -> Self {
        Self { trace: key.trace_id(), span: key.span_id() }
    }
}

/// Why a span links to another (`kspan.link.kind`); in the order in which they stand on a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LinkKind {
    /// The trace of the same change that was opened before.
    Previous,
    /// The generation of the object that was deleted.
    Generation,
    /// The change of the object on top, of which this is a part.
    Owner,
    /// The parent that it would have, were that trace not too old or too large.
    Parent,
    /// What the involved object scales.
    Target,
    /// The related object.
    Related,
    /// An object of another root that the message names.
    Names,
    /// Trouble of the pod's node.
    Node,
    /// Who applied the object.
    AppliedBy,
    /// What an annotation of the object points to.
    Traceparent,
}

impl LinkKind {
    /// All kinds, in their order.
    pub const ALL: [Self; 10] = [
        Self::Previous,
        Self::Generation,
        Self::Owner,
        Self::Parent,
        Self::Target,
        Self::Related,
        Self::Names,
        Self::Node,
        Self::AppliedBy,
        Self::Traceparent,
    ];

    /// The kind as users see it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Previous => "previous",
            Self::Generation => "generation",
            Self::Owner => "owner",
            Self::Parent => "parent",
            Self::Target => "target",
            Self::Related => "related",
            Self::Names => "names",
            Self::Node => "node",
            Self::AppliedBy => "applied-by",
            Self::Traceparent => "traceparent",
        }
    }
}

/// An object by its kind, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NamedObject {
    /// `Kustomization`
    pub kind: Box<str>,
    /// Empty for cluster-scoped objects.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
}

/// A link of a span.
#[derive(Clone, Debug)]
pub struct SpanLink {
    /// Why.
    pub kind: LinkKind,
    /// Where to.
    pub to: SpanContext,
    /// The object there, where the ids alone would say too little.
    pub object: Option<NamedObject>,
}

impl SpanLink {
    /// A link that its ids say all of.
    pub fn new(kind: LinkKind, to: SpanContext) -> Self {
        Self { kind, to, object: None }
    }

    /// The parent that a span would have had.
    pub fn parent(to: SpanContext) -> Self {
        Self::new(LinkKind::Parent, to)
    }
}

impl World {
    /// The links of a root that stands for no occurrence; `path` begins at the trace's object.
    pub fn root_links(
        &self,
        root: &Root,
        subject: Subject,
        opening: Opening,
        path: &[ObjectId],
        at: Nanos,
    ) -> Vec<SpanLink> {
        let object = &self.objects[path[0]];
        let mut links = Vec::new();
        if opening == Opening::Episode {
            // Of a generation whose change is forgotten, its trace may still be there.
            let newest = || root.home(subject, |_, _| true).map(|place| root.context(place));
            let before = object.traces(subject.generation).last.or_else(newest);
            links.extend(before.map(|before| SpanLink::new(LinkKind::Previous, before)));
        } else if let Some(generation) = subject.generation {
            links.extend(self.owner_link(path, at));
            let changed = object.change_to(generation).and_then(Change::at);
            links.extend(self.applied_by_link(path, changed.unwrap_or(at)));
        } else {
            let newest = |object: &ObjectDetail| {
                object.newest_change().map_or(0, |change| change.generation)
            };
            let opened = path
                .iter()
                .map(|&id| &self.objects[id])
                .find_map(|above| above.traces(Some(newest(above))).first);
            let own = || (&Key::generation(&object.uid(), newest(object))).into();
            let last = opened.unwrap_or_else(own);
            links.push(SpanLink::new(LinkKind::Generation, last));
        }
        let above = path.iter().find_map(|&id| self.objects[id].traceparent());
        links.extend(above.map(|above| SpanLink::new(LinkKind::Traceparent, above)));
        links.sort_by_key(|link| link.kind);
        links
    }

    /// The links of an occurrence, to those that it has already.
    pub fn occurrence_links(
        &self,
        root: &mut Root,
        pending: &Pending,
        path: &[ObjectId],
        trace: Option<TraceId>,
        links: &mut Vec<SpanLink>,
    ) {
        links.extend(pending.links.iter().copied().map(|(kind, to)| SpanLink::new(kind, to)));
        if pending.rule.receives && !pending.late {
            let waiting = root.take_links(pending.about, pending.order.time);
            links.extend(waiting.into_iter().map(|(kind, to)| SpanLink::new(kind, to)));
        }
        if pending.rule.links_node() {
            let node =
                self.objects[path[0]].lived().and_then(|lived| lived.node).or(pending.node_key());
            let trouble = node.and_then(|node| self.troubles.of(node, pending.order.time));
            links.extend(trouble.map(|trouble| SpanLink::new(LinkKind::Node, trouble)));
        }
        let object = &self.objects[path[0]];
        if let Some(to) = object.traceparent()
            && let Some(trace) = trace.map(|trace| root.trace_mut(trace))
            && trace.subject.object != pending.about
            && trace.linked.insert(pending.about)
        {
            links.push(SpanLink::new(LinkKind::Traceparent, to));
        }
        links.sort_by_key(|link| link.kind);
    }

    /// A change below the top object belongs to a change of that.
    fn owner_link(&self, path: &[ObjectId], at: Nanos) -> Option<SpanLink> {
        let top = path.last().filter(|_| path.len() > 1)?;
        let top = &self.objects[*top];
        let key = Key::generation(&top.uid(), top.generation_at(at, None));
        Some(SpanLink::new(LinkKind::Owner, (&key).into()))
    }

    /// Who applied the object, or the nearest of its owners that says so.
    fn applied_by_link(&self, path: &[ObjectId], at: Nanos) -> Option<SpanLink> {
        let by = path.iter().find_map(|&id| self.objects[id].applied_by())?;
        let NamedObject { kind, namespace, name } = by;
        let known = self.objects.known_named(scoped_name(EVERYWHERE, kind, namespace, name), at);
        let key = match known {
            Some(id) if self.objects[id].uid() == self.objects[path[0]].uid() => return None,
            Some(id) => {
                let object = &self.objects[id];
                Key::generation(&object.uid(), object.generation_at(at, None))
            }
            None => Key::generation(&self.objects.standin(kind, namespace, name), 0),
        };
        let to = (&key).into();
        Some(SpanLink { kind: LinkKind::AppliedBy, to, object: Some(by.clone()) })
    }
}
