//! Making an occurrence's span: its start and end, its place in the chain, whether it stays or
//! leaves at once.

use crate::counts::CorrelatorCounts;
use crate::encode::{Position, SpanEncoder};
use crate::otlp::Encoder;
use crate::owners::ObjectId;
use crate::parent::{Parent, object_named};
use crate::pending::Pending;
use crate::place::World;
use crate::root::{Place, Root};
use crate::rules::Chain;
use crate::time::Nanos;
use crate::trace::{Finished, Link, Span};

impl World {
    /// Makes the occurrence's span under its parent.
    pub fn attach(
        &mut self,
        root: &mut Root,
        pending: &Pending,
        path: &[ObjectId],
        parent: &Parent,
    ) {
        let (place, evidence) = self.within_limits(root, pending, parent.place, parent.evidence);
        let at = pending.order.time;
        let mut start = at;
        let mut raw = false;
        if let Some((cause, slack)) = parent.later.filter(|_| place == parent.place) {
            if cause - at > slack {
                start = root.trace(place.trace).span(place.span).start;
                raw = true;
            } else if !pending.late {
                root.trace_mut(place.trace).cover_start(place.span, at, true);
            }
        }
        start -= stated_before(root, pending);
        start = root.trace(place.trace).child_start(place.span, start);
        let id = pending.span_id();
        let trace = root.trace(place.trace);
        let above = trace.span(place.span).id;
        let position = Position { trace: trace.id, span: id, parent: Some((above, evidence)) };
        let body = SpanEncoder::occurrence(pending, position, &self.objects, path, raw);
        let span = Span {
            id,
            parent: Some(place.span),
            start,
            end: start.max(at),
            elastic: false,
            occurrence: true,
            incomplete: false,
            resource: pending.resource.clone(),
            body: Some(body),
        };
        self.keep_or_leave(root, pending, place, span);
    }

    fn keep_or_leave(&mut self, root: &mut Root, pending: &Pending, parent: Place, span: Span) {
        let at = pending.order.time;
        if pending.late {
            self.keep_late(root, pending, parent, span);
            return;
        }
        self.end_links(root, pending, span.start);
        let trace = root.trace_mut(parent.trace);
        trace.last = trace.last.max(at);
        if pending.names.is_empty() && !pending.is_link() {
            root.add_leaf(parent, &span);
            leave_span(&mut self.out, &mut self.counts, span);
            return;
        }
        let index = root.add_span(parent.trace, span);
        let place = Place { trace: parent.trace, span: index };
        self.settle_namings(root, pending, place);
        self.open_link(root, pending, place);
    }

    /// A late span leaves at once and stretches nothing; others may still hang under it.
    fn keep_late(&mut self, root: &mut Root, pending: &Pending, parent: Place, span: Span) {
        let trace = root.trace_mut(parent.trace);
        // The root of a trace that it opened itself is there for it.
        if trace.count == 1 {
            trace.cover_start(parent.span, span.start, false);
            trace.cover_end(parent.span, span.end);
        }
        trace.count += 1;
        let kept = Span { body: None, resource: span.resource.clone(), ..span };
        let index = trace.add(kept);
        self.settle_namings(root, pending, Place { trace: parent.trace, span: index });
        leave_span(&mut self.out, &mut self.counts, span);
    }

    /// The occurrence has a span: what it names can be found.
    pub fn settle_namings(&self, root: &mut Root, pending: &Pending, place: Place) {
        let at = pending.second.unwrap_or(pending.order.time);
        root.settle_namings(pending, place, |naming| {
            let known = naming.named.object;
            known.or_else(|| object_named(&self.objects, naming.named.name, naming.direction, at))
        });
    }

    /// The span of a link lasts until the next one.
    pub fn open_link(&self, root: &mut Root, pending: &Pending, place: Place) {
        if pending.is_link() {
            let deadline = pending.order.time.saturating_add(pending.rule.timeout);
            let link = Link { trace: place.trace, span: place.span, deadline };
            root.open_link(pending.about, pending.container, link);
        }
    }

    /// The start-up chain: a link ends when the next one begins.
    pub fn end_links(&mut self, root: &mut Root, pending: &Pending, end: Nanos) {
        if pending.rule.chain == Chain::None {
            return;
        }
        let containers = [Some(0), (pending.container != 0).then_some(pending.container)];
        for container in containers.into_iter().flatten() {
            if let Some(span) = root.close_link(pending.about, container, end) {
                leave(&mut self.out, &mut self.counts, &span);
            }
        }
    }
}

/// How much earlier a span begins because its message states its duration and nothing marked its
/// begin.
fn stated_before(root: &Root, pending: &Pending) -> Nanos {
    let marked = root.has_link(pending.about, pending.container);
    pending.stated.filter(|_| !marked).unwrap_or(0)
}

/// A span leaves, and is accounted for.
pub fn leave(out: &mut Encoder, counts: &mut CorrelatorCounts, span: &Finished) {
    if span.occurrence {
        counts.exported += 1;
        counts.held -= 1;
    } else {
        counts.synthetic += 1;
    }
    out.push(&span.resource, &span.body, span.start, span.end, span.incomplete);
}

fn leave_span(out: &mut Encoder, counts: &mut CorrelatorCounts, span: Span) {
    let Some(body) = span.body else { return };
    let Span { resource, start, end, occurrence, .. } = span;
    leave(out, counts, &Finished { resource, body, start, end, incomplete: false, occurrence });
}
