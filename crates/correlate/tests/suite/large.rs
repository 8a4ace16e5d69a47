//! Inputs of 1 MiB that were made to take long, or to give much: neither grows faster than they do.

use crate::checks;
use crate::corpus::corpus;

/// `head`, then `item(0)`, `item(1)`, ... as long as there is room, then `tail`.
fn fill(length: usize, head: &str, tail: &str, item: impl Fn(usize) -> String) -> String {
    let mut text = head.to_owned();
    for index in 0.. {
        let item = item(index);
        if text.len() + item.len() + tail.len() > length {
            break;
        }
        text.push_str(&item);
    }
    text + tail
}

/// `head`, then the same again and again, then `tail`.
fn repeat(length: usize, head: &str, item: &str, tail: &str) -> String {
    fill(length, head, tail, |_| item.to_owned())
}

/// Items of a JSON array or members of an object, behind `head`.
fn list(length: usize, head: &str, tail: &str, item: impl Fn(usize) -> String) -> String {
    fill(length, head, tail, |index| {
        let comma = if index == 0 { "" } else { "," };
        format!("{comma}{}", item(index))
    })
}

/// An Event about a Pod, with more fields.
fn event(uid: usize, pod: &str, micros: usize, more: &str) -> String {
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let time = format!("2026-11-22T15:{:02}:{:02}.{micros:06}Z", seconds / 60, seconds % 60);
    format!(
        r#"{{"kind":"Event","metadata":{{"uid":"e{uid}"}},"eventTime":"{time}","regarding":{{"kind":"Pod","namespace":"n","name":"{pod}"}}{more}}}"#
    ) + "\n"
}

/// Metadata of a Pod.
fn pod(name: &str, more: &str) -> String {
    format!(
        r#"{{"kind":"Pod","metadata":{{"uid":"{name}","namespace":"n","name":"{name}"{more}}}}}"#
    ) + "\n"
}

const OWNED: &str = r#","ownerReferences":[{"kind":"X","uid":"x","name":"x","controller":true}]"#;

type Make = fn(usize) -> String;

