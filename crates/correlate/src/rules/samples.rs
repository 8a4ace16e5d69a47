//! Rows prove themselves: each sample must be an Event of its row, be found as that by the table, and
//! hold in its groups what it says.

use super::read::Sample;
use super::rule::Rule;
use super::table::{Query, RuleTable};

/// What is wrong with a sample of a row, in one line.
pub fn check_sample(table: &RuleTable, rule: &Rule, sample: &Sample) -> Result<(), String> {
    let shown = sample.message;
    let found = table.find_query(&query(rule, sample));
    if found.rule.is_generic() {
        return Err(format!("its sample is not of the row: {shown}"));
    }
    if found.rule.id != rule.id {
        return Err(format!("its sample is of the row {}: {shown}", found.rule.id));
    }
    for (group, want) in &sample.want {
        let held = found.capture(group).or_else(|| found.first_listed(group));
        if held != Some(want) {
            let held = held.unwrap_or("nothing");
            return Err(format!("{group} holds {held}, not {want}, in its sample: {shown}"));
        }
    }
    Ok(())
}

/// The Event that a sample stands for: what it leaves out is the first that the row has.
fn query<'e>(rule: &Rule, sample: &Sample) -> Query<'e> {
    let first = |list: &'static [&'static str]| list.first().copied();
    let controller = first(rule.controllers).map(|name| name.strip_suffix('*').unwrap_or(name));
    Query {
        component: sample.controller.or(controller).or(Some("any")),
        reason: sample.reason.or(first(rule.reasons)).or(Some("Any")),
        event_type: sample.event_type.or(first(rule.types)).or(Some("Normal")),
        group: first(rule.groups),
        kind: first(rule.kinds).or(Some("Any")),
        namespace: "namespace",
        name: "name",
        message: sample.message,
    }
}

#[cfg(test)]
mod tests {
    use super::super::from_json::rows_of;
    use super::super::read::read_row;
    use super::super::table::RuleTable;

    const ROWS: &str = include_str!(concat!(env!("OUT_DIR"), "/rows-with-samples.json"));

    #[test]
    fn every_sample_is_found_as_its_row_and_holds_what_it_says() {
        let rows = rows_of(ROWS).expect("build.rs wrote it");
        let samples = rows.into_iter().map(|row| {
            read_row(row, &mut Vec::new()).expect("build.rs has checked the rows").samples
        });
        let samples: Vec<_> = samples.collect();
        assert_eq!(RuleTable::builtin().check(&samples), Ok(()));
    }
}
