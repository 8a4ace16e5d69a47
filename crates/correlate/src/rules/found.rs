//! What the row of an Event and its message say: the objects that are named or linked to, and a
//! stated duration.

use super::expression::{Expression, Groups};
use super::rule::{KindOf, Linked, Named, Rule, Told};
use super::table::Query;
use crate::time::Nanos;

/// Lines of a message that are looked at for a list.
const LINES_MAX: usize = 500;

/// Kind, namespace and name of an object.
type Names<'e> = (&'e str, &'e str, &'e str);

/// The row of an Event, and what its message holds.
pub struct RuleMatch<'e> {
    /// The row.
    pub rule: &'static Rule,
    regarding: Names<'e>,
    message: &'e str,
    groups: Groups<'e>,
    lists: Option<&'e Expression>,
}

/// What the span of an Event links to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link<'e> {
    /// What the spec.scaleTargetRef of the involved object names.
    Target,
    /// The related object.
    Related,
    /// The latest trouble of the pod's node.
    Node,
    /// The object of this kind, namespace and name.
    Named(&'e str, &'e str, &'e str),
}

impl<'e> RuleMatch<'e> {
    pub(super) fn new(
        rule: &'static Rule,
        query: &Query<'e>,
        groups: Groups<'e>,
        lists: Option<&'e Expression>,
    ) -> Self {
        let regarding = (query.kind.unwrap_or(""), query.namespace, query.name);
        Self { rule, regarding, message: query.message, groups, lists }
    }

    /// Kind, namespace and name of each object that the Event names as affected.
    pub fn names(&self) -> impl Iterator<Item = Names<'e>> + '_ {
        self.rule.names.iter().filter_map(|named| match named {
            Named::Regarding => Some(self.regarding),
            Named::Object(told) => self.told(told),
        })
    }

    /// What its span links to: first what the row says, then what the message lists.
    pub fn linked(&self) -> impl Iterator<Item = Link<'e>> + '_ {
        let by_row = self.rule.links.iter().filter_map(|linked| match linked {
            Linked::Target => Some(Link::Target),
            Linked::Related => Some(Link::Related),
            Linked::Node => Some(Link::Node),
            Linked::Object(told) => {
                self.told(told).map(|(kind, namespace, name)| Link::Named(kind, namespace, name))
            }
        });
        by_row.chain(self.listed())
    }

    /// What a group of the message holds.
    #[must_use]
    pub fn capture(&self, group: &str) -> Option<&'e str> {
        self.groups.get(group)
    }

    /// How long it took, when the message says so.
    #[must_use]
    pub fn stated_duration(&self) -> Option<Nanos> {
        go_duration(self.capture("total")?)
    }

    fn told(&self, told: &Told) -> Option<Names<'e>> {
        let kind = match told.kind {
            KindOf::Known(kind) => kind,
            KindOf::Group(group) => self.capture(group)?,
        };
        let namespace = match told.namespace {
            Some("") => "",
            Some(group) => self.capture(group).unwrap_or(self.regarding.1),
            None => self.regarding.1,
        };
        Some((kind, namespace, self.capture(told.name)?))
    }

    fn listed(&self) -> impl Iterator<Item = Link<'e>> + '_ {
        self.hits().filter_map(|hit| {
            let namespace = hit.get("namespace").unwrap_or(self.regarding.1);
            Some(Link::Named(hit.get("kind")?, namespace, hit.get("name")?))
        })
    }

    /// What a group of the first line that is listed holds.
    pub(super) fn first_listed(&self, group: &str) -> Option<&'e str> {
        self.hits().next()?.get(group)
    }

    fn hits(&self) -> impl Iterator<Item = Groups<'e>> + '_ {
        let lines = self.message.lines().take(LINES_MAX);
        let list = self.lists;
        lines.filter_map(move |line| list?.find(line))
    }
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
mod tests {
    use super::go_duration;

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
