//! Everything that `kubectl get -o json` prints, and what tools make of it, is the same stream of
//! objects.

use correlate::batch::read;
use correlate::counts::RouterCounts;
use correlate::event::KubeEvent;
use correlate::frame::SkipReason;
use correlate::limits::Settings;
use correlate::meta::ObjectMeta;
use correlate::record::Record;
use correlate::router::Router;
use correlate::wire;

/// What a Correlator is told of, as `Kind/name`.
fn told(input: &[u8], chunk: usize) -> (Vec<String>, RouterCounts) {
    let mut router = Router::new(Settings::default());
    let mut batch = Vec::new();
    for chunk in input.chunks(chunk) {
        router.push(chunk).expect("the input is within its limits");
        batch.extend(router.take(0, true));
    }
    while !router.finish().expect("the input is within its limits") {
        batch.extend(router.take(0, true));
    }
    batch.extend(router.take(0, true));
    let names = records(&batch).filter_map(|record| match record {
        Record::Meta { version, .. } => {
            let meta: ObjectMeta<'_> = wire::read(version.metadata).expect("an object");
            Some(format!("{} {}/{}", meta.api_version, meta.kind, meta.name))
        }
        Record::Event { event, .. } => {
            let event: KubeEvent<'_> = wire::read(event).expect("an Event");
            Some(format!("Event/{}", event.name))
        }
        _ => None,
    });
    (names.collect(), router.counts())
}

fn records(batch: &[u8]) -> impl Iterator<Item = Record<'_>> {
    read(batch).map(|item| item.expect("a Router wrote it").1)
}

/// As `told`, whatever the chunks.
fn names(input: &str) -> Vec<String> {
    let input = input.as_bytes();
    let whole = told(input, input.len().max(1));
    for chunk in [1, 2, 3, 5, 17, 64, 1000] {
        assert_eq!(
            told(input, chunk),
            whole,
            "chunks of {chunk}: {}",
            String::from_utf8_lossy(input)
        );
    }
    assert_eq!(whole.1.frames, whole.0.len() as u64, "{}", whole.1.to_json());
    whole.0
}

fn pod(name: &str) -> String {
    format!(
        r#"{{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"{name}","uid":"{name}","namespace":"n"}},"spec":{{"x":[1,{{}}]}}}}"#
    )
}

