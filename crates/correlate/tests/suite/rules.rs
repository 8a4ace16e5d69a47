//! The table of causality: what it finds is the first row that fits, whichever way it is asked, and
//! what is wrong with a user's row is said with its id.

use correlate::event::{KubeEvent, parse_event};
use correlate::frame::{Parsed, parse_frame};
use correlate::rules::{Query, RuleTable};

use crate::golden::scenarios;

/// Rows in every position that order and look-ups know.
const ROWS: &str = r#"[
    {"id": "any-controller", "reasons": ["Created"], "kinds": ["Pod"], "types": ["Warning"]},
    {"id": "by-prefix", "controllers": ["kube*"], "kinds": ["Widget"],
     "message": "^made (?<pod>[^ ]+)", "names": [{"kind": "Pod", "name": "pod"}]},
    {"id": "by-group", "controllers": ["kubelet"], "groups": ["", "apps"], "reasons": ["Odd"]},
    {"id": "by-reason", "reasons": ["Odd"], "message": "^made (?<pod>[^ ]+)",
     "names": [{"kind": "Pod", "name": "pod", "namespace": ""}]},
    {"id": "any-reason", "controllers": ["kubelet", "other"], "kinds": ["Widget"]}
]"#;

/// Calls `use_event` with each Event of all scenarios.
fn each_event(mut use_event: impl FnMut(&KubeEvent<'_>)) {
    for (_, (input, _)) in scenarios() {
        for line in input.split(|&byte| byte == b'\n') {
            if let Ok(Parsed::Event(_, event)) = parse_frame(line, None) {
                use_event(&event);
            }
        }
    }
}

fn event(component: &str, reason: &str, kind: &str, api_version: &str, message: &str) -> Vec<u8> {
    format!(
        r#"{{"metadata":{{"uid":"u"}},"type":"Normal","message":"{message}","reason":"{reason}",
        "involvedObject":{{"kind":"{kind}","name":"n","namespace":"ns","apiVersion":"{api_version}"}},
        "source":{{"component":"{component}"}}}}"#
    )
    .into_bytes()
}

/// As the table is described: the first of all rows that fits, one after the other.
fn check(table: &RuleTable, event: &KubeEvent<'_>) -> &'static str {
    let first = table.fitting(&Query::from(event)).next().map_or("generic", |row| row.rule.id);
    let found = table.find(event);
    assert_eq!(found.rule.id, first, "{event:?}");
    let named = table.find_named(event);
    assert!(named.names().eq(found.names()), "{event:?}");
    assert!(named.linked().eq(found.linked()), "{event:?}");
    assert_eq!(named.rule.trouble, found.rule.trouble, "{event:?}");
    first
}

#[test]
fn the_first_row_that_fits_is_found_whatever_is_looked_up_first() {
    let table = RuleTable::with_rows(ROWS).expect("they are right");
    each_event(|event| {
        check(RuleTable::builtin(), event);
        check(table, event);
    });
    let cases = [
        (["kubelet", "Odd", "Widget", "v1", "made x"], "by-group"),
        (["kubelet", "Odd", "Widget", "apps/v1", "made x"], "by-group"),
        (["kubelet", "Odd", "Widget", "", "made x"], "by-group"),
        (["kubelet", "Odd", "Widget", "batch/v1", "made x"], "by-reason"),
        (["anyone", "Odd", "Widget", "v1", "made x"], "by-reason"),
        (["kubelet", "Strange", "Widget", "v1", "made x"], "by-prefix"),
        (["kubernetes", "Strange", "Widget", "v1", "made x"], "by-prefix"),
        (["kubelet", "Strange", "Widget", "v1", "lost x"], "any-reason"),
        (["kubernetes", "Strange", "Widget", "v1", "lost x"], "generic"),
        (["kubelet", "Created", "Pod", "v1", "Container created"], "container-created"),
        (["kubelet", "", "Widget", "", ""], "any-reason"),
        (["", "", "", "", ""], "generic"),
    ];
    for ([component, reason, kind, api_version, message], id) in cases {
        let json = event(component, reason, kind, api_version, message);
        assert_eq!(check(table, &parse_event(&json).expect("an Event")), id, "{reason}");
    }
}

#[test]
fn objects_are_told_with_the_namespace_that_the_row_says() {
    let rows = r#"[{"id": "list", "reasons": ["Applied"], "message": "^(?<kind>[A-Z][a-z]+) (?<name>[a-z]+)(?: in (?<at>[a-z]+))?",
        "names": [{"kind": "kind", "name": "name", "namespace": "at"}, {"kind": "Node", "name": "name", "namespace": ""}],
        "lists": "^(?<kind>[A-Z][A-Za-z]*)/(?:(?<namespace>[a-z]+)/)?(?<name>[a-z]+) [a-z]+$"}]"#;
    let table = RuleTable::with_rows(rows).expect("they are right");
    let told = |message: &str| {
        let query = Query { reason: Some("Applied"), namespace: "ns", message, ..Query::default() };
        let found = table.find_query(&query);
        format!("{:?} {:?}", found.names().collect::<Vec<_>>(), found.linked().collect::<Vec<_>>())
    };
    assert_eq!(told("Pod web in shop"), r#"[("Pod", "shop", "web"), ("Node", "", "web")] []"#);
    assert_eq!(
        told("Pod web\nDeployment/shop/web created\nno line\nJob/tick configured"),
        r#"[("Pod", "ns", "web"), ("Node", "", "web")] [Named("Deployment", "shop", "web"), Named("Job", "ns", "tick")]"#
    );
}

