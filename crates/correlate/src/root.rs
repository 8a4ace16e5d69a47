//! All that a Correlator keeps of one root: its queue, its traces, who named whom, open phases.
//!
//! Roots share nothing, so what happens in one depends on its own occurrences and on the watermark
//! alone. Timers fire in event time: `fire_timers` is told how far this root has come. Most roots
//! only wait to be forgotten, so one in which nothing happens takes no more room than it must.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::limits::{CAUSES_AHEAD_MAX, CLOSED_KEPT, LINK_WAIT, WAITING_LINKS_MAX};
use crate::links::{LinkKind, SpanContext};
use crate::namings::Namings;
use crate::owners::Scope;
use crate::pending::Order;
use crate::phases::{Ending, OpenPhase, PhaseOwner, Phases};
use crate::reorder::Queue;
use crate::rules::Phase;
use crate::time::Nanos;
use crate::trace::{Finished, Span, SpanIndex, Subject, Trace, TraceId};

/// Where a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The trace.
    pub trace: TraceId,
    /// The span in it.
    pub span: SpanIndex,
}

/// One root's state.
#[derive(Serialize, Deserialize)]
pub struct Root {
    /// Key of the root object: the scope of what is known of its objects.
    pub scope: Scope,
    /// Occurrences that are not placed yet.
    pub queue: Queue,
    /// When the root wants to be looked at: once the watermark has passed this.
    pub due: Nanos,
    idle: Nanos,
    /// No timer is due before this.
    timer: Nanos,
    /// In order of their numbers.
    traces: Vec<Trace>,
    /// Who named whom.
    pub namings: Namings,
    phases: Phases,
    /// By the key of an object: occurrences about it that announced the end of others, in their
    /// order, and the span that each hangs under.
    #[serde(with = "crate::stored::sorted")]
    ends_announced: FxHashMap<u128, Vec<(Order, Place)>>,
    /// Links that wait for an occurrence to stand on, by the key of its object.
    #[serde(with = "crate::stored::sorted")]
    links: FxHashMap<u128, Vec<WaitingLink>>,
}

/// A link to another root's trace, told there.
#[derive(Serialize, Deserialize)]
struct WaitingLink {
    at: Nanos,
    kind: LinkKind,
    to: SpanContext,
}

impl Root {
    /// A root of which nothing is known; its traces close after `idle`.
    pub fn new(scope: Scope, idle: Nanos) -> Self {
        Self {
            scope,
            queue: Queue::default(),
            due: Nanos::MAX,
            idle,
            timer: Nanos::MAX,
            traces: Vec::new(),
            namings: Namings::default(),
            phases: Phases::default(),
            ends_announced: FxHashMap::default(),
            links: FxHashMap::default(),
        }
    }

    /// A trace that is not forgotten.
    pub fn trace(&self, id: TraceId) -> &Trace {
        &self.traces[self.index(id)]
    }

    /// A trace that is not forgotten.
    pub fn trace_mut(&mut self, id: TraceId) -> &mut Trace {
        let index = self.index(id);
        &mut self.traces[index]
    }

    fn index(&self, id: TraceId) -> usize {
        let found = self.traces.binary_search_by_key(&id, |trace| trace.number);
        found.expect("places do not outlive their traces")
    }

    /// A span of a trace that is not forgotten, as OpenTelemetry names it.
    pub fn context(&self, Place { trace, span }: Place) -> SpanContext {
        let trace = self.trace(trace);
        SpanContext { trace: trace.id, span: trace.span_id(span) }
    }

    /// Keeps a new trace.
    pub fn add_trace(&mut self, mut trace: Trace) -> TraceId {
        let number = self.traces.last().map_or(0, |last| last.number + 1);
        trace.number = number;
        self.wake(trace.closes_at(self.idle));
        self.traces.push(trace);
        number
    }