/// A kind's object as a typed list holds it.
fn kindless(name: &str) -> String {
    pod(name).replace(r#""kind":"Pod","apiVersion":"v1","#, "")
}

/// As `kubectl get -o json` indents it.
fn pretty(json: &str) -> String {
    let mut out = String::new();
    let mut depth = 0;
    for character in json.chars() {
        match character {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ => {}
        }
        if matches!(character, '}' | ']') {
            out.push('\n');
            out.push_str(&"    ".repeat(depth));
        }
        out.push(character);
        match character {
            '{' | '[' | ',' => {
                out.push('\n');
                out.push_str(&"    ".repeat(depth));
            }
            ':' => out.push(' '),
            _ => {}
        }
    }
    out
}

const A: &str = "v1 Pod/a";
const B: &str = "v1 Pod/b";

#[test]
fn values_may_stand_in_any_white_space() {
    let (a, b) = (pod("a"), pod("b"));
    for between in ["\n", "\r\n", "\n\n \t\n", " ", "", "\r"] {
        assert_eq!(names(&format!("{a}{between}{b}")), [A, B], "{between:?}");
        assert_eq!(names(&format!("{between}{a}{between}{b}{between}")), [A, B], "{between:?}");
        let (a, b) = (pretty(&a), pretty(&b));
        assert_eq!(names(&format!("{a}{between}{b}{between}")), [A, B], "{between:?}");
    }
    assert_eq!(names(""), [""; 0]);
    assert_eq!(names(" \n\r\n\t"), [""; 0]);
}

#[test]
fn keys_may_come_in_any_order() {
    let object = r#"{"metadata":{"uid":"a","name":"a"},"apiVersion":"v1","kind":"Pod"}"#;
    for frame in [
        format!(r#"{{"object":{object},"type":"ADDED"}}"#),
        format!(r#"{{"receivedAt":"2026-11-22T15:31:27Z","object":{object},"type":"MODIFIED"}}"#),
        format!(
            r#"{{"extra":[{{}}],"type":"ADDED","resource":{{"kind":"Pod"}},"object":{object}}}"#
        ),
        format!(r#"{{"\u006fbject":{object},"type":"ADDED"}}"#),
    ] {
        assert_eq!(names(&frame), [A], "{frame}");
    }
}

#[test]
fn a_frame_gives_its_object_the_kind_that_it_lacks() {
    let partial = r#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"uid":"a","name":"a"}}"#;
    let resource = r#"{"group":"apps","version":"v1","kind":"ReplicaSet"}"#;
    for object in [partial, r#"{"metadata":{"uid":"a","name":"a"}}"#] {
        let frame = format!(r#"{{"type":"ADDED","object":{object},"resource":{resource}}}"#);
        assert_eq!(names(&frame), ["apps/v1 ReplicaSet/a"]);
        let frame = format!(r#"{{"resource":{{"version":"v1","kind":"Pod"}},"object":{object}}}"#);
        assert_eq!(names(&frame), [A]);
    }
}

#[test]
fn a_list_is_its_items() {
    let (a, b) = (pod("a"), pod("b"));
    let lists = [
        format!(
            r#"{{"apiVersion":"v1","items":[{a},{b}],"kind":"List","metadata":{{"resourceVersion":""}}}}"#
        ),
        format!(r#"{{"kind":"List","items":[{a},{b}]}}"#),
        format!(r#"{{"items":[{a},{b}]}}"#),
    ];
    for list in lists {
        assert_eq!(names(&list), [A, B], "{list}");
        assert_eq!(names(&pretty(&list)), [A, B], "{list}");
        let other = list.replace("\"a\"", "\"d\"").replace("\"b\"", "\"e\"");
        let twice = format!("{}\n{other}{}", pretty(&list), pod("c"));
        let all = [A, B, "v1 Pod/d", "v1 Pod/e", "v1 Pod/c"];
        assert_eq!(names(&twice), all, "{list}");
        let lines = list.replace("},{", "},\n{").replace("[{", "[\n{").replace("}]", "}\n]");
        assert_eq!(names(&lines), [A, B], "{lines}");
    }
    assert_eq!(names(r#"{"kind":"List","apiVersion":"v1","items":[]}"#), [""; 0]);
    let more = r#""metadata":{"x":{"y":{}}},"z":[[{}],{}]"#;
    assert_eq!(names(&format!(r#"{{{more},"items":[{a},{b}],{more}}}"#)), [A, B]);
}

#[test]
fn a_typed_list_gives_its_items_their_kind_wherever_it_tells_it() {
    let (a, b, c) = (kindless("a"), kindless("b"), pod("c"));
    let lists = [
        format!(r#"{{"kind":"PodList","apiVersion":"v1","items":[{a},{b},{c}]}}"#),
        format!(r#"{{"kind":"PodList","items":[{a},{b},{c}],"metadata":{{}},"apiVersion":"v1"}}"#),
        format!(r#"{{"apiVersion":"v1","items":[{a},{b},{c}],"kind":"PodList","metadata":{{}}}}"#),
        format!(
            r#"{{"items":[{a},{b},{c}],"metadata":{{"kind":"x"}},"kind":"PodList","apiVersion":"v1"}}"#
        ),
    ];
    for list in lists {
        for text in [pretty(&list), list] {
            let mut found = names(&text);
            found.sort();
            let kinds: Vec<_> =
                found.iter().map(|name| &name[name.find(' ').expect("a kind")..]).collect();
            assert_eq!(kinds, [" Pod/a", " Pod/b", " Pod/c"], "{text}");
        }
    }
}

#[test]
fn a_list_may_be_larger_than_a_frame() {
    let filler = "x".repeat(1 << 20);
    let items: Vec<_> = (0..12)
        .map(|item| pod(&format!("p{item}")).replace("\"x\"", &format!("\"{filler}\"")))
        .collect();
    let expected: Vec<_> = (0..12).map(|item| format!("v1 Pod/p{item}")).collect();
    let list = format!(r#"{{"kind":"List","items":[{}]}}"#, items.join(","));
    for text in [pretty(&list), list] {
        let (found, counts) = told(text.as_bytes(), 1 << 16);
        assert_eq!(found, expected);
        assert_eq!(counts.frames, 12);
    }
}

#[test]
fn an_item_that_is_too_large_or_too_deep_is_skipped_alone() {
    let large = pod("large").replace("\"x\"", &format!("\"{}\"", "x".repeat(9 << 20)));
    let deep = pod("deep").replace("[1,", &format!("[{}{},", "[".repeat(70), "]".repeat(70)));
    for (item, reason) in [(large, SkipReason::FrameTooLarge), (deep, SkipReason::TooDeep)] {
        let list = format!(r#"{{"kind":"List","items":[{},{item},{}]}}"#, pod("a"), pod("b"));
        for chunk in [1 << 12, 1 << 16, list.len()] {
            let (found, counts) = told(list.as_bytes(), chunk);
            assert_eq!(found, [A, B], "{reason:?}");
            assert_eq!((counts.frames, counts.skipped(reason)), (3, 1), "{}", counts.to_json());
        }
    }
}

#[test]
fn after_a_broken_value_the_next_one_counts() {
    let (a, b) = (pretty(&pod("a")), pod("b"));
    let cut = &a[..a.len() - 30];
    let odd = a.replacen("\"metadata\"", "metadata", 1);
    for (bad, reason) in [(cut, SkipReason::Truncated), (&odd, SkipReason::NotJson)] {
        for next in [&b, &pretty(&b)] {
            let input = format!("{bad}\n{next}\n");
            for chunk in [1, 10, input.len()] {
                let (found, counts) = told(input.as_bytes(), chunk);
                assert_eq!(found, [B], "{input}");
                assert_eq!((counts.frames, counts.skipped(reason)), (2, 1), "{}", counts.to_json());
            }
        }
    }
}

#[test]
fn a_cut_list_gives_the_items_that_are_whole() {
    let list = format!(r#"{{"kind":"List","items":[{},{},{}]}}"#, pod("a"), pod("b"), pod("c"));
    for list in [pretty(&list), list] {
        let cut = &list[..list.len() - 40];
        let followed = format!("{cut}\n{}", pod("d"));
        for (input, names) in [(cut.to_owned(), &[A, B][..]), (followed, &[A, B, "v1 Pod/d"])] {
            for chunk in [1, 10, input.len()] {
                let (found, counts) = told(input.as_bytes(), chunk);
                assert_eq!(found, names, "{input}");
                assert_eq!(counts.skipped(SkipReason::Truncated), 1, "{}", counts.to_json());
            }
        }
    }
}

#[test]
fn only_events_of_kubernetes_are_events() {
    let event = |api_version: &str| {
        format!(
            r#"{{"kind":"Event","apiVersion":"{api_version}","metadata":{{"name":"e","uid":"e","creationTimestamp":"2026-11-22T15:31:27Z"}},"regarding":{{"kind":"Pod","name":"p"}}}}"#
        )
    };
    for api_version in ["v1", "events.k8s.io/v1", "events.k8s.io/v1beta1"] {
        assert_eq!(names(&event(api_version)), ["Event/e"]);
    }
    assert_eq!(names(&event("eventing.example/v1")), ["eventing.example/v1 Event/e"]);
    let list = format!(
        r#"{{"kind":"EventList","apiVersion":"v1","items":[{}]}}"#,
        event("v1").replace(r#""kind":"Event","apiVersion":"v1","#, "")
    );
    assert_eq!(names(&list), ["Event/e"]);
}

#[test]
fn events_that_were_held_for_the_end_go_out_in_steps() {
    let filler = "x".repeat(30 << 10);
    let mut router = Router::new(Settings::default());
    for second in 0..1000 {
        let time = format!("2026-11-22T15:{:02}:{:02}Z", second / 60, second % 60);
        let event = format!(
            r#"{{"kind":"Event","apiVersion":"v1","metadata":{{"uid":"e{second}","name":"e"}},
            "involvedObject":{{"kind":"Pod","name":"p"}},"message":"{filler}","firstTimestamp":"{time}"}}"#
        );
        router.push(event.as_bytes()).expect("the input is within its limits");
    }
    let (mut steps, mut events, mut done) = (0, 0, false);
    while !done {
        done = router.finish().expect("the input is within its limits");
        let batch = router.take(0, true);
        assert!(batch.len() < 9 << 20, "{} bytes at a time", batch.len());
        events += records(&batch).filter(|record| matches!(record, Record::Event { .. })).count();
        steps += 1;
    }
    assert_eq!(events, 1000);
    assert!(steps > 2, "{steps} steps");
}

#[test]
fn a_line_may_hold_any_number_of_values() {
    let (values, last) = ("{}".repeat(400_000), pod("a"));
    for between in ["", "\n"] {
        let (found, counts) = told(format!("{values}{between}{last}").as_bytes(), 1 << 16);
        assert_eq!(found, [A]);
        assert_eq!((counts.frames, counts.skipped(SkipReason::NoObject)), (400_001, 400_000));
    }
}
