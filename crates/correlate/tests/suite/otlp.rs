//! What the encoder writes, a decoder that was not written here reads.

use correlate::links::SpanContext;
use correlate::otlp::{Encoder, SpanWriter, resource_bytes, text_attribute};
use correlate::time::SECOND;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use prost::Message;

use crate::run::{Span, decode};

fn value<'a>(span: &'a Span, key: &str) -> Option<&'a Value> {
    let found = span.span.attributes.iter().find(|attribute| attribute.key == key);
    found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref())
}

fn body(id: u8) -> Vec<u8> {
    let mut span = SpanWriter::default();
    span.trace_id(&[id; 16]);
    span.span_id(&[id; 8]);
    span.name("Pod.Pulled");
    span.into_bytes().into()
}

#[test]
fn every_field_is_read_back() {
    let long = "ä".repeat(100_000);
    let mut span = SpanWriter::default();
    span.trace_id(&[1; 16]);
    span.span_id(&[2; 8]);
    span.parent(&[3; 8]);
    span.name("Pod.Failed");
    span.status_error(&long);
    span.attr_str("text", &long);
    span.attr_str("empty", "");
    span.attr_int("most", i64::MAX);
    span.attr_int("least", i64::MIN);
    span.attr_int("zero", 0);
    span.attr_bool("yes", true);
    span.attr_bool("no", false);
    let mut encoder = Encoder::default();
    let resource = resource_bytes(&[("service.name", "kubelet"), ("k8s.cluster.name", &long)]);
    encoder.push(&resource, &span.into_bytes(), 5 * SECOND, 7 * SECOND + 1, true);
    let spans = decode(&encoder.drain());
    let [found] = &spans[..] else { panic!("{} spans", spans.len()) };
    let span = &found.span;
    assert_eq!((&*span.trace_id, &*span.span_id), (&[1; 16][..], &[2; 8][..]));
    assert_eq!((&*span.parent_span_id, &*span.name), (&[3; 8][..], "Pod.Failed"));
    assert_eq!((span.kind(), span.flags, &*span.trace_state), (SpanKind::Internal, 0, ""));
    assert_eq!(
        (span.start_time_unix_nano, span.end_time_unix_nano),
        (5_000_000_000, 7_000_000_001)
    );
    let status = span.status.as_ref().expect("is there");
    assert_eq!((status.code(), &status.message), (StatusCode::Error, &long));
    assert_eq!(found.service(), "kubelet");
    let expected = [
        ("text", Value::StringValue(long.clone())),
        ("empty", Value::StringValue(String::new())),
        ("most", Value::IntValue(i64::MAX)),
        ("least", Value::IntValue(i64::MIN)),
        ("zero", Value::IntValue(0)),
        ("yes", Value::BoolValue(true)),
        ("no", Value::BoolValue(false)),
        ("kspan.incomplete", Value::BoolValue(true)),
    ];
    for (attribute, (key, expected)) in span.attributes.iter().zip(&expected) {
        assert_eq!(attribute.key, *key);
        assert_eq!(value(found, key), Some(expected), "{key}");
    }
    assert_eq!(span.attributes.len(), expected.len());
}

#[test]
fn lengths_around_every_size_of_varint_are_right() {
    let mut encoder = Encoder::default();
    let lengths = [
        0, 1, 100, 110, 120, 126, 127, 128, 129, 16_370, 16_383, 16_384, 16_385, 2_097_151,
        2_097_152,
    ];
    for &length in &lengths {
        let mut span = SpanWriter::default();
        span.attr_str("key", &"x".repeat(length));
        span.attr_str(&"k".repeat(length + 1), "value");
        let resource = resource_bytes(&[("service.name", &"s".repeat(length))]);
        encoder.push(&resource, &span.into_bytes(), 1, 1, false);
    }
    let mut found: Vec<_> = decode(&encoder.drain())
        .iter()
        .map(|span| {
            (
                span.service().len(),
                span.attribute("key").len(),
                span.span.attributes[1].key.len() - 1,
            )
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, lengths.map(|length| (length, length, length)));
}

#[test]
fn spans_are_grouped_by_what_their_resource_says() {
    let mut encoder = Encoder::default();
    for (id, service) in [(1, "a"), (2, "b"), (3, "a")] {
        encoder.push(&resource_bytes(&[("service.name", service)]), &body(id), 1, 2, false);
    }
    assert_eq!(encoder.spans(), 3);
    let first = encoder.drain();
    assert_eq!((encoder.spans(), encoder.drain()), (0, Vec::new()));
    encoder.push(&resource_bytes(&[("service.name", "a")]), &body(4), 1, 2, false);
    let second = encoder.drain();
    let joined = decode(&[first.clone(), second].concat());
    let services: Vec<_> =
        joined.iter().map(|span| (span.span.span_id[0], span.service())).collect();
    assert_eq!(services, [(1, "a"), (2, "b"), (3, "a"), (4, "a")], "requests may be joined");
    let groups = ExportTraceServiceRequest::decode(&*first).expect("a request").resource_spans;
    let sizes: Vec<_> = groups.iter().map(|group| group.scope_spans[0].spans.len()).collect();
    assert_eq!(sizes, [2, 1], "in the order of their first spans");
}

#[test]
fn an_attribute_is_found_among_all_other_fields() {
    let mut span = SpanWriter::default();
    span.trace_id(&[1; 16]);
    span.link(SpanContext { trace: [2; 16], span: [3; 8] }, &[("a", "of the link")]);
    span.status_error("it broke");
    span.attr_int("number", 300);
    span.attr_bool("flag", true);
    span.attr_str("a", "found");
    span.attr_str("b", &"x".repeat(300));
    let fields = span.into_bytes();
    assert_eq!(text_attribute(&fields, "a"), Some("found"));
    assert_eq!(text_attribute(&fields, "b").map(str::len), Some(300));
    assert_eq!(text_attribute(&fields, "c"), None);
    for end in 0..fields.len() {
        assert_eq!(text_attribute(&fields[..end], "b"), None, "the first {end} bytes");
    }
}
