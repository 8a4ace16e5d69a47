//! Reads rows as they are written (`rules/README.md` has the schema), and checks what must hold of
//! them. `build.rs` does so with the built-in rows and fails the build where one is wrong; the table
//! does so with the user's.

use std::collections::BTreeSet;

use super::rule::{Direction, KindOf, Linked, Named, Phase, Rule, SLACK, Told};
use super::value::{Fields, Value};
use crate::time::{Nanos, SECOND};

/// A row and what proves it.
#[derive(Debug)]
pub struct Row {
    pub rule: Rule,
    pub samples: Vec<Sample>,
}

/// A message of the row. What it leaves out is the first that the row has.
#[derive(Clone, Debug)]
pub struct Sample {
    pub message: &'static str,
    pub want: Vec<(&'static str, &'static str)>,
    pub controller: Option<&'static str>,
    pub reason: Option<&'static str>,
    pub event_type: Option<&'static str>,
}

/// Reads a row. `phases` gets the names of its phases, by number.
///
/// # Errors
/// The id of the row, and what is wrong with it.
pub fn read_row(row: Value, phases: &mut Vec<&'static str>) -> Result<Row, String> {
    let Value::Map(mut fields) = row else { return Err("a row must be a map".to_owned()) };
    let id = fields.text("id")?.filter(|id| !id.is_empty()).ok_or("a row needs an id")?;
    read_keys(id, fields, phases).map_err(|what| format!("row {id}: {what}"))
}

/// What must hold of all rows of a table together.
///
/// # Errors
/// As `read_row`.
pub fn check_rows(rows: &[Row], phases: &[&str]) -> Result<(), String> {
    if rows.len() > usize::from(u16::MAX) || phases.len() > usize::from(u8::MAX) {
        return Err("there are more rows or phases than can be numbered".to_owned());
    }
    let mut ids = BTreeSet::new();
    let begun: BTreeSet<_> = rows.iter().filter_map(|row| row.rule.begins).collect();
    for Row { rule, .. } in rows {
        if !ids.insert(rule.id) {
            return Err(format!("row {}: another row has this id", rule.id));
        }
        if let Some(phase) = rule.ends.iter().find(|phase| !begun.contains(phase)) {
            let name = phases[usize::from(phase.0)];
            return Err(format!("row {}: no row begins the phase {name}, which it ends", rule.id));
        }
    }
    Ok(())
}

fn read_keys(
    id: &'static str,
    mut fields: Fields,
    phases: &mut Vec<&'static str>,
) -> Result<Row, String> {
    let mut phase = |name| {
        let number = phases.iter().position(|&phase| phase == name).unwrap_or_else(|| {
            phases.push(name);
            phases.len() - 1
        });
        Phase(number as u8)
    };
    let rule = Rule {
        id,
        controllers: fields.texts("controllers")?,
        kinds: fields.texts("kinds")?,
        groups: fields.texts("groups")?,
        types: fields.texts("types")?,
        reasons: fields.texts("reasons")?,
        message: fields.text("message")?,
        direction: direction(&mut fields)?,
        names: fields.list("names", "a list", named)?.leak(),
        lists: fields.text("lists")?,
        links: fields.list("links", "a list", linked)?.leak(),
        receives: fields.flag("receives")?,
        opens_trace: word(&mut fields, "opens", "trace")?,
        termination: fields.flag("termination")?,
        begins: fields.text("begins")?.map(&mut phase),
        of_named: word(&mut fields, "of", "named")?,
        on_root: word(&mut fields, "on", "root")?,
        key: fields.text("key")?,
        ends: fields.texts("ends")?.iter().copied().map(phase).collect::<Vec<_>>().leak(),
        trouble: fields.flag("trouble")?,
        slack: seconds(&mut fields, "slack")?.unwrap_or(SLACK),
        timeout: seconds(&mut fields, "timeout")?.unwrap_or(0),
    };
    let samples = fields.list("samples", "a list", sample)?;
    fields.end()?;
    check(&rule)?;
    Ok(Row { rule, samples })
}

fn direction(fields: &mut Fields) -> Result<Direction, String> {
    match fields.text("direction")? {
        None | Some("up") => Ok(Direction::Up),
        Some("down") => Ok(Direction::Down),
        Some(_) => Err("direction must be up or down".to_owned()),
    }
}

/// Whether a key that takes one word is there.
fn word(fields: &mut Fields, key: &str, only: &str) -> Result<bool, String> {
    match fields.text(key)? {
        None => Ok(false),
        Some(word) if word == only => Ok(true),
        Some(_) => Err(format!("{key} must be {only}")),
    }
}

/// `2s`, `10m`, `1h`.
fn seconds(fields: &mut Fields, key: &str) -> Result<Option<Nanos>, String> {
    let read = |text: &str| {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return None,
        };
        number.parse::<u32>().ok()?.checked_mul(unit).map(|seconds| Nanos::from(seconds) * SECOND)
    };
    let Some(text) = fields.text(key)? else { return Ok(None) };
    let wrong = || format!("{key} must be a whole number and s, m or h, not {text}");
    read(text).map(Some).ok_or_else(wrong)
}

