//! Traces while they live, and the spans in them that may still change.
//!
//! In go placed occurrences, out go finished spans: a leaf as soon as its end is known, a span that
//! may get children when its trace closes. Of a closed trace little is kept: what its late
//! occurrences need. Promises that a parent covers its children, that every span leaves once, and
//! that what time cut off says so.

use std::collections::BTreeSet;
use std::rc::Rc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::limits::{CLOSED_KEPT, HARD_AGE, HARD_SPANS, SOFT_AGE, SOFT_SPANS};
use crate::time::Nanos;

/// A trace's place among those of its root; later ones are greater.
pub type TraceId = u32;
/// A span's place in its trace; the root's is 0.
pub type SpanIndex = u32;

/// What a trace is about: a generation of an object, or its deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Key of the object.
    pub object: u128,
    /// `None`: its deletion.
    pub generation: Option<i64>,
}

/// A span of an open trace that has not left, or that others may hang under.
#[derive(Serialize, Deserialize)]
pub struct Span {
    /// OpenTelemetry's span id.
    pub id: [u8; 8],
    /// The span it hangs under; `None`: the root.
    pub parent: Option<SpanIndex>,
    /// Nanoseconds since the epoch.
    pub start: Nanos,
    /// Nanoseconds since the epoch.
    pub end: Nanos,
    /// Whether its start follows its children's: roots, and spans that stand for no occurrence.
    pub elastic: bool,
    /// Whether it stands for an occurrence.
    pub occurrence: bool,
    /// Cut off by a limit.
    pub incomplete: bool,
    /// Encoded resource.
    #[serde(with = "crate::stored::shared")]
    pub resource: Rc<[u8]>,
    /// Encoded fields but start and end; `None` once it has left.
    #[serde(with = "serde_bytes")]
    pub body: Option<Box<[u8]>>,
    /// Phases that it began and that are open.
    pub phases: u16,
    /// Whether others may hang under it: then it stays until its trace closes.
    pub may_cause: bool,
}

impl Span {
    /// Whether it left while its trace lived: nothing moves it any more.
    fn has_left(&self) -> bool {
        self.body.is_none()
    }
}

/// What late occurrences need of a span of a closed trace.
#[derive(Serialize, Deserialize)]
struct Stub {
    index: SpanIndex,
    id: [u8; 8],
    start: Nanos,
    floor: Nanos,
}

/// A span ready to leave.
pub struct Finished {
    /// Encoded resource.
    pub resource: Rc<[u8]>,
    /// Encoded fields but start and end.
    pub body: Box<[u8]>,
    /// Nanoseconds since the epoch.
    pub start: Nanos,
    /// Nanoseconds since the epoch.
    pub end: Nanos,
    /// Cut off by a limit.
    pub incomplete: bool,
    /// Whether it stands for an occurrence.
    pub occurrence: bool,
}

/// One trace.
#[derive(Serialize, Deserialize)]
pub struct Trace {
    /// Its place among those of its root.
    pub number: TraceId,
    /// OpenTelemetry's trace id.
    pub id: [u8; 16],
    /// What it is about.
    pub subject: Subject,
    /// Whether it stands for the change itself, not for later activity.
    pub plain: bool,
    /// First occurrence.
    pub first: Nanos,
    /// Last occurrence that was not late.
    pub last: Nanos,
    /// When it closed.
    pub closed: Option<Nanos>,
    /// It was too old or too large for something, which went on in the next.
    pub left: bool,
    /// How far the watermark was when something late opened it: that may be long after it closed.
    pub opened_late: Nanos,
    /// Synthetic `Create` spans, by the key of their object.
    #[serde(with = "crate::stored::sorted")]
    pub created: FxHashMap<u128, SpanIndex>,
    /// Synthetic `Scale` spans, by generation.
    pub scaled: Vec<(i64, SpanIndex)>,
    /// Objects whose own link to another trace stands on a span.
    pub linked: BTreeSet<u128>,
    /// Spans, those that left included.
    pub count: u32,
    open_phases: u32,
    last_end: Nanos,
    /// While it is open.
    spans: Vec<Span>,
    /// Once it has closed, of those that others may hang under; in order of their index.
    stubs: Vec<Stub>,
}

impl Trace {
    /// A trace with its root.
    pub fn new(id: [u8; 16], subject: Subject, first: Nanos, root: Span) -> Self {
        Self {
            number: 0,
            id,
            subject,
            plain: false,
            first,
            last: first,
            closed: None,
            left: false,
            opened_late: Nanos::MIN,
            created: FxHashMap::default(),
            scaled: Vec::new(),
            linked: BTreeSet::new(),
            count: 1,
            open_phases: 0,
            last_end: Nanos::MIN,
            spans: vec![root],
            stubs: Vec::new(),
        }
    }

    /// OpenTelemetry's id of a span that others may hang under.
    pub fn span_id(&self, index: SpanIndex) -> [u8; 8] {
        if self.is_closed() { self.stub(index).id } else { self.span(index).id }
    }

    /// When a span starts that others may hang under.
    pub fn span_start(&self, index: SpanIndex) -> Nanos {
        if self.is_closed() { self.stub(index).start } else { self.span(index).start }
    }

    /// Keeps a span; in a closed trace one that has left.
    pub fn add(&mut self, span: Span) -> SpanIndex {
        if self.is_closed() {
            let Span { id, start, .. } = span;
            let index = self.stubs.last().map_or(0, |last| last.index + 1);
            self.stubs.push(Stub { index, id, start, floor: start });
            return index;
        }
        self.spans.push(span);
        SpanIndex::try_from(self.spans.len() - 1).expect("a trace has fewer than 2^32 spans")
    }