#[test]
fn a_wrong_row_is_refused_with_its_id() {
    let cases = [
        (r#"{"id": "x"}"#, "rows must be a JSON array"),
        (r#"[{"reasons": ["A"]}]"#, "a row needs an id"),
        (r#"[{"id": "x"}]"#, "row x: a row needs reasons or controllers"),
        (r#"[{"id": "x", "reasons": "A"}]"#, "row x: reasons must be a list of texts"),
        (r#"[{"id": "x", "reasons": ["A"], "reason": "B"}]"#, "row x: there is no key reason"),
        (
            r#"[{"id": "x", "reasons": ["A"], "direction": "left"}]"#,
            "row x: direction must be up or down",
        ),
        (
            r#"[{"id": "x", "reasons": ["A"], "slack": "2d"}]"#,
            "row x: slack must be a whole number and s, m or h, not 2d",
        ),
        (
            r#"[{"id": "x", "reasons": ["A"], "begins": "b"}]"#,
            "row x: begins and timeout go together: a phase needs a time for its end",
        ),
        (
            r#"[{"id": "x", "reasons": ["A"], "ends": ["b"]}]"#,
            "row x: no row begins the phase b, which it ends",
        ),
        (
            r#"[{"id": "x", "reasons": ["A"], "names": ["itself"]}]"#,
            "row x: names takes regarding and {kind, name, namespace}",
        ),
        (
            r#"[{"id": "x", "reasons": ["A"], "names": [{"kind": "Pod", "name": "p"}]}]"#,
            "row x: message has no group p",
        ),
        (
            r#"[{"id": "x", "reasons": ["A"], "lists": "^(?<kind>a)"}]"#,
            "row x: lists has no group name",
        ),
        (
            r#"[{"id": "x", "reasons": ["A"], "message": "\\d"}]"#,
            r"row x: only punctuation may be escaped: \d",
        ),
        (
            r#"[{"id": "x", "reasons": ["A"], "message": "(?=a)"}]"#,
            "row x: groups are (...), (?:...) or (?<name>...): (?=a)",
        ),
        (
            r#"[{"id": "x", "reasons": ["A"], "message": "^a(b"}]"#,
            "row x: unclosed group at character 3: ^a(b",
        ),
        (
            r#"[{"id": "x", "reasons": ["A"], "lists": "(?<kind>a)(?<name>b)["}]"#,
            "row x: unclosed character class at character 21: (?<kind>a)(?<name>b)[",
        ),
        (
            r#"[{"id": "x", "reasons": ["A"]}, {"id": "x", "reasons": ["B"]}]"#,
            "row x: another row has this id",
        ),
        (
            r#"[{"id": "pod-created", "reasons": ["A"]}]"#,
            "row pod-created: another row has this id",
        ),
        (
            r#"[{"id": "x", "reasons": ["A"], "message": "^a", "samples": [{"message": "b"}]}]"#,
            "row x: its sample is not of the row: b",
        ),
        (
            r#"[{"id": "y", "reasons": ["A"]}, {"id": "x", "reasons": ["A"], "samples": [{"message": "b"}]}]"#,
            "row x: its sample is of the row y: b",
        ),
        (
            r#"[{"id": "x", "reasons": ["A"], "message": "^(?<g>a+)", "samples": [{"message": "aa", "want": {"g": "a"}}]}]"#,
            "row x: g holds aa, not a, in its sample: aa",
        ),
    ];
    for (rows, what) in cases {
        assert_eq!(RuleTable::with_rows(rows).map(|_| ()), Err(what.to_owned()), "{rows}");
    }
}
