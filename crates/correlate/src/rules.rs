//! The table of causality: which Events name what, in which direction, and what they begin or end.
//!
//! The rows are data (`rules/*.yaml`, compiled in by `build.rs`); this file finds the row of an
//! Event: by reason, then component and kind, then the literal beginning of the message, and only
//! then by expression. An Event that no row knows is a point in time that names nothing.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use rustc_hash::FxHashMap;

use crate::event::KubeEvent;
use crate::time::{Nanos, SECOND};

include!(concat!(env!("OUT_DIR"), "/rows.rs"));

const fn seconds(seconds: i64) -> Nanos {
    seconds * SECOND
}

/// Whether something is brought up or taken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Created, scaled up, and whatever happens while it lives.
    Up,
    /// Scaled down, deleted, killed.
    Down,
}

/// What a row is in a container's start-up chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Nothing.
    None,
    /// A span that lasts until the next link or end.
    Link,
    /// The end.
    End,
}

/// An object that a row names.
#[derive(Debug)]
pub enum Named {
    /// The involved object: the row announces its end.
    Regarding,
    /// An object of this kind, whose name is a group of the message.
    Object {
        /// Its kind.
        kind: &'static str,
        /// The group.
        group: &'static str,
    },
}

/// One row. The keys are explained in `rules/README.md`.
#[derive(Debug)]
#[expect(missing_docs, reason = "rules/README.md documents them")]
pub struct Rule {
    pub id: &'static str,
    pub controllers: &'static [&'static str],
    pub kinds: &'static [&'static str],
    pub reasons: &'static [&'static str],
    pub message: Option<&'static str>,
    pub direction: Direction,
    pub names: &'static [Named],
    pub opens_trace: bool,
    pub termination: bool,
    pub related_is_link: bool,
    pub chain: Chain,
    pub slack: Nanos,
    pub timeout: Nanos,
}

static GENERIC: Rule = Rule {
    id: "generic",
    controllers: &[],
    kinds: &[],
    reasons: &[],
    message: None,
    direction: Direction::Up,
    names: &[],
    opens_trace: false,
    termination: false,
    related_is_link: false,
    chain: Chain::None,
    slack: 2 * SECOND,
    timeout: 0,
};

/// What the recorder puts before the message of a folded Event (client-go
/// `tools/record/events_cache.go`).
const FOLDED: &str = "(combined from similar events): ";
/// Messages are looked at this far, in bytes.
const MATCHED_MAX: usize = 16 << 10;

/// The rows, ready to be matched.
pub struct RuleTable {
    by_reason: FxHashMap<&'static str, Vec<Row>>,
}

struct Row {
    rule: &'static Rule,
    /// What every message of the row begins with.
    prefix: &'static str,
    message: Option<Regex>,
    captures: bool,
}

/// The row of an Event, and what its message holds.
pub struct RuleMatch<'e> {
    /// The row.
    pub rule: &'static Rule,
    regarding: (&'e str, &'e str),
    captures: Option<Captures<'e>>,
}

impl RuleTable {
    /// The table that is compiled in.
    ///
    /// # Panics
    /// When an expression does not compile; the samples' test excludes that.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BUILTIN: LazyLock<RuleTable> = LazyLock::new(RuleTable::compile);
        &BUILTIN
    }

    fn compile() -> Self {
        let mut by_reason: FxHashMap<&'static str, Vec<Row>> = FxHashMap::default();
        for rule in ROWS {
            for reason in rule.reasons {
                by_reason.entry(reason).or_default().push(Row::new(rule));
            }
        }
        Self { by_reason }
    }

    /// The row of an Event; the generic one if no other fits.
    #[must_use]
    pub fn find<'e>(&self, event: &'e KubeEvent<'_>) -> RuleMatch<'e> {
        let regarding = (&*event.regarding.kind, &*event.regarding.name);
        let rows = self.by_reason.get(&*event.reason).map_or(&[][..], |rows| rows);
        Self::first(rows, &event.component, regarding, &event.message)
    }

    fn first<'e>(
        rows: &[Row],
        component: &str,
        regarding: (&'e str, &'e str),
        message: &'e str,
    ) -> RuleMatch<'e> {
        let message = message.strip_prefix(FOLDED).unwrap_or(message);
        let message = &message[..message.floor_char_boundary(MATCHED_MAX)];
        let among = |list: &[&str], value: &str| list.is_empty() || list.contains(&value);
        for row in rows {
            if !among(row.rule.controllers, component)
                || !among(row.rule.kinds, regarding.0)
                || !message.starts_with(row.prefix)
            {
                continue;
            }
            let captures = match &row.message {
                None => None,
                Some(expression) if row.captures => match expression.captures(message) {
                    None => continue,
                    captures => captures,
                },
                Some(expression) if expression.is_match(message) => None,
                Some(_) => continue,
            };
            return RuleMatch { rule: row.rule, regarding, captures };
        }
        RuleMatch { rule: &GENERIC, regarding, captures: None }
    }
}

impl Row {
    fn new(rule: &'static Rule) -> Self {
        let message = rule.message.map(|message| {
            Regex::new(message).unwrap_or_else(|error| panic!("row {}: {error}", rule.id))
        });
        let captures = message.as_ref().is_some_and(|message| message.captures_len() > 1);
        Self { rule, prefix: rule.message.map_or("", literal_prefix), message, captures }
    }
}

