//! Opening traces: those of changes and deletions, the episodes that follow, and those whose root is
//! an occurrence itself.
//!
//! In go a subject and the occurrence that opens its trace, out comes the root. A trace that is too
//! old or too large is left here, too.

use crate::attach::{begin_of, leave, open_phases};
use crate::change::Change;
use crate::encode::{Evidence, Position, SpanEncoder, Synthetic};
use crate::ids::Key;
use crate::limits::ROOT_REACH;
use crate::links::{LinkKind, SpanContext, SpanLink};
use crate::objects::{Opening, end_of};
use crate::owners::ObjectId;
use crate::pending::Pending;
use crate::place::World;
use crate::root::{Place, Root};
use crate::time::Nanos;
use crate::trace::{Span, Subject, Trace};

/// What a trace opens with.
struct Beginning<'a> {
    subject: Subject,
    key: Key,
    synthetic: Synthetic<'a>,
    links: Vec<SpanLink>,
    /// When its root begins.
    start: Nanos,
    /// When its first occurrence was.
    first: Nanos,
    /// Who made the change.
    service: &'a str,
}

impl World {
    /// Opens the trace of a change or a deletion, or an episode of it.
    pub fn open(
        &mut self,
        root: &mut Root,
        subject: Subject,
        path: &[ObjectId],
        pending: &Pending,
    ) -> Place {
        let opening = self.objects[path[0]].opening(subject.generation, pending.order.time);
        self.open_as(root, subject, path, pending, opening)
    }

    fn open_as(
        &mut self,
        root: &mut Root,
        subject: Subject,
        path: &[ObjectId],
        pending: &Pending,
        opening: Opening,
    ) -> Place {
        let first = pending.order.time;
        let begin = begin_of(root, pending);
        let episode = opening == Opening::Episode;
        let object = &self.objects[path[0]];
        let uid = object.uid().into_owned();
        let change =
            subject.generation.and_then(|generation| object.change_to(generation)).cloned();
        let change = change.as_ref();
        let newest = object.newest_change().map_or(0, |change| change.generation);
        let generation = subject.generation.unwrap_or(newest);
        let key = match (opening, subject.generation) {
            (Opening::Plain, Some(generation)) => Key::generation(&uid, generation),
            (Opening::Plain, None) => Key::deletion(&uid),
            _ => Key::opened(&uid, generation, &pending.event_uid, pending.count),
        };
        let operation = match (subject.generation, change) {
            _ if episode => "Activity",
            (None, _) => "Delete",
            (_, Some(change)) => change.operation(),
            (_, None) if self.objects.has_metadata(path[0]) => "Update",
            (_, None) => "unknown",
        };
        let changed = change.and_then(Change::at).filter(|_| !episode);
        let beginning = Beginning {
            subject,
            key,
            synthetic: Synthetic { operation, generation, change },
            links: self.root_links(root, subject, opening, path, first),
            start: start_of_change(changed, begin),
            first,
            service: change.map_or("", Change::manager),
        };
        let place = self.add_trace(root, beginning, path);
        let trace = root.trace_mut(place.trace);
        trace.plain = !episode;
        if pending.late {
            trace.opened_late = self.watermark;
        }
        place
    }

    fn add_trace(&mut self, root: &mut Root, beginning: Beginning<'_>, path: &[ObjectId]) -> Place {
        let Beginning { subject, key, synthetic, links, start, first, service } = beginning;
        let context = SpanContext::from(&key);
        let at = Position { trace: context.trace, span: context.span, parent: None };
        let span = Span {
            id: at.span,
            parent: None,
            start,
            end: first,
            elastic: true,
            occurrence: false,
            incomplete: false,
            resource: self.spans.resource(service, ""),
            body: Some(SpanEncoder::synthetic(&synthetic, at, &self.objects, path, &links)),
            phases: 0,
            may_cause: true,
        };
        self.objects[path[0]].opened(subject.generation, context);
        let trace = root.add_trace(Trace::new(at.trace, subject, first, span));
        Place { trace, span: 0 }
    }

