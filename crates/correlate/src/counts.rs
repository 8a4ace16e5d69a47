//! The accounts of Router and Correlator, and their form for JavaScript.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::event::DropReason;
use crate::frame::SkipReason;

/// What came in, and what the Router did with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterCounts {
    /// All frames: received + metadata + ignored + skipped.
    pub frames: u64,
    /// Event frames: each an occurrence, a duplicate, or dropped.
    pub received: u64,
    /// Versions of objects other than Events.
    pub metadata: u64,
    /// `DELETED` Events and bookmarks.
    pub ignored: u64,
    /// Occurrences seen before.
    pub duplicates: u64,
    /// Occurrences that were never seen, since the next frame of their Event had a higher count. Not
    /// among those received.
    pub missed: u64,
    /// Events held for the end of the input or parked for an owner, at this moment.
    pub parked: u64,
    /// Occurrences with strings that were no Unicode text, or names that were cut.
    pub repaired: u64,
    /// Occurrences whose message was cut.
    pub cut: u64,
    /// Objects in the index, at this moment.
    pub objects: u64,
    /// Objects forgotten at the limit.
    pub evicted: u64,
    /// Parked Events that went on early, at the limit.
    pub parked_early: u64,
    /// What was told of an object whose root may still change, forgotten at the limit.
    pub forgotten: u64,
    skipped: [u64; SkipReason::ALL.len()],
    dropped: [u64; DropReason::ALL.len()],
}

impl RouterCounts {
    /// Counts a frame that could not be read.
    pub fn skip(&mut self, reason: SkipReason) {
        self.frames += 1;
        self.skipped[reason as usize] += 1;
    }

    /// Counts an occurrence that cannot become a span.
    pub fn drop(&mut self, reason: DropReason) {
        self.dropped[reason as usize] += 1;
    }

    /// Frames skipped for this reason.
    #[must_use]
    pub fn skipped(&self, reason: SkipReason) -> u64 {
        self.skipped[reason as usize]
    }

    /// Occurrences dropped for this reason.
    #[must_use]
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// One JSON object; `skipped` and `dropped` hold the reasons that occurred.
    #[must_use]
    pub fn to_json(&self) -> String {
        let skipped = SkipReason::ALL.map(|reason| (reason.name(), self.skipped(reason)));
        let dropped = DropReason::ALL.map(|reason| (reason.name(), self.dropped(reason)));
        let numbers = [
            ("frames", self.frames),
            ("received", self.received),
            ("metadata", self.metadata),
            ("ignored", self.ignored),
            ("duplicates", self.duplicates),
            ("missed", self.missed),
            ("repaired", self.repaired),
            ("cut", self.cut),
            ("parked", self.parked),
            ("objects", self.objects),
            ("evicted", self.evicted),
            ("parked_early", self.parked_early),
            ("forgotten", self.forgotten),
        ];
        format!(
            "{{{},\"skipped\":{{{}}},\"dropped\":{{{}}}}}",
            fields(&numbers, true),
            fields(&skipped, false),
            fields(&dropped, false)
        )
    }
}

/// What a Correlator made of what it got.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrelatorCounts {
    /// Occurrences that became a span and left.
    pub exported: u64,
    /// Spans that stand for no occurrence (roots, creations, scalings) and left.
    pub synthetic: u64,
    /// Occurrences that came after the watermark; they are exported too.
    pub late: u64,
    /// Occurrences that have not left yet.
    pub held: u64,
    /// Occurrences placed before the watermark, because their root's queue was full.
    pub early: u64,
    /// Events that were left out because a Correlator failed at them.
    pub quarantined_events: u64,
    /// What was left out so and was no Event.
    pub quarantined_others: u64,
}

impl CorrelatorCounts {
    /// Something was left out of a batch.
    pub fn quarantine(&mut self, is_event: bool) {
        if is_event {
            self.quarantined_events += 1;
        } else {
            self.quarantined_others += 1;
        }
    }

    /// One JSON object.
    #[must_use]
    pub fn to_json(&self) -> String {
        let numbers = [
            ("exported", self.exported),
            ("synthetic", self.synthetic),
            ("late", self.late),
            ("held", self.held),
            ("early", self.early),
            ("quarantinedEvents", self.quarantined_events),
            ("quarantinedOthers", self.quarantined_others),
        ];
        format!("{{{}}}", fields(&numbers, true))
    }
}

fn fields(numbers: &[(&str, u64)], zeros: bool) -> String {
    let mut out = String::new();
    for (name, number) in numbers.iter().filter(|(_, number)| zeros || *number > 0) {
        let comma = if out.is_empty() { "" } else { "," };
        write!(out, "{comma}\"{name}\":{number}").expect("writing to a String does not fail");
    }
    out
}