fn named(value: Value) -> Result<Named, String> {
    match value {
        Value::Text("regarding") => Ok(Named::Regarding),
        Value::Map(fields) => told(fields).map(Named::Object),
        _ => Err("names takes regarding and {kind, name, namespace}".to_owned()),
    }
}

fn linked(value: Value) -> Result<Linked, String> {
    match value {
        Value::Text("target") => Ok(Linked::Target),
        Value::Text("related") => Ok(Linked::Related),
        Value::Text("node") => Ok(Linked::Node),
        Value::Map(fields) => told(fields).map(Linked::Object),
        _ => Err("links takes target, related, node and {kind, name, namespace}".to_owned()),
    }
}

fn told(mut fields: Fields) -> Result<Told, String> {
    let kind = fields.text("kind")?.ok_or("an object needs a kind")?;
    let is_kind = kind.starts_with(|first: char| first.is_ascii_uppercase());
    let told = Told {
        kind: if is_kind { KindOf::Known(kind) } else { KindOf::Group(kind) },
        name: fields.text("name")?.ok_or("an object needs a name")?,
        namespace: fields.text("namespace")?,
    };
    fields.end()?;
    Ok(told)
}

fn sample(value: Value) -> Result<Sample, String> {
    let Value::Map(mut fields) = value else {
        return Err("a sample must be a map".to_owned());
    };
    let text = |(group, value): (String, Value)| {
        let value = value.text().ok_or_else(|| format!("{group} of want must be text"))?;
        Ok((&*group.leak(), value))
    };
    let sample = Sample {
        message: fields.text("message")?.ok_or("a sample needs a message")?,
        want: fields.map("want")?.0.into_iter().map(text).collect::<Result<_, String>>()?,
        controller: fields.text("controller")?,
        reason: fields.text("reason")?,
        event_type: fields.text("type")?,
    };
    // For people only.
    fields.text("versions")?;
    fields.end()?;
    Ok(sample)
}

/// What must hold of a row by itself.
fn check(rule: &Rule) -> Result<(), String> {
    let begins = rule.begins.is_some();
    let demands = [
        (
            !rule.reasons.is_empty() || !rule.controllers.is_empty(),
            "a row needs reasons or controllers",
        ),
        (
            begins == (rule.timeout > 0),
            "begins and timeout go together: a phase needs a time for its end",
        ),
        (!rule.of_named || (begins && !rule.names.is_empty()), "of: named needs begins and names"),
        (!rule.on_root || begins, "on: root needs begins"),
        (!rule.trouble || begins || !rule.ends.is_empty(), "trouble needs begins or ends"),
    ];
    if let Some((_, demand)) = demands.iter().find(|(holds, _)| !holds) {
        return Err((*demand).to_owned());
    }
    let message = rule.message.unwrap_or("");
    check_expression(message)?;
    for group in groups_of(rule) {
        require_group(message, "message", group)?;
    }
    let Some(lists) = rule.lists else { return Ok(()) };
    check_expression(lists)?;
    require_group(lists, "lists", "kind")?;
    require_group(lists, "lists", "name")
}

/// The groups of the message in which the objects of the row are told.
fn groups_of(rule: &Rule) -> impl Iterator<Item = &'static str> {
    let named = rule.names.iter().filter_map(|named| match named {
        Named::Object(told) => Some(told),
        Named::Regarding => None,
    });
    let linked = rule.links.iter().filter_map(|linked| match linked {
        Linked::Object(told) => Some(told),
        Linked::Target | Linked::Related | Linked::Node => None,
    });
    let told = named.chain(linked).flat_map(|told| {
        let kind = if let KindOf::Group(group) = told.kind { Some(group) } else { None };
        let namespace = told.namespace.filter(|namespace| !namespace.is_empty());
        [kind, Some(told.name), namespace].into_iter().flatten()
    });
    told.chain(rule.key)
}

fn require_group(expression: &str, key: &str, group: &str) -> Result<(), String> {
    let there = expression.contains(&format!("(?<{group}>"));
    if there { Ok(()) } else { Err(format!("{key} has no group {group}")) }
}

/// Rust and JavaScript must read an expression alike; classes like `\d` need Unicode tables here and
/// are ASCII there.
fn check_expression(expression: &str) -> Result<(), String> {
    let mut characters = expression.chars();
    while let Some(character) = characters.next() {
        if character == '\\' && !characters.next().is_some_and(|next| next.is_ascii_punctuation()) {
            return Err(format!("only punctuation may be escaped: {expression}"));
        }
    }
    for (index, _) in expression.match_indices("(?") {
        let rest = &expression[index + 2..];
        let named = rest.strip_prefix('<').and_then(|name| name.chars().next());
        if !rest.starts_with(':') && !named.is_some_and(|first| first.is_ascii_lowercase()) {
            return Err(format!("groups are (...), (?:...) or (?<name>...): {expression}"));
        }
    }
    Ok(())
}
