//! An expression of a row. What it begins with is compared before it is run, and it is compiled when
//! it is first needed: most runs meet few of the controllers that the table knows.

use std::sync::OnceLock;

use regex::{Captures, Regex};
use regex_syntax::ast::Span;

/// Messages are looked at this far, in bytes.
const MATCHED_MAX: usize = 16 << 10;

#[derive(Debug)]
pub struct Expression {
    source: &'static str,
    /// What every match begins with.
    prefix: &'static str,
    /// What it begins with is all that it asks for.
    is_prefix: bool,
    compiled: OnceLock<Regex>,
}

/// What the groups of a match hold.
#[derive(Default)]
pub struct Groups<'e>(Option<Captures<'e>>);

impl<'e> Groups<'e> {
    pub fn get(&self, group: &str) -> Option<&'e str> {
        self.0.as_ref()?.name(group).map(|found| found.as_str())
    }
}

impl Expression {
    pub fn new(source: &'static str) -> Self {
        let prefix = literal_prefix(source);
        let is_prefix = !prefix.is_empty() && prefix.len() + 1 == source.len();
        Self { source, prefix, is_prefix, compiled: OnceLock::new() }
    }

    /// What its groups hold, if it matches.
    pub fn find<'e>(&self, text: &'e str) -> Option<Groups<'e>> {
        if !text.starts_with(self.prefix) {
            return None;
        }
        if self.is_prefix {
            return Some(Groups::default());
        }
        let text = &text[..text.floor_char_boundary(MATCHED_MAX)];
        let regex = self.regex();
        if regex.captures_len() > 1 {
            Some(Groups(Some(regex.captures(text)?)))
        } else {
            regex.is_match(text).then(Groups::default)
        }
    }

    /// What is wrong with it and where, in one line.
    pub fn check(&self) -> Result<(), String> {
        let at = |what: String, span: &Span| {
            format!("{what} at character {}: {}", span.start.column, self.source)
        };
        regex_syntax::parse(self.source).map_err(|error| match error {
            regex_syntax::Error::Parse(error) => at(error.kind().to_string(), error.span()),
            regex_syntax::Error::Translate(error) => at(error.kind().to_string(), error.span()),
            error => error.to_string(),
        })?;
        Regex::new(self.source).map(|_| ()).map_err(|error| error.to_string())
    }

    /// The expression compiled. It can be: what is not written here has been checked.
    fn regex(&self) -> &Regex {
        self.compiled.get_or_init(|| {
            Regex::new(self.source).unwrap_or_else(|error| panic!("{}: {error}", self.source))
        })
    }
}

/// The letters behind `^` up to the first character with a meaning.
fn literal_prefix(expression: &'static str) -> &'static str {
    let Some(literal) = expression.strip_prefix('^').filter(|_| !has_alternatives(expression))
    else {
        return "";
    };
    let special = literal.find(|c: char| r"\.+*?()|[]{}^$".contains(c)).unwrap_or(literal.len());
    // The character before a repetition may be missing.
    let repeated = literal[special..].starts_with(['*', '?', '{']);
    let last = literal[..special].chars().next_back().filter(|_| repeated);
    &literal[..special - last.map_or(0, char::len_utf8)]
}

/// Whether there is a `|` outside of all groups and classes.
fn has_alternatives(expression: &str) -> bool {
    let (mut depth, mut class, mut escaped) = (0_u32, false, false);
    for c in expression.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ']' => class = false,
            _ if class => {}
            '[' => class = true,
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::literal_prefix;

    #[test]
    fn a_prefix_is_what_every_match_begins_with() {
        let cases = [
            ("^Created pod: (?<p>x)", "Created pod: "),
            ("^[Cc]reate", ""),
            ("free", ""),
            ("^ab?c", "a"),
            ("^aµ?c", "a"),
            ("^a|b", ""),
            ("^ab(c|d)|e", ""),
            ("^ab(c|d)", "ab"),
            ("^ab[|]", "ab"),
            (r"^ab\|", "ab"),
            ("^a+", "a"),
        ];
        for (expression, prefix) in cases {
            assert_eq!(literal_prefix(expression), prefix, "{expression}");
        }
    }
}
