//! Finds the row of an Event: by its reason and controller, then by its other conditions, then by
//! the beginning of its message, and only then by expression.
//!
//! The first row that fits is the one: rows with reasons go before rows without, and among both the
//! user's before the built-in ones.

use std::sync::LazyLock;

use rustc_hash::FxHashSet;

use super::expression::{Expression, Groups};
use super::found::RuleMatch;
use super::from_json::rows_of;
use super::index::Index;
use super::read::{Row, Sample, check_rows, read_row};
use super::rule::{GENERIC, KindOf, Named, Phase, Rule, Told};
use super::samples::check_sample;
use super::value::Value;
use crate::event::KubeEvent;
use crate::time::Nanos;

/// The rows of `rules/*.yaml` (build.rs).
const BUILTIN: &str = include_str!(concat!(env!("OUT_DIR"), "/rows.json"));
/// What the recorder puts before the message of a folded Event (client-go
/// `tools/record/events_cache.go`).
const FOLDED: &str = "(combined from similar events): ";

/// The rows, ready to be matched.
#[derive(Debug)]
pub struct RuleTable {
    entries: Vec<Entry>,
    index: Index,
    phases: Vec<&'static str>,
    nameable: FxHashSet<&'static str>,
    names_any: bool,
    slack_max: Nanos,
    digest: u32,
}

/// A row with its expressions.
#[derive(Debug)]
struct Entry {
    rule: &'static Rule,
    message: Option<Expression>,
    lists: Option<Expression>,
}

/// What of an Event the table looks at; what is `None` fits any row.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "named as in KubeEvent")]
pub struct Query<'e> {
    pub component: Option<&'e str>,
    pub reason: Option<&'e str>,
    pub event_type: Option<&'e str>,
    /// API group of the involved object.
    pub group: Option<&'e str>,
    pub kind: Option<&'e str>,
    pub namespace: &'e str,
    pub name: &'e str,
    pub message: &'e str,
}

impl<'e> From<&'e KubeEvent<'_>> for Query<'e> {
    fn from(event: &'e KubeEvent<'_>) -> Self {
        let about = &event.regarding;
        let group = about.api_version.split_once('/').map_or("", |(group, _)| group);
        Self {
            component: Some(&event.component),
            reason: Some(&event.reason),
            event_type: Some(&*event.event_type).filter(|given| !given.is_empty()),
            group: (!about.api_version.is_empty()).then_some(group),
            kind: Some(&about.kind),
            namespace: &about.namespace,
            name: &about.name,
            message: &event.message,
        }
    }
}

