//! Opening traces, and the spans that stand for no occurrence: roots, creations that nobody named,
//! scalings by an autoscaler, episodes.

use crate::attach::leave;
use crate::encode::{Evidence, Position, SpanEncoder, Synthetic};
use crate::ids::Key;
use crate::limits::{ROOT_REACH, SECOND_END};
use crate::objects::{Change, Opening, end_of};
use crate::owners::ObjectId;
use crate::parent::Parent;
use crate::pending::Pending;
use crate::place::World;
use crate::root::{Place, Root};
use crate::rules::Direction;
use crate::time::Nanos;
use crate::trace::{Span, Subject, Trace, TraceId};

impl World {
    /// Opens the trace of a change or a deletion, or an episode of it.
    pub fn open(
        &mut self,
        root: &mut Root,
        subject: Subject,
        path: &[ObjectId],
        pending: &Pending,
    ) -> Place {
        let at = pending.order.time;
        let has_metadata = self.objects.has_metadata(path[0]);
        let object = &mut self.objects[path[0]];
        let opening = object.open(subject.generation, at);
        if opening == Opening::Episode {
            return self.open_episode(root, subject, path, pending);
        }
        let uid = object.uid.clone();
        let change =
            subject.generation.and_then(|generation| object.change_to(generation)).cloned();
        let key = match subject.generation {
            None => Key::deletion(&uid),
            Some(generation) if opening == Opening::Plain => Key::generation(&uid, generation),
            Some(generation) => Key::opened(&uid, generation, &pending.event_uid, pending.count),
        };
        let operation = match (subject.generation, &change) {
            (None, _) => "Delete",
            (_, Some(change)) => &*change.operation,
            (_, None) if has_metadata => "Update",
            (_, None) => "unknown",
        };
        let start = start_of_change(change.as_ref().and_then(|change| change.at), at);
        let change = change.as_ref();
        let newest = object.newest_change().map_or(0, |change| change.generation);
        let generation = subject.generation.unwrap_or(newest);
        let synthetic = Synthetic { operation, generation, change };
        let service = change.map_or("", |change| &change.manager);
        let place = self.add_trace(root, subject, &key, &synthetic, path, start, at, service);
        root.trace_mut(place.trace).plain = true;
        place
    }

    /// Opens an episode: what happens after the trace of the change has closed.
    fn open_episode(
        &mut self,
        root: &mut Root,
        subject: Subject,
        path: &[ObjectId],
        pending: &Pending,
    ) -> Place {
        let at = pending.order.time;
        let object = &self.objects[path[0]];
        let newest = object.newest_change().map_or(0, |change| change.generation);
        let generation = subject.generation.unwrap_or(newest);
        let key = Key::opened(&object.uid, generation, &pending.event_uid, pending.count);
        let change =
            subject.generation.and_then(|generation| object.change_to(generation)).cloned();
        let change = change.as_ref();
        let synthetic = Synthetic { operation: "Activity", generation, change };
        let service = change.map_or(String::new(), |change| change.manager.to_string());
        self.add_trace(root, subject, &key, &synthetic, path, at, at, &service)
    }

    #[expect(clippy::too_many_arguments, reason = "one place where all of a root comes together")]
    fn add_trace(
        &mut self,
        root: &mut Root,
        subject: Subject,
        key: &Key,
        synthetic: &Synthetic<'_>,
        path: &[ObjectId],
        start: Nanos,
        first: Nanos,
        service: &str,
    ) -> Place {
        let at = Position { trace: key.trace_id(), span: key.span_id(), parent: None };
        let span = Span {
            id: at.span,
            parent: None,
            start,
            end: first,
            elastic: true,
            occurrence: false,
            incomplete: false,
            resource: self.spans.resource(service, ""),
            body: Some(SpanEncoder::synthetic(synthetic, at, &self.objects, path)),
        };
        let trace = root.add_trace(Trace::new(at.trace, subject, first, span));
        Place { trace, span: 0 }
    }

    /// The occurrence is a root itself: no synthetic one stands beside it.
    pub fn open_own(&mut self, root: &mut Root, pending: &Pending, path: &[ObjectId]) {
        let at = pending.order.time;
        let (from, change) = self.which_change(pending, path);
        let generation = change.map_or(0, |change| change.generation);
        let object = &mut self.objects[path[from]];
        let opening = object.open(Some(generation), at);
        let plain = pending.top_level && opening == Opening::Plain;
        let key = if plain {
            Key::generation(&object.uid, generation)
        } else {
            Key::opened(&object.uid, generation, &pending.event_uid, pending.count)
        };
        let subject =
            Subject { object: self.objects.key(path[from]), generation: Some(generation) };
        let position = Position { trace: key.trace_id(), span: pending.span_id(), parent: None };
        let body = SpanEncoder::occurrence(pending, position, &self.objects, path, false);
        let span = Span {
            id: position.span,
            parent: None,
            start: at,
            end: at,
            elastic: true,
            occurrence: true,
            incomplete: false,
            resource: pending.resource.clone(),
            body: Some(body),
        };
        let mut trace = Trace::new(position.trace, subject, at, span);
        trace.plain = plain;
        if !pending.late {
            self.end_links(root, pending, at);
        }
        let place = Place { trace: root.add_trace(trace), span: 0 };
        self.settle_namings(root, pending, place);
        self.open_link(root, pending, place);
    }

