//! Traces while they live, and the spans in them that may still change.
//!
//! In go placed occurrences, out go finished spans: a leaf as soon as its end is known, a span that
//! may get children when its trace closes. Promises that a parent covers its children, that every
//! span leaves once, and that what time cut off says so.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::limits::{CLOSED_KEPT, HARD_AGE, HARD_SPANS, SOFT_AGE, SOFT_SPANS};
use crate::time::Nanos;

/// A trace's place among those of its root; later ones are greater.
pub type TraceId = u32;
/// A span's place in its trace; the root's is 0.
pub type SpanIndex = u32;

/// What a trace is about: a generation of an object, or its deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Key of the object.
    pub object: u128,
    /// `None`: its deletion.
    pub generation: Option<i64>,
}

/// A span that has not left, or that others may hang under.
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
    pub resource: Rc<[u8]>,
    /// Encoded fields but start and end; `None` once it has left.
    pub body: Option<Box<[u8]>>,
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

/// A link of a start-up chain that waits for the next.
pub struct Link {
    /// Where its span is.
    pub trace: TraceId,
    /// Where its span is.
    pub span: SpanIndex,
    /// When it is cut.
    pub deadline: Nanos,
}

/// One trace.
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
    /// Synthetic `Create` spans, by the key of their object.
    pub created: FxHashMap<u128, SpanIndex>,
    /// Synthetic `Scale` spans, by generation.
    pub scaled: Vec<(i64, SpanIndex)>,
    /// Spans, those that left included.
    pub count: u32,
    open_links: u32,
    last_cut: Nanos,
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
            created: FxHashMap::default(),
            scaled: Vec::new(),
            count: 1,
            open_links: 0,
            last_cut: Nanos::MIN,
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
    pub fn is_live(&self, at: Nanos, late: bool, idle: Nanos, slack: Nanos) -> bool {
        if late {
            let begin = self.first.min(self.span(0).start);
            at >= begin.saturating_sub(slack)
                && self.closed.is_none_or(|_| at <= self.last.saturating_add(idle))
        } else {
            self.closed.is_none()
        }
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

    /// Stretches a span and all above it to end no earlier than `end`.
    pub fn cover_end(&mut self, index: SpanIndex, end: Nanos) {
        let mut next = Some(index);
        while let Some(span) = next.map(|index| &mut self.spans[index as usize]) {
            if span.end >= end {
                return;
            }
            span.end = end;
            next = span.parent;
        }
    }

    /// Stretches a span and those above it to start no later than `start`: all of them for a
    /// `cause`, otherwise as far as they are elastic.
    pub fn cover_start(&mut self, index: SpanIndex, start: Nanos, cause: bool) {
        let mut next = Some(index);
        while let Some(span) = next.map(|index| &mut self.spans[index as usize]) {
            if span.start <= start || !(cause || span.elastic) {
                return;
            }
            span.start = start;
            next = span.parent;
        }
    }

    /// A span begins to wait for the next link of its chain.
    pub fn open_link(&mut self) {
        self.open_links += 1;
    }

    /// Ends the span of a link. `cut`: by time, not by the next link.
    pub fn close_link(&mut self, index: SpanIndex, end: Nanos, cut: bool) -> Option<Finished> {
        self.open_links -= 1;
        if cut {
            self.last_cut = self.last_cut.max(end);
        }
        let end = end.max(self.span(index).start);
        self.cover_end(index, end);
        self.spans[index as usize].incomplete = cut;
        // A root may still get children.
        if index == 0 { None } else { self.finish(index) }
    }

    /// When it closes if nothing more happens; `None` while it waits for a link.
    pub fn closes_at(&self, idle: Nanos) -> Option<Nanos> {
        let idle_at = self.last.saturating_add(idle).max(self.last_cut);
        (self.closed.is_none() && self.open_links == 0).then_some(idle_at)
    }

    /// When it is forgotten.
    pub fn forgotten_at(&self) -> Option<Nanos> {
        self.closed.map(|closed| closed.saturating_add(CLOSED_KEPT))
    }

    /// Closes it: everything that is still here leaves.
    pub fn close(&mut self, at: Nanos, mut leave: impl FnMut(Finished)) {
        self.closed = Some(at);
        for index in 0..self.spans.len() {
            if let Some(span) = self.finish(SpanIndex::try_from(index).unwrap_or(0)) {
                leave(span);
            }
        }
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