    /// The occurrence is a root itself: no synthetic one stands beside it.
    pub fn open_own(&mut self, root: &mut Root, pending: &Pending, path: &[ObjectId]) {
        let at = pending.order.time;
        let start = begin_of(root, pending);
        let (from, change) = self.which_change(pending, path);
        let generation = change.map_or(0, |change| change.generation);
        let path_of_change = &path[from..];
        let object = &self.objects[path_of_change[0]];
        let opening = object.opening(Some(generation), at);
        let plain = pending.top_level && opening == Opening::Plain;
        let key = if plain {
            Key::generation(&object.uid(), generation)
        } else {
            Key::opened(&object.uid(), generation, &pending.event_uid, pending.count)
        };
        let subject =
            Subject { object: self.objects.key(path_of_change[0]), generation: Some(generation) };
        let as_if = if plain { opening } else { Opening::Episode };
        let mut links = self.root_links(root, subject, as_if, path_of_change, at);
        self.occurrence_links(root, pending, path, None, &mut links);
        // What stands below the change and has a context of its own.
        let own = self.objects[path[0]].traceparent().filter(|_| from > 0);
        links.extend(own.map(|own| SpanLink::new(LinkKind::Traceparent, own)));
        let context = SpanContext { trace: key.trace_id(), span: pending.span_id() };
        let position = Position { trace: context.trace, span: context.span, parent: None };
        let body = SpanEncoder::occurrence(pending, position, &self.objects, path, false, &links);
        let span = Span {
            id: position.span,
            parent: None,
            start,
            end: at,
            elastic: true,
            occurrence: true,
            incomplete: false,
            resource: pending.resource.clone(),
            body: Some(body),
            phases: 0,
            may_cause: true,
        };
        let mut trace = Trace::new(position.trace, subject, at, span);
        trace.plain = plain;
        if own.is_some() {
            trace.linked.insert(pending.about);
        }
        if pending.late {
            trace.opened_late = self.watermark;
        } else {
            self.end_phases(root, pending, start);
        }
        self.objects[path_of_change[0]].opened(Some(generation), context);
        let place = Place { trace: root.add_trace(trace), span: 0 };
        self.settle_namings(root, pending, place);
        let phases = self.phases_begun(root, pending, start);
        open_phases(root, pending, place, start, &phases);
    }

    /// A trace that is too old or too large goes on in an episode. Also the span that is left for
    /// it, when the trace takes nothing more at all.
    pub fn within_limits(
        &mut self,
        root: &mut Root,
        pending: &Pending,
        place: Place,
        evidence: Evidence,
    ) -> (Place, Evidence, Option<SpanContext>) {
        let at = pending.order.time;
        let trace = root.trace(place.trace);
        if pending.late || !trace.is_full(at, place.span == 0) {
            return (place, evidence, None);
        }
        let (subject, over) = (trace.subject, trace.is_over(at));
        let left = over.then(|| root.context(place));
        root.trace_mut(place.trace).left = true;
        let next = root.home(subject, |id, trace| {
            id > place.trace && trace.closed.is_none() && !trace.is_full(at, true)
        });
        if over {
            // What it ends is not cut off.
            self.end_phases(root, pending, at);
            let (out, counts) = (&mut self.out, &mut self.counts);
            root.cut(place.trace, at, &mut |span| leave(out, counts, &span));
        }
        let next = next.unwrap_or_else(|| {
            let mut path = Vec::new();
            if let Some(object) = self.objects.find(subject.object) {
                self.objects.path(root.scope, object, &mut path);
            }
            self.open_as(root, subject, &path, pending, Opening::Episode)
        });
        (next, Evidence::Root, left)
    }
}

/// A root stands at its change when something followed soon, and never after what followed.
pub fn start_of_change(changed: Option<Nanos>, first_child: Nanos) -> Nanos {
    match changed.map(end_of) {
        Some(end) if first_child <= end.saturating_add(ROOT_REACH) => end.min(first_child),
        _ => first_child,
    }
}