impl RuleTable {
    /// The table that is compiled in.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static TABLE: LazyLock<RuleTable> = LazyLock::new(|| {
            let rows = rows_of(BUILTIN).and_then(|rows| RuleTable::build(Vec::new(), rows));
            rows.expect("build.rs has checked the rows")
        });
        &TABLE
    }

    /// The user's rows (JSON in the shape of `rules/README.md`) before the built-in ones. It lives
    /// as long as the process.
    ///
    /// # Errors
    /// The id of a row, and what is wrong with it.
    pub fn with_rows(json: &str) -> Result<&'static Self, String> {
        let table = Self::build(rows_of(json)?, rows_of(BUILTIN)?)?;
        let digest = crc32fast::hash(json.as_bytes());
        Ok(Box::leak(Box::new(Self { digest, ..table })))
    }

    /// Only these rows, for comparisons.
    ///
    /// # Errors
    /// As `with_rows`.
    pub fn of_rows(json: &str) -> Result<&'static Self, String> {
        Ok(Box::leak(Box::new(Self::build(rows_of(json)?, Vec::new())?)))
    }

    /// Rows that have not been checked, then rows that have.
    fn build(own: Vec<Value>, builtin: Vec<Value>) -> Result<Self, String> {
        let own_count = own.len();
        let mut phases = Phase::NAMES.to_vec();
        let read = own.into_iter().chain(builtin).map(|row| read_row(row, &mut phases));
        let rows: Vec<Row> = read.collect::<Result<_, _>>()?;
        check_rows(&rows, &phases)?;
        let samples: Vec<_> = rows[..own_count].iter().map(|row| row.samples.clone()).collect();
        let table = Self::new(rows, phases);
        table.check(&samples)?;
        Ok(table)
    }

    /// Whether the first rows can be matched, and do match their samples.
    pub(super) fn check(&self, samples: &[Vec<Sample>]) -> Result<(), String> {
        for (entry, samples) in self.entries.iter().zip(samples) {
            let expressions = entry.message.iter().chain(&entry.lists);
            expressions
                .map(Expression::check)
                .chain(samples.iter().map(|sample| check_sample(self, entry.rule, sample)))
                .collect::<Result<(), _>>()
                .map_err(|what| format!("row {}: {what}", entry.rule.id))?;
        }
        Ok(())
    }

    fn new(rows: Vec<Row>, phases: Vec<&'static str>) -> Self {
        let entries: Vec<_> = rows.into_iter().map(|row| Entry::new(row.rule)).collect();
        let rules: Vec<_> = entries.iter().map(|entry| entry.rule).collect();
        let (nameable, names_any) = kinds_named(&rules);
        Self {
            index: Index::new(&rules),
            slack_max: rules.iter().map(|rule| rule.slack).fold(GENERIC.slack, Nanos::max),
            digest: 0,
            entries,
            phases,
            nameable,
            names_any,
        }
    }

    /// The built-in rows as they are written, in JSON.
    #[must_use]
    pub fn builtin_json() -> &'static str {
        BUILTIN
    }

    /// The row of an Event; the generic one if no other fits.
    #[must_use]
    pub fn find<'e>(&'e self, event: &'e KubeEvent<'_>) -> RuleMatch<'e> {
        self.find_query(&Query::from(event))
    }

    /// As `find`, for those who ask for other objects only: where no row that concerns any can fit,
    /// none is tried.
    #[must_use]
    pub fn find_named<'e>(&'e self, event: &'e KubeEvent<'_>) -> RuleMatch<'e> {
        let rows = self.index.concerning(&event.reason, &event.component);
        self.first(rows, &Query::from(event))
    }

    /// The row that `find` gives for such an Event.
    #[must_use]
    pub fn find_query<'e>(&'e self, query: &Query<'e>) -> RuleMatch<'e> {
        let (reason, component) = (query.reason.unwrap_or(""), query.component.unwrap_or(""));
        self.first(self.index.all(reason, component), query)
    }

    fn first<'e>(
        &'e self,
        mut rows: impl Iterator<Item = u16>,
        query: &Query<'e>,
    ) -> RuleMatch<'e> {
        rows.find_map(|row| self.entries[usize::from(row)].fits(query))
            .unwrap_or_else(|| RuleMatch::new(&GENERIC, query, Groups::default(), None))
    }

    /// All rows that fit, in the order in which they are tried.
    pub fn fitting<'e>(&'e self, query: &Query<'e>) -> impl Iterator<Item = RuleMatch<'e>> {
        let without = |entry: &&Entry| entry.rule.reasons.is_empty();
        let with = self.entries.iter().filter(move |entry| !without(entry));
        let all = with.chain(self.entries.iter().filter(without));
        all.filter_map(|entry| entry.fits(query))
    }

    /// Whether some row names objects of this kind.
    #[must_use]
    pub fn nameable(&self, kind: &str) -> bool {
        self.names_any || self.nameable.contains(kind)
    }

    /// The largest slack of any row.
    #[must_use]
    pub fn slack_max(&self) -> Nanos {
        self.slack_max
    }

    /// Tells apart tables with other rows of the user.
    #[must_use]
    pub fn digest(&self) -> u32 {
        self.digest
    }

    /// The name of a phase.
    #[must_use]
    pub fn phase_name(&self, phase: Phase) -> &'static str {
        self.phases[usize::from(phase.0)]
    }

    /// All rows, in the order in which they are written; the user's come first.
    pub fn rows(&self) -> impl Iterator<Item = &'static Rule> + '_ {
        self.entries.iter().map(|entry| entry.rule)
    }
}

/// Kinds that some row names, and whether one may name any kind.
fn kinds_named(rules: &[&'static Rule]) -> (FxHashSet<&'static str>, bool) {
    let (mut kinds, mut any) = (FxHashSet::default(), false);
    for (rule, named) in rules.iter().flat_map(|rule| rule.names.iter().map(move |n| (rule, n))) {
        match named {
            Named::Object(Told { kind: KindOf::Known(kind), .. }) => {
                kinds.insert(*kind);
            }
            Named::Regarding if !rule.kinds.is_empty() => kinds.extend(rule.kinds),
            Named::Regarding | Named::Object(_) => any = true,
        }
    }
    (kinds, any)
}

impl Entry {
    fn new(rule: Rule) -> Self {
        let rule: &'static Rule = Box::leak(Box::new(rule));
        let (message, lists) = (rule.message.map(Expression::new), rule.lists.map(Expression::new));
        Self { rule, message, lists }
    }

    fn fits<'e>(&'e self, query: &Query<'e>) -> Option<RuleMatch<'e>> {
        let rule = self.rule;
        let among = |list: &[&str], value: Option<&str>| {
            list.is_empty() || value.is_none_or(|value| list.contains(&value))
        };
        let fits = among(rule.reasons, query.reason)
            && among(rule.kinds, query.kind)
            && among(rule.types, query.event_type)
            && among(rule.groups, query.group)
            && query.component.is_none_or(|component| rule.is_from(component));
        if !fits {
            return None;
        }
        let message = query.message.strip_prefix(FOLDED).unwrap_or(query.message);
        let groups = match &self.message {
            None => Groups::default(),
            Some(expression) => expression.find(message)?,
        };
        Some(RuleMatch::new(rule, query, groups, self.lists.as_ref()))
    }
}