const STREAMS: &[(&str, Make)] = &[
    ("nested", |n| repeat(n, r#"{"object":"#, "[", "")),
    ("nested and closed", |n| {
        repeat(n / 2, r#"{"object":"#, "[", "") + &repeat(n / 2, "", "]", "}")
    }),
    ("open brackets on lines", |n| repeat(n, "", "{\n", "")),
    ("open brackets", |n| repeat(n, "", "{", "")),
    ("closing brackets", |n| repeat(n, "", "}", "")),
    ("closing brackets on lines", |n| repeat(n, "", "{}}\n", "")),
    ("cut strings on lines", |n| repeat(n, "", "{\"a\":\"\n", "")),
    ("white space", |n| repeat(n, "", " ", "")),
    ("lines", |n| repeat(n, "", "\n", "")),
    ("a string", |n| repeat(n, r#"{"message":""#, "x", r#""}"#)),
    ("a string without end", |n| repeat(n, r#"{"message":""#, "x", "")),
    ("quotes", |n| repeat(n, "", "\"", "")),
    ("backslashes", |n| repeat(n, r#"{"message":""#, r"\\", r#""}"#)),
    ("escapes", |n| repeat(n, r#"{"message":""#, r"\n", r#""}"#)),
    ("escaped characters", |n| repeat(n, r#"{"message":""#, r"\u0041", r#""}"#)),
    ("lone surrogates", |n| repeat(n, r#"{"message":""#, r"\ud800", r#""}"#)),
    ("bad escapes", |n| repeat(n, r#"{"message":""#, r"\u", r#""}"#)),
    ("escaped key", |n| repeat(n, r#"{""#, r"\n", r#"":1}"#)),
    ("a number", |n| repeat(n, r#"{"count":"#, "1", "}")),
    ("a fraction", |n| repeat(n, r#"{"kind":"Event","count":0."#, "1", "}")),
    ("a word", |n| repeat(n, r#"{"count":t"#, "r", "}")),
    ("frames on lines", |n| repeat(n, "", "{}\n", "")),
    ("frames on one line", |n| repeat(n, "", "{}", "")),
    ("objects on one line", |n| fill(n, "", "", |i| pod(&i.to_string(), "").replace('\n', " "))),
    ("cut objects on lines", |n| fill(n, "", "", |i| pod(&i.to_string(), "").replace("}}", "}"))),
    ("keys", |n| list(n, "{", "}", |i| format!(r#""{i}":0"#))),
    ("the same key", |n| list(n, "{", "}", |_| r#""metadata":{}"#.into())),
    ("labels", |n| {
        list(n, r#"{"kind":"Pod","metadata":{"labels":{"#, "}}}", |i| format!(r#""{i}":"""#))
    }),
    ("annotations", |n| {
        list(n, r#"{"kind":"Pod","metadata":{"annotations":{"#, "}}}", |_| {
            r#""topLevelSpan":"""#.into()
        })
    }),
    ("owners", |n| {
        list(n, r#"{"kind":"Pod","metadata":{"uid":"a","ownerReferences":["#, "]}}", |i| {
            format!(r#"{{"uid":"{i}"}}"#)
        })
    }),
    ("owners without uid", |n| {
        list(n, r#"{"kind":"Pod","metadata":{"uid":"a","ownerReferences":["#, "]}}", |_| {
            "{}".into()
        })
    }),
    ("owners with names", |n| {
        list(n, r#"{"kind":"Pod","metadata":{"uid":"a","ownerReferences":["#, "]}}", |i| {
            format!(r#"{{"uid":"{i}","name":"{i}"}}"#)
        })
    }),
    ("field managers", |n| {
        list(n, r#"{"kind":"Pod","metadata":{"uid":"a","managedFields":["#, "]}}", |_| {
            r#"{"manager":"m","fieldsV1":{"f:spec":{}}}"#.into()
        })
    }),
    ("empty field managers", |n| {
        list(n, r#"{"kind":"Pod","metadata":{"uid":"a","managedFields":["#, "]}}", |_| "{}".into())
    }),
    ("fields", |n| {
        list(n, r#"{"kind":"Pod","metadata":{"managedFields":[{"fieldsV1":{"#, "}}]}}", |_| {
            r#""f:spec":{}"#.into()
        })
    }),
    ("empty items", |n| list(n, r#"{"items":["#, "]}", |_| "{}".into())),
    ("items on lines", |n| list(n, "{\"items\":[\n", "]}", |i| pod(&i.to_string(), ""))),
    ("items of a long kind", |n| {
        let head = repeat(n / 2, r#"{"kind":""#, "x", r#"List","items":["#);
        list(n, &head, "]}", |i| format!(r#"{{"metadata":{{"uid":"{i}"}}}}"#))
    }),
    ("lists", |n| repeat(n, "", "{\"items\":[]}\n", "")),
    ("lists in a list", |n| repeat(n, "", r#"{"items":["#, "")),
    ("objects", |n| fill(n, "", "", |i| pod(&i.to_string(), ""))),
    ("versions", |n| {
        fill(n, &event(0, "a", 0, ""), "", |i| {
            pod("a", &format!(r#","resourceVersion":"{i}","generation":{i}"#))
        })
    }),
    ("a chain of owners", |n| {
        fill(n, "", "", |i| {
            let owner = format!(r#","ownerReferences":[{{"uid":"{}","controller":true}}]"#, i + 1);
            pod(&i.to_string(), &owner) + &event(i, &i.to_string(), i, "")
        })
    }),
    ("siblings", |n| {
        fill(n, "", "", |i| pod(&i.to_string(), OWNED) + &event(i, &i.to_string(), i, ""))
    }),
    ("deletions", |n| {
        fill(n, "", "", |i| {
            let pod = pod(&i.to_string(), OWNED);
            format!(
                "{{\"type\":\"DELETED\",\"receivedAt\":\"2026-11-22T15:00:00Z\",\"object\":{}}}\n",
                pod.trim_end()
            )
        })
    }),
    ("Events", |n| fill(n, "", "", |i| event(i, "a", i, ""))),
    ("Events in reverse", |n| fill(n, "", "", |i| event(i, "a", 1_000_000 - i, ""))),
    ("repeats", |n| fill(n, "", "", |i| event(0, "a", i, &format!(r#","count":{i}"#)))),
    ("Events of objects", |n| fill(n, "", "", |i| event(i, &i.to_string(), i, ""))),
    ("Events of one second", |n| {
        fill(n, "", "", |i| {
            let event = event(i, "a", i, "");
            if i % 2 == 0 { event } else { event.replace("eventTime", "firstTimestamp") }
        })
    }),
    ("Events of one second, all to the second", |n| {
        fill(n, "", "", |i| event(i, "a", i, "").replace("eventTime", "firstTimestamp"))
    }),
    ("late Events", |n| {
        let head = r#"{"type":"BOOKMARK","object":{},"receivedAt":"2026-11-22T16:00:00Z"}"#;
        fill(n, &format!("{head}\n"), "", |i| event(i, "a", i, ""))
    }),
    ("seconds apart", |n| fill(n, "", "", |i| event(i, "a", i * 1_000_000 % 3_600_000_000, ""))),
    ("roots", |n| {
        fill(n, "", "", |i| {
            let event = event(i, "a", i, "");
            event
                .replace(r#""metadata":{"#, r#""metadata":{"annotations":{"topLevelSpan":"true"},"#)
        })
    }),
    ("containers", |n| {
        fill(n, "", "", |i| {
            let more = r#","reason":"Pulling","source":{"component":"kubelet"},"message":"Pulling image \"x\"""#;
            let field = format!(r#""fieldPath":"c{{{i}}}","name""#);
            event(i, "a", i, more).replace(r#""name""#, &field)
        })
    }),
    ("nodes in trouble", |n| {
        let more = r#","reason":"NodeNotReady","source":{"component":"kubelet"}"#;
        fill(n, "", "", |i| event(i, &i.to_string(), i, more).replace("Pod", "Node"))
    }),
    ("a node in trouble again and again", |n| {
        let more = r#","reason":"NodeNotReady","source":{"component":"kubelet"}"#;
        fill(n, "", "", |i| event(i, "a", i, more).replace("Pod", "Node"))
    }),
    ("pods that wait", |n| {
        let more = r#","reason":"BackOff","source":{"component":"kubelet"}"#;
        fill(n, "", "", |i| pod(&i.to_string(), OWNED) + &event(i, &i.to_string(), i, more))
    }),
    ("a pod that waits again and again", |n| {
        let more = r#","reason":"BackOff","source":{"component":"kubelet"}"#;
        fill(n, "", "", |i| event(i, "a", i, more))
    }),
    ("messages that list", |n| {
        let lines = r"Pod/n/x created\n".repeat(400);
        let more =
            format!(r#","source":{{"component":"kustomize-controller"}},"message":"{lines}""#);
        fill(n, "", "", |i| event(i, "a", i, &more).replace("Pod\"", "Kustomization\""))
    }),
    ("autoscalers", |n| {
        fill(n, "", "", |i| {
            let target = r#""spec":{"scaleTargetRef":{"kind":"Pod","name":"a"}},"kind":"#;
            let more = r#","reason":"SuccessfulRescale","source":{"component":"horizontal-pod-autoscaler"},"message":"New size: 3; reason: x""#;
            let scaler = pod(&i.to_string(), "").replacen(r#""kind":"#, target, 1);
            let both = scaler + &event(i, &i.to_string(), i, more);
            both.replace(r#""kind":"Pod","m"#, r#""kind":"HorizontalPodAutoscaler","m"#)
        })
    }),
    ("traces from elsewhere", |n| {
        fill(n, "", "", |i| {
            let context = format!("00-{i:032x}-00f067aa0ba902b7-01");
            let more = format!(r#","annotations":{{"traceparent":"{context}"}}"#);
            pod(&i.to_string(), &more) + &event(i, &i.to_string(), i, "")
        })
    }),
    ("Events of a long name", |n| {
        let name = "x".repeat(n / 2);
        let owner = OWNED.replace(r#""name":"x""#, &format!(r#""name":"{name}""#));
        fill(n, &pod("a", &owner.replace('X', "Deployment")), "", |i| event(i, "a", i, ""))
    }),
    ("reporters in a cluster of a long uid", |n| {
        let uid = "x".repeat(n / 2);
        let cluster =
            format!(r#"{{"kind":"Namespace","metadata":{{"name":"kube-system","uid":"{uid}"}}}}"#);
        fill(n, &format!("{cluster}\n"), "", |i| {
            event(i, "a", i, &format!(r#","reportingComponent":"{i}""#))
        })
    }),
    ("objects in a cluster of a long uid", |n| {
        let uid = "x".repeat(n / 2);
        let cluster =
            format!(r#"{{"kind":"Namespace","metadata":{{"name":"kube-system","uid":"{uid}"}}}}"#);
        fill(n, &format!("{cluster}\n"), "", |i| event(i, &i.to_string(), i, ""))
    }),
];

#[test]
fn time_and_output_grow_with_the_input_and_no_faster() {
    for (title, make) in STREAMS {
        for (name, check) in
            [("frames", checks::frames as fn(&[u8])), ("correlate", checks::correlate)]
        {
            let time = |length| {
                // Usual limits, cut in three parts.
                let input = format!("\0\x55\x7f{}", make(length));
                seconds(|| check(input.as_bytes()))
            };
            let whole = time(checks::INPUT_MAX);
            if whole > SUSPICIOUS {
                let quarter = time(checks::INPUT_MAX / 4);
                assert!(whole < 12.0 * quarter, "{title}, {name}: {quarter} s, 4 times: {whole} s");
            }
        }
    }
}

#[test]
fn no_word_of_a_message_is_too_long_for_a_rule() {
    let time = seconds(|| {
        for input in corpus("message") {
            let input = String::from_utf8_lossy(&input).into_owned();
            let Some((at, _)) = input.match_indices('\0').nth(2) else { continue };
            let (head, message) = input.split_at(at + 1);
            for word in message.split(' ').filter(|word| !word.is_empty()) {
                let long = word.repeat((checks::INPUT_MAX / 4).div_ceil(word.len()));
                let message = message.replacen(word, &long, 1);
                checks::message(format!("{head}{message}").as_bytes());
            }
        }
    });
    assert!(time < 60.0, "{time} s");
}

/// What takes less than this on the slowest machine is not worth measuring twice.
const SUSPICIOUS: f64 = 5.0;

#[expect(clippy::disallowed_types, reason = "a test may measure")]
fn seconds(work: impl FnOnce()) -> f64 {
    let begin = std::time::Instant::now();
    work();
    begin.elapsed().as_secs_f64()
}