    /// An object whose creation nobody named: its life hangs under a span of its own.
    pub fn under_creation(
        &mut self,
        root: &mut Root,
        pending: &Pending,
        path: &[ObjectId],
        place: Place,
        evidence: Evidence,
    ) -> Parent {
        let existing = root.trace(place.trace).created.get(&pending.about).copied();
        if let Some(span) = existing {
            let place = Place { trace: place.trace, span };
            return Parent { place, evidence: Evidence::Owner, later: None };
        }
        let (place, evidence) = self.within_limits(root, pending, place, evidence);
        let Some(created) = self.unnamed_creation(root, pending, path, place.trace) else {
            return Parent { place, evidence, later: None };
        };
        let at = pending.order.time;
        let object = &self.objects[path[0]];
        let id = Key::create(&object.uid).span_id();
        let generation = object.generation_at(at, None);
        let start = start_of_change(Some(created), at);
        let synthetic = Synthetic { operation: "Create", generation, change: None };
        let span = self.synthetic_span(root, place, id, evidence, &synthetic, path, start, "");
        let span = root.add_span(place.trace, span);
        root.trace_mut(place.trace).created.insert(pending.about, span);
        let place = Place { trace: place.trace, span };
        Parent { place, evidence: Evidence::Owner, later: None }
    }

    /// When the object was created, if that was in this trace and nobody named it.
    fn unnamed_creation(
        &self,
        root: &Root,
        pending: &Pending,
        path: &[ObjectId],
        trace: TraceId,
    ) -> Option<Nanos> {
        let trace = root.trace(trace);
        // What is late makes nothing new in a trace: the trace may be closed.
        if pending.late || path.len() < 2 || trace.subject.object == pending.about {
            return None;
        }
        let change = trace.subject.generation.filter(|_| trace.plain).and_then(|generation| {
            let object = self.objects.find(trace.subject.object)?;
            self.objects[object].change_to(generation)?.at
        });
        let since = change.unwrap_or(trace.first - trace.first.rem_euclid(SECOND_END + 1));
        let created = self.objects[path[0]].created.filter(|&created| created >= since)?;
        let named = root.namings(pending.about_name).iter().any(|naming| {
            naming.direction == Direction::Up
                && naming.place.is_some()
                && self.names_object(naming, pending.about)
        });
        (!named).then_some(created)
    }

    /// A change by an autoscaler while the trace before it lives is a part of that trace.
    pub fn scale_span(
        &mut self,
        root: &mut Root,
        trace: TraceId,
        change: &Change,
        path: &[ObjectId],
        pending: &Pending,
    ) -> Place {
        let place = Place { trace, span: 0 };
        let id = Key::scale(&self.objects[path[0]].uid, change.generation).span_id();
        let start = start_of_change(change.at, pending.order.time);
        let synthetic =
            Synthetic { operation: "Scale", generation: change.generation, change: Some(change) };
        let manager = &*change.manager;
        let span =
            self.synthetic_span(root, place, id, Evidence::Root, &synthetic, path, start, manager);
        let span = root.add_span(trace, span);
        root.trace_mut(trace).scaled.push((change.generation, span));
        self.objects[path[0]].open(Some(change.generation), pending.order.time);
        Place { trace, span }
    }

    #[expect(clippy::too_many_arguments, reason = "one place where all of a span comes together")]
    fn synthetic_span(
        &mut self,
        root: &Root,
        parent: Place,
        id: [u8; 8],
        evidence: Evidence,
        synthetic: &Synthetic<'_>,
        path: &[ObjectId],
        start: Nanos,
        service: &str,
    ) -> Span {
        let trace = root.trace(parent.trace);
        let above = trace.span(parent.span).id;
        let start = trace.child_start(parent.span, start);
        let at = Position { trace: trace.id, span: id, parent: Some((above, evidence)) };
        let body = SpanEncoder::synthetic(synthetic, at, &self.objects, path);
        Span {
            id,
            parent: Some(parent.span),
            start,
            end: start,
            elastic: true,
            occurrence: false,
            incomplete: false,
            resource: self.spans.resource(service, ""),
            body: Some(body),
        }
    }

    /// A trace that is too old or too large goes on in an episode.
    pub fn within_limits(
        &mut self,
        root: &mut Root,
        pending: &Pending,
        place: Place,
        evidence: Evidence,
    ) -> (Place, Evidence) {
        let at = pending.order.time;
        let trace = root.trace(place.trace);
        if pending.late || !trace.is_full(at, place.span == 0) {
            return (place, evidence);
        }
        let (subject, over) = (trace.subject, trace.is_over(at));
        let next = root.home(subject, |id, trace| {
            id > place.trace && trace.closed.is_none() && !trace.is_full(at, true)
        });
        if over {
            let (out, counts) = (&mut self.out, &mut self.counts);
            root.cut(place.trace, at, &mut |span| leave(out, counts, &span));
        }
        let next = next.unwrap_or_else(|| {
            let mut path = Vec::new();
            if let Some(object) = self.objects.find(subject.object) {
                self.objects.path(root.scope, object, &mut path);
            }
            self.open_episode(root, subject, &path, pending)
        });
        (next, Evidence::Root)
    }
}

/// A root stands at its change when something followed soon, and never after what followed.
fn start_of_change(changed: Option<Nanos>, first_child: Nanos) -> Nanos {
    match changed.map(end_of) {
        Some(end) if first_child <= end.saturating_add(ROOT_REACH) => end.min(first_child),
        _ => first_child,
    }
}
