//! Spans inside a trace that stand for no occurrence: creations that nobody named, and changes that
//! an autoscaler made while the trace lived.
//!
//! In go an occurrence and where it would hang, out comes the span that it hangs under instead.

use crate::attach::begin_of;
use crate::change::Change;
use crate::encode::{Evidence, Position, SpanEncoder, Synthetic};
use crate::ids::Key;
use crate::limits::SECOND_END;
use crate::links::SpanContext;
use crate::open::start_of_change;
use crate::owners::{Detail, ObjectId};
use crate::parent::Parent;
use crate::pending::Pending;
use crate::place::World;
use crate::root::{Place, Root};
use crate::rules::Direction;
use crate::time::Nanos;
use crate::trace::{Span, TraceId};

impl World {
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
            return Parent::new(place, Evidence::Owner);
        }
        let (place, evidence, left) = self.within_limits(root, pending, place, evidence);
        let Some(created) = self.unnamed_creation(root, pending, path, place.trace) else {
            return Parent { left, ..Parent::new(place, evidence) };
        };
        let at = pending.order.time;
        let object = &self.objects[path[0]];
        let id = Key::create(&object.uid()).span_id();
        let generation = object.generation_at(at, None);
        let start = start_of_change(Some(created), begin_of(root, pending));
        let synthetic = Synthetic { operation: "Create", generation, change: None };
        let span = self.synthetic_span(root, place, id, evidence, &synthetic, path, start, "");
        let span = root.add_span(place.trace, span);
        root.trace_mut(place.trace).created.insert(pending.about, span);
        let place = Place { trace: place.trace, span };
        Parent { left, ..Parent::new(place, Evidence::Owner) }
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
            self.objects[object].change_to(generation)?.at()
        });
        let since = change.unwrap_or(trace.first - trace.first.rem_euclid(SECOND_END + 1));
        let created = self.objects[path[0]].created().filter(|&created| created >= since)?;
        let named = root.namings.of(pending.about_name).any(|naming| {
            naming.direction == Direction::Up
                && naming.place.is_some()
                && self.names_object(root.scope, naming, pending.about)
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
        let id = Key::scale(&self.objects[path[0]].uid(), change.generation).span_id();
        let start = start_of_change(change.at(), begin_of(root, pending));
        let synthetic =
            Synthetic { operation: "Scale", generation: change.generation, change: Some(change) };
        let manager = change.manager();
        let span =
            self.synthetic_span(root, place, id, Evidence::Root, &synthetic, path, start, manager);
        let span = root.add_span(trace, span);
        root.trace_mut(trace).scaled.push((change.generation, span));
        let context = SpanContext { trace: root.trace(trace).id, span: id };
        self.objects[path[0]].opened(Some(change.generation), context);
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
        let above = trace.span_id(parent.span);
        let start = trace.child_start(parent.span, start);
        let at = Position { trace: trace.id, span: id, parent: Some((above, evidence)) };
        let body = SpanEncoder::synthetic(synthetic, at, &self.objects, path, &[]);
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
            phases: 0,
            may_cause: true,
        }
    }
}
