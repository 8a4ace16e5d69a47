//! What the table makes of a message, as JSON for `kspan rules test`.

use std::fmt::Write;

use super::found::{Link, RuleMatch};
use super::table::{Query, RuleTable};

impl RuleTable {
    /// All rows that fit, the one that counts first: a list of `{id, groups, names, links, nanos}`.
    /// Groups are pairs; names and links are lists of texts, a link's with its kind first.
    #[must_use]
    pub fn try_json(&self, query: &Query<'_>) -> String {
        list(self.fitting(query).map(|found| trial(&found)))
    }
}

fn trial(found: &RuleMatch<'_>) -> String {
    let groups = groups_of(found.rule.message.unwrap_or(""))
        .filter_map(|group| Some([group, found.capture(group)?]));
    let names = found.names().map(|(kind, namespace, name)| [kind, namespace, name]);
    let links = found.linked().map(|link| match link {
        Link::Target => texts(&["target"]),
        Link::Related => texts(&["related"]),
        Link::Node => texts(&["node"]),
        Link::Named(kind, namespace, name) => texts(&["names", kind, namespace, name]),
    });
    format!(
        r#"{{"id":{},"groups":{},"names":{},"links":{},"nanos":{}}}"#,
        text(found.rule.id),
        list(groups.map(|group| texts(&group))),
        list(names.map(|names| texts(&names))),
        list(links),
        found.stated_duration().map_or("null".to_owned(), |nanos| nanos.to_string()),
    )
}

fn groups_of(expression: &'static str) -> impl Iterator<Item = &'static str> {
    let openings = expression.split("(?<").skip(1);
    openings.filter_map(|rest| rest.split_once('>').map(|(group, _)| group))
}

fn texts(all: &[&str]) -> String {
    list(all.iter().map(|one| text(one)))
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

fn text(text: &str) -> String {
    let mut out = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\0'..' ' => {
                write!(out, "\\u{:04x}", u32::from(character)).expect("a String takes all");
            }
            _ => out.push(character),
        }
    }
    out + "\""
}