impl<'e> RuleMatch<'e> {
    /// Kind and name of each object that the Event names by its message; they are in the involved
    /// object's namespace.
    pub fn names(&self) -> impl Iterator<Item = (&'e str, &'e str)> + '_ {
        self.rule.names.iter().filter_map(|named| match named {
            Named::Regarding => Some(self.regarding),
            Named::Object { kind, group } => Some((*kind, self.capture(group)?)),
        })
    }

    /// What a group of the message holds.
    #[must_use]
    pub fn capture(&self, group: &str) -> Option<&'e str> {
        self.captures.as_ref()?.name(group).map(|found| found.as_str())
    }

    /// How long it took, when the message says so.
    #[must_use]
    pub fn stated_duration(&self) -> Option<Nanos> {
        go_duration(self.capture("total")?)
    }
}

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

/// Whether some row names objects of this kind.
#[must_use]
pub fn nameable(kind: &str) -> bool {
    ROWS.iter().any(|rule| {
        rule.names.iter().any(|named| match named {
            Named::Regarding => rule.kinds.contains(&kind),
            Named::Object { kind: named, .. } => *named == kind,
        })
    })
}

/// The largest slack of any row.
#[must_use]
pub fn slack_max() -> Nanos {
    ROWS.iter().map(|rule| rule.slack).max().unwrap_or(GENERIC.slack)
}

/// The letters behind `^` up to the first character with a meaning.
fn literal_prefix(expression: &'static str) -> &'static str {
    let Some(literal) = expression.strip_prefix('^') else {
        return "";
    };
    let special = literal.find(|c: char| r"\.+*?()|[]{}^$".contains(c)).unwrap_or(literal.len());
    let end = match literal[special..].chars().next() {
        // The character before a repetition may be missing.
        Some('*' | '?' | '{') => special.saturating_sub(1),
        Some('|') => 0,
        _ => special,
    };
    literal.get(..end).unwrap_or("")
}

/// Reads what Go's `time.Duration.String` writes: `1h2m3.5s`, `812ms`, `0s`.
fn go_duration(text: &str) -> Option<Nanos> {
    let mut total = 0_f64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..]
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .map_or(rest.len(), |end| digits + end);
        total += number
            * match &rest[digits..unit_end] {
                "h" => 3600e9,
                "m" => 60e9,
                "s" => 1e9,
                "ms" => 1e6,
                "µs" | "us" => 1e3,
                "ns" => 1.0,
                _ => return None,
            };
        rest = &rest[unit_end..];
    }
    // A year of nanoseconds is far below 2^53 * 4; more than that is no pull.
    (total < 3.2e16).then_some(total.round() as Nanos)
}

#[cfg(test)]
pub(crate) struct Sample {
    id: &'static str,
    message: &'static str,
    want: &'static [(&'static str, &'static str)],
}

#[cfg(test)]
mod tests {
    use super::{ROWS, RuleTable, SAMPLES, go_duration, literal_prefix};

    #[test]
    fn every_sample_matches_its_row_and_no_other() {
        let table = RuleTable::builtin();
        for sample in SAMPLES {
            let rule = ROWS.iter().find(|rule| rule.id == sample.id).expect("samples have rows");
            let component = rule.controllers.first().unwrap_or(&"any");
            let kind = rule.kinds.first().unwrap_or(&"Any");
            for reason in rule.reasons {
                let rows = &table.by_reason[reason];
                for row in rows {
                    let alone = RuleTable::first(
                        std::slice::from_ref(row),
                        component,
                        (kind, "x"),
                        sample.message,
                    );
                    let matched = alone.rule.id == row.rule.id;
                    assert_eq!(
                        matched,
                        row.rule.id == sample.id,
                        "{}: {}",
                        row.rule.id,
                        sample.message
                    );
                    for (group, value) in sample.want.iter().filter(|_| matched) {
                        assert_eq!(alone.capture(group), Some(*value), "{}", sample.message);
                    }
                }
            }
        }
    }

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<_> = ROWS.iter().map(|rule| rule.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), ROWS.len());
    }

    #[test]
    fn a_prefix_is_what_every_match_begins_with() {
        let cases = [
            ("^Created pod: (?<p>x)", "Created pod: "),
            ("^[Cc]reate", ""),
            ("free", ""),
            ("^ab?c", "a"),
            ("^a|b", ""),
            ("^a+", "a"),
        ];
        for (expression, prefix) in cases {
            assert_eq!(literal_prefix(expression), prefix, "{expression}");
        }
    }

    #[test]
    fn durations_are_read_as_go_writes_them() {
        let cases = [
            ("0s", Some(0)),
            ("812ms", Some(812_000_000)),
            ("1m2.5s", Some(62_500_000_000)),
            ("1h0m0.25s", Some(3_600_250_000_000)),
            ("3.5µs", Some(3_500)),
            ("soon", None),
            ("5", None),
        ];
        for (text, nanos) in cases {
            assert_eq!(go_duration(text), nanos, "{text}");
        }
    }
}
