//! All that a Correlator keeps of one root: its queue, its traces, who named whom, open chains.
//!
//! Roots share nothing, so what happens in one depends on its own occurrences and on the watermark
//! alone. Timers fire in event time: `fire_timers` is told how far this root has come.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::owners::Scope;
use crate::pending::{Named, Order, Pending};
use crate::reorder::Queue;
use crate::rules::Direction;
use crate::time::Nanos;
use crate::trace::{Finished, Link, Span, SpanIndex, Subject, Trace, TraceId};

/// Where a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The trace.
    pub trace: TraceId,
    /// The span in it.
    pub span: SpanIndex,
}

/// An occurrence that names an object, upward or downward.
#[derive(Clone, Debug)]
pub struct Naming {
    /// The naming occurrence.
    pub order: Order,
    /// In which direction it names.
    pub direction: Direction,
    /// How much later than what it caused it may be.
    pub slack: Nanos,
    /// What it names; the object is settled when the occurrence is placed.
    pub named: Named,
    /// Where its span is; `None` while it is queued.
    pub place: Option<Place>,
}

/// One root's state.
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
    traces: BTreeMap<TraceId, Trace>,
    namings: FxHashMap<u64, Vec<Naming>>,
    links: FxHashMap<(u128, u64), Link>,
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
            traces: BTreeMap::new(),
            namings: FxHashMap::default(),
            links: FxHashMap::default(),
        }
    }

    /// A trace that is not forgotten.
    pub fn trace(&self, id: TraceId) -> &Trace {
        &self.traces[&id]
    }

    /// A trace that is not forgotten.
    pub fn trace_mut(&mut self, id: TraceId) -> &mut Trace {
        self.traces.get_mut(&id).expect("places do not outlive their traces")
    }

    /// Keeps a new trace.
    pub fn add_trace(&mut self, trace: Trace) -> TraceId {
        let id = self.traces.last_key_value().map_or(0, |(last, _)| last + 1);
        self.wake(trace.closes_at(self.idle));
        self.traces.insert(id, trace);
        id
    }

    /// The newest trace of this subject that `takes` occurrences, and the span in it that stands
    /// for the subject: its root, or the `Scale` span of a generation made by an autoscaler.
    pub fn home(&self, subject: Subject, takes: impl Fn(TraceId, &Trace) -> bool) -> Option<Place> {
        let live = |(id, trace): (&TraceId, &Trace)| {
            let span = if trace.subject == subject {
                0
            } else {
                let scaled = |generation| trace.scaled.iter().find(|scaled| scaled.0 == generation);
                let same = trace.subject.object == subject.object;
                subject.generation.filter(|_| same).and_then(scaled)?.1
            };
            takes(*id, trace).then_some(Place { trace: *id, span })
        };
        self.traces.iter().rev().find_map(live)
    }

    /// Remembers what a queued occurrence names.
    pub fn add_namings(&mut self, pending: &Pending) {
        for named in &pending.names {
            // A row that names its own object speaks of what comes: of its end.
            let itself = named.name == pending.about_name && !named.related;
            self.namings.entry(named.name).or_default().push(Naming {
                order: pending.order,
                direction: if itself { Direction::Down } else { pending.rule.direction },
                slack: pending.rule.slack,
                named: named.clone(),
                place: None,
            });
        }
    }

    /// The occurrence has a span now; `settle` says which object a name means.
    pub fn settle_namings(
        &mut self,
        pending: &Pending,
        place: Place,
        settle: impl Fn(&Naming) -> Option<u128>,
    ) {
        for named in &pending.names {
            let namings = self.namings.get_mut(&named.name).map_or(&mut [][..], |all| all);
            for naming in namings.iter_mut().filter(|naming| naming.order == pending.order) {
                naming.named.object = settle(naming);
                naming.place = Some(place);
            }
        }
    }

    /// Who names objects of this kind, namespace and name.
    pub fn namings(&self, name: u64) -> &[Naming] {
        self.namings.get(&name).map_or(&[], |namings| namings)
    }

    /// Opens a link of an object's start-up chain; the one before must be closed.
    pub fn open_link(&mut self, about: u128, container: u64, link: Link) {
        self.trace_mut(link.trace).open_link();
        self.wake(Some(link.deadline));
        self.links.insert((about, container), link);
    }

    /// Whether a container of the object has an open link.
    pub fn has_link(&self, about: u128, container: u64) -> bool {
        self.links.contains_key(&(about, container))
    }

    /// Ends the open link of a container, if there is one.
    pub fn close_link(&mut self, about: u128, container: u64, end: Nanos) -> Option<Finished> {
        let link = self.links.remove(&(about, container))?;
        let idle = self.idle;
        let trace = self.trace_mut(link.trace);
        let finished = trace.close_link(link.span, end, false);
        let closes_at = trace.closes_at(idle);
        self.wake(closes_at);
        finished
    }

    /// Fires the timers due before `before`: links that waited too long are cut, traces in which
    /// nothing happens any more close, closed ones are forgotten.
    pub fn fire_timers(&mut self, before: Nanos, leave: &mut impl FnMut(Finished)) {
        if before <= self.timer {
            return;
        }
        for (_, link) in self.links.extract_if(|_, link| link.deadline < before) {
            let trace = self.traces.get_mut(&link.trace).expect("open links keep their trace");
            trace.close_link(link.span, link.deadline, true).map(&mut *leave);
        }
        let mut forgotten = Vec::new();
        for (id, trace) in &mut self.traces {
            if let Some(at) = trace.closes_at(self.idle).filter(|&at| at < before) {
                trace.close(at, &mut *leave);
            }
            if trace.forgotten_at().is_some_and(|at| at < before) {
                forgotten.push(*id);
            }
        }
        for id in forgotten {
            self.traces.remove(&id);
            self.namings.retain(|_, namings| {
                namings.retain(|naming| naming.place.is_none_or(|place| place.trace != id));
                !namings.is_empty()
            });
        }
        self.timer = self.next_timer();
    }

    /// Closes a trace that is too old or too large; its open links are cut.
    pub fn cut(&mut self, id: TraceId, at: Nanos, leave: &mut impl FnMut(Finished)) {
        let trace = self.traces.get_mut(&id).expect("places do not outlive their traces");
        for (_, link) in self.links.extract_if(|_, link| link.trace == id) {
            trace.close_link(link.span, at, true).map(&mut *leave);
        }
        trace.close(at, leave);
    }

    /// No timer is due before this.
    pub fn timer(&self) -> Nanos {
        self.timer
    }

    /// Whether nothing of it needs to be kept.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.traces.is_empty()
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
        let traces = self.traces.values().filter_map(ends);
        let links = self.links.values().map(|link| link.deadline);
        traces.chain(links).min().unwrap_or(Nanos::MAX)
    }
}