    /// Whether it takes an occurrence at `at`; a late one also when the trace has closed since.
    pub fn is_live(&self, at: Nanos, late: bool, slack: Nanos) -> bool {
        let begin = self.first.min(self.span_start(0)).saturating_sub(slack);
        self.closed.is_none_or(|closed| late && (begin..=closed).contains(&at))
    }

    /// Whether it is too old or too large for one more occurrence, under the root or at all.
    pub fn is_full(&self, at: Nanos, under_root: bool) -> bool {
        let age = at.saturating_sub(self.first);
        let soft = under_root && (age > SOFT_AGE || self.count >= SOFT_SPANS);
        soft || self.is_over(at)
    }

    /// Whether it is too old or too large for any occurrence.
    pub fn is_over(&self, at: Nanos) -> bool {
        at.saturating_sub(self.first) > HARD_AGE || self.count >= HARD_SPANS
    }

    /// When a child of a span starts that would start at `start`: never before an occurrence that
    /// caused it; what is elastic makes room.
    pub fn child_start(&self, parent: SpanIndex, start: Nanos) -> Nanos {
        let floor = if self.is_closed() { self.stub(parent).floor } else { self.floor(parent) };
        start.max(floor)
    }

    /// Nothing under a span of an open trace starts before this.
    fn floor(&self, index: SpanIndex) -> Nanos {
        let mut next = Some(index);
        while let Some(span) = next.map(|index| self.span(index)) {
            if !span.elastic {
                return span.start;
            }
            next = span.parent;
        }
        Nanos::MIN
    }

    /// Stretches a span and all above it to end no earlier than `end`; those that have left stay as
    /// they are.
    pub fn cover_end(&mut self, index: SpanIndex, end: Nanos) {
        let mut next = Some(index);
        while let Some(span) = next.map(|index| &mut self.spans[index as usize]) {
            next = span.parent;
            if span.has_left() {
                continue;
            }
            if span.end >= end {
                return;
            }
            span.end = end;
        }
    }

    /// Stretches a span and those above it to start no later than `start`: all of them for a
    /// `cause`, otherwise as far as they are elastic.
    pub fn cover_start(&mut self, index: SpanIndex, start: Nanos, cause: bool) {
        let mut next = Some(index);
        while let Some(span) = next.map(|index| &mut self.spans[index as usize]) {
            if !(cause || span.elastic) {
                return;
            }
            next = span.parent;
            if span.has_left() {
                continue;
            }
            if span.start <= start {
                return;
            }
            span.start = start;
        }
    }

    /// A span begins a phase.
    pub fn open_phase(&mut self, index: SpanIndex) {
        self.open_phases += 1;
        self.spans[index as usize].phases += 1;
    }

    /// Ends a phase. `cut`: by time, not by what should end it. The span leaves if it was its last
    /// phase and nothing can hang under it.
    pub fn end_phase(&mut self, index: SpanIndex, end: Nanos, cut: bool) -> Option<Finished> {
        self.open_phases -= 1;
        let end = end.max(self.span(index).start);
        self.last_end = self.last_end.max(end);
        self.cover_end(index, end);
        let span = &mut self.spans[index as usize];
        span.phases -= 1;
        span.incomplete |= cut;
        if span.phases > 0 || span.may_cause { None } else { self.finish(index) }
    }

    /// When it closes if nothing more happens; `None` while a phase is open.
    pub fn closes_at(&self, idle: Nanos) -> Option<Nanos> {
        let idle_at = self.last.saturating_add(idle).max(self.last_end);
        (self.closed.is_none() && self.open_phases == 0).then_some(idle_at)
    }

    /// When all was over: it closed, or was opened by what was late.
    pub fn done_at(&self) -> Option<Nanos> {
        self.closed.map(|closed| closed.max(self.opened_late))
    }

    /// When it is forgotten.
    pub fn forgotten_at(&self) -> Option<Nanos> {
        self.done_at().map(|done| done.saturating_add(CLOSED_KEPT))
    }

    /// Closes it: everything that is still here leaves, and what nothing can hang under is forgotten.
    pub fn close(&mut self, at: Nanos, mut leave: impl FnMut(Finished)) {
        for index in (0..).take(self.spans.len()) {
            self.finish(index).map(&mut leave);
        }
        let may_cause = (0..).zip(&self.spans).filter(|(_, span)| span.may_cause);
        let stub = |(index, &Span { id, start, .. }): (SpanIndex, &Span)| {
            let floor = self.floor(index);
            Stub { index, id, start, floor }
        };
        let stubs: Vec<Stub> = may_cause.map(stub).collect();
        self.stubs.extend(stubs);
        self.stubs.shrink_to_fit();
        self.spans = Vec::new();
        self.created.shrink_to_fit();
        self.scaled.shrink_to_fit();
        self.closed = Some(at);
    }

    fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    fn span(&self, index: SpanIndex) -> &Span {
        &self.spans[index as usize]
    }

    fn stub(&self, index: SpanIndex) -> &Stub {
        let found = self.stubs.binary_search_by_key(&index, |stub| stub.index);
        &self.stubs[found.expect("what others may hang under is kept")]
    }

    fn finish(&mut self, index: SpanIndex) -> Option<Finished> {
        let span = &mut self.spans[index as usize];
        Some(Finished {
            body: span.body.take()?,
            resource: Rc::clone(&span.resource),
            start: span.start,
            end: span.end,
            incomplete: span.incomplete,
            occurrence: span.occurrence,
        })
    }
}
