//! Making an occurrence's span: its start and end, the phases that it ends and begins, whether it
//! stays or leaves at once.

use crate::counts::CorrelatorCounts;
use crate::encode::{Position, SpanEncoder};
use crate::links::SpanLink;
use crate::objects::ObjectDetail;
use crate::outlets::Outlets;
use crate::owners::ObjectId;
use crate::parent::{Parent, object_named};
use crate::pending::Pending;
use crate::phases::{OpenPhase, PhaseOwner};
use crate::place::World;
use crate::root::{Place, Root};
use crate::rules::Phase;
use crate::time::Nanos;
use crate::trace::{Finished, Span};

impl World {
    /// Makes the occurrence's span under its parent.
    pub fn attach(
        &mut self,
        root: &mut Root,
        pending: &Pending,
        path: &[ObjectId],
        parent: &Parent,
    ) {
        let (place, evidence, left) =
            self.within_limits(root, pending, parent.place, parent.evidence);
        let at = pending.order.time;
        let mut start = begin_of(root, pending);
        let mut raw = false;
        if let Some((cause, slack)) = parent.later.filter(|_| place == parent.place) {
            if cause - at > slack {
                start = root.trace(place.trace).span_start(place.span);
                raw = true;
            } else if !pending.late {
                root.trace_mut(place.trace).cover_start(place.span, at, true);
            }
        }
        start = root.trace(place.trace).child_start(place.span, start);
        let id = pending.span_id();
        let trace = root.trace(place.trace);
        let above = trace.span_id(place.span);
        let position = Position { trace: trace.id, span: id, parent: Some((above, evidence)) };
        let mut links: Vec<SpanLink> =
            left.or(parent.left).map(SpanLink::parent).into_iter().collect();
        self.occurrence_links(root, pending, path, Some(place.trace), &mut links);
        let body = SpanEncoder::occurrence(pending, position, &self.objects, path, raw, &links);
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
            phases: 0,
            may_cause: !pending.names.is_empty(),
        };
        self.keep_or_leave(root, pending, place, span);
    }

    fn keep_or_leave(&mut self, root: &mut Root, pending: &Pending, parent: Place, span: Span) {
        let at = pending.order.time;
        if pending.late {
            self.keep_late(root, pending, parent, span);
            return;
        }
        self.end_phases(root, pending, span.start);
        if pending.rule.termination && !pending.rule.names.is_empty() {
            root.announce_end(pending.about, pending.order, parent);
        }
        let trace = root.trace_mut(parent.trace);
        trace.first = trace.first.min(at);
        trace.last = trace.last.max(at);
        let phases = self.phases_begun(root, pending, span.start);
        let stays = !phases.is_empty() && !pending.rule.on_root;
        if pending.names.is_empty() && !stays {
            root.add_leaf(parent, &span);
            open_phases(root, pending, parent, span.start, &phases);
            leave_span(&mut self.out, &mut self.counts, span);
            return;
        }
        let start = span.start;
        let index = root.add_span(parent.trace, span);
        let place = Place { trace: parent.trace, span: index };
        self.settle_namings(root, pending, place);
        open_phases(root, pending, place, start, &phases);
    }

    /// A late span leaves at once and stretches nothing; others may still hang under it.
    fn keep_late(&mut self, root: &mut Root, pending: &Pending, parent: Place, span: Span) {
        let trace = root.trace_mut(parent.trace);
        trace.count += 1;
        if span.may_cause {
            let kept = Span { body: None, resource: span.resource.clone(), ..span };
            let index = trace.add(kept);
            self.settle_namings(root, pending, Place { trace: parent.trace, span: index });
        }
        leave_span(&mut self.out, &mut self.counts, span);
    }

    /// The occurrence has a span: what it names can be found.
    pub fn settle_namings(&self, root: &mut Root, pending: &Pending, place: Place) {
        let at = pending.second.unwrap_or(pending.order.time);
        root.namings.settle(pending, place, |naming| {
            let known = naming.named.object;
            known.or_else(|| object_named(&self.objects, naming.named.name, naming.direction, at))
        });
    }

    /// The occurrence ends phases of its object, at `end`: those of its container and those of the
    /// object as a whole.
    pub fn end_phases(&mut self, root: &mut Root, pending: &Pending, end: Nanos) {
        let Pending { about, about_name, container, rule, .. } = pending;
        if rule.ends.is_empty() {
            return;
        }
        if let Some(id) = self.objects.find(*about) {
            self.objects[id].live().last_ender.see(pending.order.resource_version, rule);
        }
        let (out, counts) = (&mut self.out, &mut self.counts);
        for owner in [*about, PhaseOwner::from(*about_name)] {
            root.end_phases(owner, *container, rule.ends, end, &mut |span| {
                leave(out, counts, &span);
            });
        }
    }

    /// Whether the occurrence is the root of a trace of its own. What a row opens goes on while the
    /// phase that it began is open: a node that is told twice to be in trouble is so once.
    pub fn opens_trace(&self, root: &mut Root, pending: &Pending) -> bool {
        let mut goes_on = || {
            let phase = pending.rule.begins.filter(|_| !pending.late)?;
            let mut owners = self.phase_owners(pending, phase).into_iter();
            owners.find(|&(owner, name)| {
                root.open_phase_of(owner, name, pending.phase_container(), phase).is_some()
            })
        };
        pending.top_level || (pending.rule.opens_trace && goes_on().is_none())
    }

    /// Whose phases the occurrence begins, and when those are known to be gone. Where the phase is
    /// open already, it goes on.
    pub fn phases_begun(
        &self,
        root: &mut Root,
        pending: &Pending,
        start: Nanos,
    ) -> Vec<(PhaseOwner, Option<Nanos>)> {
        let Some(phase) = pending.rule.begins.filter(|_| !pending.late) else {
            return Vec::new();
        };
        let container = pending.phase_container();
        let deadline = pending.order.time.saturating_add(pending.rule.timeout);
        let mut begun = Vec::new();
        for (owner, name) in self.phase_owners(pending, phase) {
            let of = if pending.rule.of_named { owner } else { pending.about };
            let object = self.objects.find(of).map(|id| &self.objects[id]);
            let gone = object.and_then(ObjectDetail::deleted_at);
            // Deleted, nobody knows when: it says nothing of what other Events end.
            let gone = gone.filter(|&gone| gone > Nanos::MIN || phase == Phase::TERMINATION);
            let version = pending.order.resource_version;
            if object
                .and_then(ObjectDetail::lived)
                .is_some_and(|lived| lived.last_ender.has_ended(phase, version))
            {
                continue;
            }
            let open = root.open_phase_of(owner, name, container, phase);
            let is_open = open.map(|open| open.deadline = open.deadline.max(deadline)).is_some();
            if !is_open && gone.is_none_or(|gone| gone > start) {
                begun.push((owner, gone));
            }
        }
        begun
    }

    /// Whose the phases of the involved object are: its own, or, while Events do not tell its uid,
    /// those of its name.
    fn phase_owner(&self, pending: &Pending) -> PhaseOwner {
        let about = self.objects.find(pending.about);
        let known = about.is_some_and(|id| self.objects[id].uid_known);
        if known { pending.about } else { PhaseOwner::from(pending.about_name) }
    }

    /// The objects whose phase it is, and the keys of their names.
    fn phase_owners(&self, pending: &Pending, phase: Phase) -> Vec<(PhaseOwner, u64)> {
        if !pending.rule.of_named {
            return vec![(self.phase_owner(pending), pending.about_name)];
        }
        let at = pending.second.unwrap_or(pending.order.time);
        let named = pending.names.iter().filter(|named| !named.related);
        let owner = |named: &crate::pending::Named| {
            let direction = pending.rule.direction;
            let object = named
                .object
                .or_else(|| object_named(&self.objects, named.name, direction, at))
                .filter(|&key| {
                    self.objects.find(key).is_some_and(|id| self.objects.has_metadata(id))
                });
            // Only its DELETED frame ends a termination, and that comes with metadata only.
            let by_name = (phase != Phase::TERMINATION).then(|| PhaseOwner::from(named.name));
            Some((object.or(by_name)?, named.name))
        };
        named.filter_map(owner).collect()
    }
}

