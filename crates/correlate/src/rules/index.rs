//! Which rows an Event can be of, by its reason and controller: two look-ups, whatever the table
//! knows of other controllers.

use rustc_hash::FxHashMap;

use super::rule::Rule;

/// Lists of rows by reason and controller. An empty reason: rows without; an empty controller: rows
/// for any or for a prefix, where no row is for just that controller.
#[derive(Debug)]
pub struct Index(FxHashMap<(&'static str, &'static str), Candidates>);

/// Numbers of rows, in their order.
#[derive(Debug, Default)]
struct Candidates {
    rows: Vec<u16>,
    /// How many there are up to the last that concerns other objects.
    concerning: usize,
}

impl Index {
    pub fn new(rules: &[&'static Rule]) -> Self {
        let mut by_reason: FxHashMap<&str, Vec<u16>> = FxHashMap::default();
        for (number, rule) in rules.iter().enumerate() {
            for reason in or_any(rule.reasons) {
                by_reason.entry(reason).or_default().push(number as u16);
            }
        }
        let mut index: FxHashMap<_, Candidates> = FxHashMap::default();
        let rule = |number: u16| rules[usize::from(number)];
        for (reason, rows) in by_reason {
            for controller in rows.iter().flat_map(|&row| or_any(rule(row).controllers)) {
                let controller = if is_prefix(controller) { "" } else { controller };
                index.entry((reason, controller)).or_insert_with(|| {
                    let mut rows = rows.clone();
                    rows.retain(|&row| may_be_from(rule(row), controller));
                    Candidates::new(rows, |row| rule(row).concerns_others())
                });
            }
        }
        Self(index)
    }

    /// Rows with this reason, then rows without any.
    pub fn all<'e>(&'e self, reason: &'e str, controller: &'e str) -> impl Iterator<Item = u16> {
        let [with, without] = self.candidates(reason, controller);
        with.rows.iter().chain(&without.rows).copied()
    }

    /// As `all`, up to the last row that concerns other objects.
    pub fn concerning<'e>(
        &'e self,
        reason: &'e str,
        controller: &'e str,
    ) -> impl Iterator<Item = u16> {
        let [with, without] = self.candidates(reason, controller);
        let without = &without.rows[..without.concerning];
        let upto = if without.is_empty() { with.concerning } else { with.rows.len() };
        with.rows[..upto].iter().chain(without).copied()
    }

    fn candidates<'e>(&'e self, reason: &'e str, controller: &'e str) -> [&'e Candidates; 2] {
        static NONE: Candidates = Candidates { rows: Vec::new(), concerning: 0 };
        [reason, ""].map(|reason| {
            let just = self.0.get(&(reason, controller));
            just.or_else(|| self.0.get(&(reason, ""))).unwrap_or(&NONE)
        })
    }
}

impl Candidates {
    fn new(rows: Vec<u16>, concerns_others: impl Fn(u16) -> bool) -> Self {
        let last = rows.iter().rposition(|&row| concerns_others(row));
        Self { rows, concerning: last.map_or(0, |last| last + 1) }
    }
}

/// The list itself, or what stands for any.
fn or_any(list: &'static [&'static str]) -> &'static [&'static str] {
    if list.is_empty() { &[""] } else { list }
}

fn is_prefix(controller: &str) -> bool {
    controller.ends_with('*')
}

/// Whether a row can be of Events of this controller; empty: of one that no row is just for.
fn may_be_from(rule: &Rule, controller: &str) -> bool {
    if controller.is_empty() {
        rule.controllers.is_empty() || rule.controllers.iter().any(|name| is_prefix(name))
    } else {
        rule.is_from(controller)
    }
}
