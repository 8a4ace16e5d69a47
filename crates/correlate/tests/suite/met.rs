//! What a Router tells a live source to ask its API server about.

use correlate::limits::Settings;
use correlate::router::Router;

const UID: &str = "00000000-0000-4000-8000-00000000000a";
const RECEIVED_AT: &str = "2026-03-01T10:00:01Z";

fn event(number: u32, name: &str, uid: &str) -> String {
    let about = format!(
        r#"{{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","namespace":"shop","name":"{name}","uid":"{uid}"}}"#
    );
    let metadata = format!(r#"{{"name":"e{number}","namespace":"shop","uid":"e{number}"}}"#);
    format!(
        r#"{{"type":"ADDED","object":{{"apiVersion":"v1","kind":"Event","metadata":{metadata},"involvedObject":{about},"reason":"Sync","firstTimestamp":"2026-03-01T10:00:00Z","lastTimestamp":"2026-03-01T10:00:00Z","count":1}},"receivedAt":"{RECEIVED_AT}"}}"#
    ) + "\n"
}

fn metadata() -> String {
    let object = format!(
        r#"{{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{{"name":"web","namespace":"shop","uid":"{UID}"}}}}"#
    );
    format!(r#"{{"type":"ADDED","object":{object},"receivedAt":"{RECEIVED_AT}"}}"#) + "\n"
}

fn pushed(frames: &[String]) -> Router {
    let mut router = Router::new(Settings::default());
    router.push(frames.concat().as_bytes()).expect("the input is within its limits");
    assert!(router.counts().objects > 0, "{:?}", router.counts());
    router
}

#[test]
fn an_object_of_events_is_told_once_when_no_metadata_has_told_of_it() {
    let mut router = pushed(&[event(1, "web", UID), event(2, "web", UID)]);
    let line = format!("networking.k8s.io/v1 Ingress shop web {UID}\n");
    assert_eq!(router.take_objects_met(), line);
    assert_eq!(router.take_objects_met(), "");
}

#[test]
fn an_object_that_metadata_has_told_of_is_not_told() {
    let mut router = pushed(&[metadata(), event(1, "web", UID)]);
    assert_eq!(router.take_objects_met(), "");
}

#[test]
fn an_object_is_not_told_when_its_name_could_break_a_line_or_a_path() {
    let mut router = pushed(&[event(1, r"web\nv1 Secret shop x", UID), event(2, "../x", UID)]);
    assert_eq!(router.take_objects_met(), "");
}

#[test]
fn an_object_that_an_event_gives_no_uid_of_is_not_told() {
    let mut router = pushed(&[event(1, "web", ""), event(2, "web", "web")]);
    assert_eq!(router.take_objects_met(), "");
}