/// Keeps the occurrence's span open until its phases end.
pub fn open_phases(
    root: &mut Root,
    pending: &Pending,
    place: Place,
    start: Nanos,
    phases: &[(PhaseOwner, Option<Nanos>)],
) {
    let Some(phase) = pending.rule.begins else { return };
    let place = if pending.rule.on_root { Place { span: 0, ..place } } else { place };
    for &(owner, gone) in phases {
        let open = OpenPhase {
            rule: pending.rule,
            phase,
            container: pending.phase_container(),
            place,
            start,
            deadline: pending.order.time.saturating_add(pending.rule.timeout),
            gone,
        };
        root.open_phase(owner, open);
    }
}

/// When the occurrence's span begins by itself: earlier than its time when its message states how
/// long it took and nothing marked the begin.
pub fn begin_of(root: &mut Root, pending: &Pending) -> Nanos {
    let stated = pending
        .stated
        .filter(|_| !root.is_pulling(pending.about, pending.about_name, pending.container));
    pending.order.time - stated.unwrap_or(0)
}

/// A span leaves, and is accounted for.
pub fn leave(out: &mut Outlets, counts: &mut CorrelatorCounts, span: &Finished) {
    if span.occurrence {
        counts.exported += 1;
        counts.held -= 1;
    } else {
        counts.synthetic += 1;
    }
    out.push(span);
}

fn leave_span(out: &mut Outlets, counts: &mut CorrelatorCounts, span: Span) {
    let Some(body) = span.body else { return };
    let Span { resource, start, end, occurrence, .. } = span;
    leave(out, counts, &Finished { resource, body, start, end, incomplete: false, occurrence });
}
