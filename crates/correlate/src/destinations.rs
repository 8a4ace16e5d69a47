//! Which of several destinations the spans of a namespace are for.
//!
//! In go the user's rules as JSON, then a namespace and the labels of its Namespace; out comes a
//! number: 0 for the ordinary destination, n for the n-th rule, of which the first that fits counts.
//! Promises that the same namespace and labels always give the same number.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use crate::fields::{elements, members, text};
use crate::json::{JsonError, Scanner};

/// The user's rules, in order. None: all is for destination 0.
#[derive(Clone, Debug, Default)]
pub struct DestinationRules(Vec<Rule>);

/// Whose spans a destination gets; what is empty fits any.
#[derive(Clone, Debug, Default)]
struct Rule {
    /// Names, with `*` and `?`.
    namespaces: Vec<String>,
    labels: Vec<(String, String)>,
}

impl DestinationRules {
    /// Reads an array of `{"namespaces": [...], "labels": {...}}`.
    ///
    /// # Errors
    /// It is no JSON.
    pub fn from_json(json: &str) -> Result<Self, String> {
        let mut rules = Vec::new();
        let mut scanner = Scanner::new(json.as_bytes());
        let read = elements(&mut scanner, |s| rule(s).map(|rule| rules.push(rule)));
        read.and_then(|()| scanner.end()).map_err(|_| "destinations must be JSON".to_owned())?;
        Ok(Self(rules))
    }

    /// How many destinations there are beside the ordinary one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is only the ordinary one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of a namespace's destination; its `labels` as JSON, empty: not known.
    #[must_use]
    pub fn choose(&self, namespace: &str, labels: &[u8]) -> usize {
        let labels = labels_of(labels);
        let fits = |rule: &Rule| {
            let named = |pattern: &String| is_like(namespace.as_bytes(), pattern.as_bytes());
            let holds =
                |(key, value): &(String, String)| labels.get(&**key).is_some_and(|is| is == value);
            (rule.namespaces.is_empty() || rule.namespaces.iter().any(named))
                && rule.labels.iter().all(holds)
        };
        self.0.iter().position(fits).map_or(0, |index| index + 1)
    }
}

fn rule(s: &mut Scanner<'_>) -> Result<Rule, JsonError> {
    let mut rule = Rule::default();
    members(s, |s, key| match key {
        b"namespaces" => elements(s, |s| {
            rule.namespaces.push(text(s, &mut false)?.into_owned());
            Ok(())
        }),
        b"labels" => members(s, |s, key| {
            let key = String::from_utf8_lossy(key).into_owned();
            rule.labels.push((key, text(s, &mut false)?.into_owned()));
            Ok(())
        }),
        _ => s.skip().map(|_| ()),
    })?;
    Ok(rule)
}

/// What is no JSON has none.
fn labels_of(json: &[u8]) -> FxHashMap<String, Cow<'_, str>> {
    let mut labels = FxHashMap::default();
    let read = members(&mut Scanner::new(json), |s, key| {
        labels.insert(String::from_utf8_lossy(key).into_owned(), text(s, &mut false)?);
        Ok(())
    });
    if read.is_ok() { labels } else { FxHashMap::default() }
}

/// `*` stands for any characters, `?` for one. Goes back to the last `*` only: any earlier one can
/// take less.
fn is_like(name: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut next) = (0, 0);
    let mut star = None;
    while at < name.len() {
        match pattern.get(next) {
            Some(b'*') => {
                star = Some((at, next));
                next += 1;
            }
            Some(&one) if one == b'?' || one == name[at] => {
                at += 1;
                next += 1;
            }
            _ => {
                let Some((from, of)) = star else { return false };
                star = Some((from + 1, of));
                (at, next) = (from + 1, of + 1);
            }
        }
    }
    pattern[next..].iter().all(|&rest| rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::{DestinationRules, is_like};

    #[test]
    fn a_star_stands_for_any_characters_and_a_question_mark_for_one() {
        for (pattern, fits, fails) in [
            ("pay", &["pay"][..], &["", "pays", "apay"][..]),
            ("pay-*", &["pay-", "pay-eu"], &["pay", "xpay-eu"]),
            ("*-eu", &["-eu", "a-eu", "-eu-eu"], &["eu", "a-eu-b"]),
            ("a*b*c", &["abc", "aXbXbYc", "abcbc"], &["ab", "acb", "abcd"]),
            ("team-?", &["team-1"], &["team-", "team-12"]),
            ("?*", &["a", "ab"], &[""]),
            ("*", &["", "any"], &[]),
        ] {
            for name in fits {
                assert!(is_like(name.as_bytes(), pattern.as_bytes()), "{name} is like {pattern}");
            }
            for name in fails {
                assert!(!is_like(name.as_bytes(), pattern.as_bytes()), "{name} not {pattern}");
            }
        }
    }

    #[test]
    fn the_first_rule_counts_whose_names_and_labels_both_fit() {
        let rules = DestinationRules::from_json(
            r#"[{"namespaces":["pay-*"],"labels":{"team":"pay","new":""}},{"namespaces":["pay-eu","shop"]},{"labels":{"team":"pay"}}]"#,
        )
        .expect("it is JSON");
        for (namespace, labels, expected) in [
            ("pay-eu", r#"{"team":"pay","new":""}"#, 1),
            ("pay-eu", r#"{"team":"pay"}"#, 2),
            ("pay-us", r#"{"team":"pay"}"#, 3),
            ("pay-us", r#"{"team":"payments"}"#, 0),
            ("pay-us", r#"{"team":["pay"]}"#, 0),
            ("pay-us", r#"{"team":"pay""#, 0),
            ("pay-us", "", 0),
            ("shop", "", 2),
            ("kube-system", "{}", 0),
        ] {
            let chosen = rules.choose(namespace, labels.as_bytes());
            assert_eq!(chosen, expected, "{namespace} with {labels}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        assert!(DestinationRules::from_json("[{]").is_err());
        assert!(DestinationRules::from_json("[]").is_ok_and(|rules| rules.is_empty()));
    }
}