    /// The newest trace of this subject that `takes` occurrences, and the span in it that stands
    /// for the subject: its root, or the `Scale` span of a generation made by an autoscaler.
    pub fn home(&self, subject: Subject, takes: impl Fn(TraceId, &Trace) -> bool) -> Option<Place> {
        let live = |trace: &Trace| {
            let span = if trace.subject == subject {
                0
            } else {
                let scaled = |generation| trace.scaled.iter().find(|scaled| scaled.0 == generation);
                let same = trace.subject.object == subject.object;
                subject.generation.filter(|_| same).and_then(scaled)?.1
            };
            takes(trace.number, trace).then_some(Place { trace: trace.number, span })
        };
        self.traces.iter().rev().find_map(live)
    }

    /// An occurrence about this object announces the end of others; `place`: what it hangs under.
    pub fn announce_end(&mut self, about: u128, order: Order, place: Place) {
        let announced = self.ends_announced.entry(about).or_default();
        let later = announced.partition_point(|&(known, _)| known < order);
        announced.insert(later, (order, place));
        // No more than these are placed ahead of their turn.
        if announced.len() > CAUSES_AHEAD_MAX + 1 {
            announced.remove(0);
        }
    }

    /// What the last occurrence about this object hangs under that announced the end of others before
    /// this one.
    pub fn announced_end(&self, about: u128, before: Order) -> Option<Place> {
        let announced = self.ends_announced.get(&about)?;
        announced.iter().rev().find(|&&(order, _)| order < before).map(|&(_, place)| place)
    }

    /// Opens a phase of a span.
    pub fn open_phase(&mut self, owner: PhaseOwner, phase: OpenPhase) {
        let Place { trace, span } = phase.place;
        self.trace_mut(trace).open_phase(span);
        let due = self.phases.open(owner, phase);
        self.wake(Some(due));
    }

    /// The open phase of this name of an object's container, kept under its key or its name's.
    pub fn open_phase_of(
        &mut self,
        owner: PhaseOwner,
        name: u64,
        container: u64,
        phase: Phase,
    ) -> Option<&mut OpenPhase> {
        let is_by_key = self.phases.find(owner, container, phase).is_some();
        let owner = if is_by_key { owner } else { PhaseOwner::from(name) };
        self.phases.find(owner, container, phase)
    }

    /// An occurrence ends these phases of a container, and of its object as a whole.
    pub fn end_phases(
        &mut self,
        owner: PhaseOwner,
        container: u64,
        ends: &[Phase],
        at: Nanos,
        leave: &mut impl FnMut(Finished),
    ) {
        for OpenPhase { place, .. } in self.phases.take(owner, container, ends) {
            self.end(&Ending { place, at, cut: false }).map(&mut *leave);
            let closes_at = self.trace(place.trace).closes_at(self.idle);
            self.wake(closes_at);
        }
    }

    /// Whether the image of a container is being pulled, by the key of its pod or its pod's name.
    pub fn is_pulling(&self, about: PhaseOwner, name: u64, container: u64) -> bool {
        let owners = [about, PhaseOwner::from(name)];
        owners.into_iter().any(|owner| self.phases.is_pulling(owner, container))
    }

    /// Keeps a link until there is an occurrence about its object to stand on.
    pub fn add_link(&mut self, about: u128, at: Nanos, kind: LinkKind, to: SpanContext) {
        let waiting = self.links.entry(about).or_default();
        if waiting.len() < WAITING_LINKS_MAX {
            waiting.push(WaitingLink { at, kind, to });
            self.wake(Some(at.saturating_add(LINK_WAIT)));
        }
    }

    /// Takes the links that wait for an occurrence at `at` about this object.
    pub fn take_links(&mut self, about: u128, at: Nanos) -> Vec<(LinkKind, SpanContext)> {
        let Some(waiting) = self.links.get_mut(&about) else {
            return Vec::new();
        };
        let taken = waiting.extract_if(.., |link| link.at <= at);
        let taken = taken.map(|link| (link.kind, link.to)).collect();
        if waiting.is_empty() {
            self.links.remove(&about);
        }
        taken
    }

    /// An object is gone: what goes on for it ends.
    pub fn gone(&mut self, owner: PhaseOwner, at: Nanos) {
        if self.phases.gone(owner, at) {
            self.wake(Some(at));
        }
    }

