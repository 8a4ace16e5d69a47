//! Router and Correlators as the engine joins them, in one thread.

use correlate::correlator::Correlator;
use correlate::counts::{CorrelatorCounts, RouterCounts};
use correlate::limits::Settings;
use correlate::router::Router;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

/// How the input is handed over.
#[derive(Clone, Copy, Debug)]
pub struct How {
    pub shards: u32,
    /// Bytes per chunk; after each, every shard's batch is taken.
    pub chunk: usize,
}

impl Default for How {
    fn default() -> Self {
        Self { shards: 1, chunk: usize::MAX }
    }
}

/// A span and the resource it came under.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub resource: Resource,
    pub span: opentelemetry_proto::tonic::trace::v1::Span,
}

impl Span {
    /// A string attribute of the span; empty when absent.
    pub fn attribute(&self, key: &str) -> &str {
        text(&self.span.attributes, key)
    }

    pub fn service(&self) -> &str {
        text(&self.resource.attributes, "service.name")
    }
}

pub fn text<'a>(attributes: &'a [KeyValue], key: &str) -> &'a str {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(value)) => value,
        _ => "",
    }
}

/// What came of an input.
pub struct Outcome {
    /// In an order that does not depend on shards: by id, and all of it.
    pub spans: Vec<Span>,
    pub router: RouterCounts,
    pub correlators: Vec<CorrelatorCounts>,
}

pub fn run(input: &[u8], how: How) -> Outcome {
    run_with(input, &Settings { shards: how.shards, ..Settings::default() }, how.chunk)
}

/// As `run`, with other settings than the defaults.
pub fn run_with(input: &[u8], settings: &Settings, chunk: usize) -> Outcome {
    let mut router = Router::new(settings.clone());
    let mut correlators: Vec<_> =
        (0..settings.shards).map(|_| Correlator::new(settings.clone())).collect();
    let mut bytes = Vec::new();
    let mut exchange = |router: &mut Router| {
        for (shard, correlator) in correlators.iter_mut().enumerate() {
            correlator.push(&router.take(shard, true)).expect("a Router wrote it");
            bytes.extend(correlator.drain(0));
        }
    };
    for chunk in input.chunks(chunk.min(input.len()).max(1)) {
        router.push(chunk).expect("the input is within its limits");
        exchange(&mut router);
    }
    while !router.finish().expect("the input is within its limits") {
        exchange(&mut router);
    }
    exchange(&mut router);
    Outcome {
        spans: decode(&bytes),
        router: router.counts(),
        correlators: correlators.iter().map(|correlator| correlator.counts().clone()).collect(),
    }
}

/// Reads an `ExportTraceServiceRequest`.
pub fn decode(bytes: &[u8]) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(bytes).expect("a request");
    let mut spans = Vec::new();
    for group in request.resource_spans {
        let resource = group.resource.expect("every group has a resource");
        for scope_spans in group.scope_spans {
            let scope = scope_spans.scope.expect("every group has a scope");
            assert_eq!((&*scope.name, &*scope.version), ("kspan", ""));
            let found = scope_spans.spans.into_iter();
            spans.extend(found.map(|span| Span { resource: resource.clone(), span }));
        }
    }
    spans.sort_by_cached_key(|span| {
        (span.span.trace_id.clone(), span.span.span_id.clone(), format!("{span:?}"))
    });
    spans
}
