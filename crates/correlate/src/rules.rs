//! The table of causality: which Events name what, in which direction, and what they begin or end.
//!
//! The rows are data (`rules/*.yaml` and the user's); `rules/README.md` has their schema. `read.rs`
//! reads and checks them, `table.rs` finds the row of an Event, `found.rs` says what its message
//! holds. An Event that no row knows is a point in time that names nothing.

mod expression;
mod found;
mod from_json;
mod index;
mod read;
mod rule;
mod samples;
mod table;
mod trial;
mod value;

pub use found::{Link, RuleMatch};
pub use rule::{Direction, GENERIC, KindOf, Linked, Named, Phase, Rule, Told};
pub use table::{Query, RuleTable};

/// Order of occurrences at equal times.
#[must_use]
pub fn rank(reason: &str) -> u8 {
    match reason {
        "Scheduled" => 1,
        "Pulling" => 2,
        "Pulled" => 3,
        "Created" => 4,
        "Started" => 5,
        "Killing" => 6,
        _ => 0,
    }
}
