//! Traces while they live, and the spans in them that may still change.
//!
//! In go placed occurrences, out go finished spans: a leaf as soon as its end is known, a span that
//! may get children when its trace closes. Promises that a parent covers its children, that every
//! span leaves once, and that what time cut off says so.

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

/// A span that has not left, or that others may hang under.
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
    spans: Vec<Span>,
}

impl Trace {
    /// A trace with its root.
    pub fn new(id: [u8; 16], subject: Subject, first: Nanos, root: Span) -> Self {
        Self {
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
        }
    }

    /// A span that was kept.
    pub fn span(&self, index: SpanIndex) -> &Span {
        &self.spans[index as usize]
    }

    /// Keeps a span.
    pub fn add(&mut self, span: Span) -> SpanIndex {
        self.spans.push(span);
        SpanIndex::try_from(self.spans.len() - 1).expect("a trace has fewer than 2^32 spans")
    }

    /// Whether it takes an occurrence at `at`; a late one also when the trace has closed since.
    pub fn is_live(&self, at: Nanos, late: bool, slack: Nanos) -> bool {
        let begin = self.first.min(self.span(0).start).saturating_sub(slack);
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
        let mut above = Some(parent);
        while let Some(span) = above.map(|index| self.span(index)) {
            if !span.elastic {
                return start.max(span.start);
            }
            above = span.parent;
        }
        start
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

    /// When it is forgotten.
    pub fn forgotten_at(&self) -> Option<Nanos> {
        self.closed.map(|closed| closed.max(self.opened_late).saturating_add(CLOSED_KEPT))
    }

    /// Closes it: everything that is still here leaves.
    pub fn close(&mut self, at: Nanos, mut leave: impl FnMut(Finished)) {
        self.closed = Some(at);
        for index in 0..self.spans.len() {
            if let Some(span) = self.finish(SpanIndex::try_from(index).unwrap_or(0)) {
                leave(span);
            }
        }
        self.spans.shrink_to_fit();
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