    /// Fires the timers due before `before`: phases that waited too long are cut, traces in which
    /// nothing happens any more close, closed ones are forgotten.
    pub fn fire_timers(&mut self, before: Nanos, leave: &mut impl FnMut(Finished)) {
        if before <= self.timer {
            return;
        }
        for ending in self.phases.take_due(before) {
            self.end(&ending).map(&mut *leave);
        }
        for trace in &mut self.traces {
            if let Some(at) = trace.closes_at(self.idle).filter(|&at| at < before) {
                trace.close(at, &mut *leave);
            }
        }
        self.forget_traces(before.saturating_sub(CLOSED_KEPT));
        self.forget_links(before.saturating_sub(LINK_WAIT));
        self.timer = self.next_timer();
    }

    /// Forgets what is kept of the past from before `before`: closed traces, and links that wait.
    pub fn forget(&mut self, before: Nanos) {
        self.forget_traces(before);
        self.forget_links(before);
    }

    fn forget_links(&mut self, before: Nanos) {
        self.links.retain(|_, waiting| {
            waiting.retain(|link| link.at >= before);
            !waiting.is_empty()
        });
    }

    /// Forgets traces, and all that led there.
    fn forget_traces(&mut self, before: Nanos) {
        let count = self.traces.len();
        self.traces.retain(|trace| trace.done_at().is_none_or(|done| done >= before));
        if self.traces.len() == count {
            return;
        }
        let traces = &self.traces;
        let is_kept = |Place { trace, .. }: Place| {
            traces.binary_search_by_key(&trace, |trace| trace.number).is_ok()
        };
        self.namings.retain(is_kept);
        self.ends_announced.retain(|_, announced| {
            announced.retain(|&(_, place)| is_kept(place));
            !announced.is_empty()
        });
    }

    /// Nothing happens in it for now: gives back what it has no use for. The watermark tells which
    /// occurrences may still come.
    pub fn rest(&mut self, watermark: Nanos) {
        if !self.queue.is_empty() {
            return;
        }
        self.queue.rest(watermark);
        if self.traces.iter().all(|trace| trace.closed.is_some()) {
            self.traces.shrink_to_fit();
            self.namings.rest();
            self.phases.rest();
            self.ends_announced.shrink_to_fit();
            self.links.shrink_to_fit();
        }
    }

    /// Closes a trace that is too old or too large; its open phases are cut.
    pub fn cut(&mut self, id: TraceId, at: Nanos, leave: &mut impl FnMut(Finished)) {
        for ending in self.phases.take_of_trace(id, at) {
            self.end(&ending).map(&mut *leave);
        }
        self.trace_mut(id).close(at, leave);
    }

    fn end(&mut self, ending: &Ending) -> Option<Finished> {
        let Place { trace, span } = ending.place;
        self.trace_mut(trace).end_phase(span, ending.at, ending.cut)
    }

    /// No timer is due before this.
    pub fn timer(&self) -> Nanos {
        self.timer
    }

    /// Whether nothing of it needs to be kept.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.traces.is_empty() && self.links.is_empty()
    }

    /// Keeps a span in a trace and stretches what is above it.
    pub fn add_span(&mut self, trace: TraceId, span: Span) -> SpanIndex {
        let trace = self.trace_mut(trace);
        trace.count += 1;
        let (parent, start, end) = (span.parent, span.start, span.end);
        let index = trace.add(span);
        if let Some(parent) = parent {
            trace.cover_start(parent, start, false);
            trace.cover_end(parent, end);
        }
        index
    }

    /// A leaf leaves at once; what is above it stretches.
    pub fn add_leaf(&mut self, place: Place, span: &Span) {
        let trace = self.trace_mut(place.trace);
        trace.count += 1;
        trace.cover_start(place.span, span.start, false);
        trace.cover_end(place.span, span.end);
    }

    fn wake(&mut self, at: Option<Nanos>) {
        self.timer = self.timer.min(at.unwrap_or(Nanos::MAX));
    }

    fn next_timer(&self) -> Nanos {
        let ends = |trace: &Trace| trace.closes_at(self.idle).or_else(|| trace.forgotten_at());
        let traces = self.traces.iter().filter_map(ends);
        let links = self.links.values().flatten().map(|link| link.at.saturating_add(LINK_WAIT));
        traces.chain(self.phases.next_due()).chain(links).min().unwrap_or(Nanos::MAX)
    }
}
