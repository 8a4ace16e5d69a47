//! Finished spans by destination, and what is known of Namespaces to tell which that is.
//!
//! In go finished spans and the Namespaces' metadata; out come the bytes of each destination. A span
//! is for the namespace that it carries, by the labels that its Namespace has when it leaves. Labels
//! are kept whatever the rules are, so these may change between a snapshot and what goes on from it.
//! Every shard is told of Namespaces at the same watermark, and only then forgets any: so the number
//! of shards cannot show. Without rules nothing is looked at.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::destinations::DestinationRules;
use crate::encode::NAMESPACE_NAME;
use crate::limits::{LABELS_BYTES_MAX, NAMESPACE_KEPT, NAMESPACES_CHOSEN_MAX, NAMESPACES_GONE_MAX};
use crate::meta::ObjectMeta;
use crate::otlp::{self, Encoder};
use crate::time::Nanos;
use crate::trace::Finished;

/// One encoder for each destination.
#[derive(Default, Serialize, Deserialize)]
pub struct Outlets {
    #[serde(skip)]
    rules: DestinationRules,
    /// By number of the destination; drained before a snapshot is taken.
    #[serde(skip)]
    encoders: Vec<Encoder>,
    /// What was found by the rules, by namespace.
    #[serde(skip)]
    chosen: FxHashMap<Box<str>, usize>,
    /// By name.
    namespaces: BTreeMap<Box<str>, Labels>,
    /// Those that were deleted, and how far the watermark was then.
    gone: VecDeque<(Nanos, Box<str>)>,
}

/// Of a Namespace.
#[derive(Serialize, Deserialize)]
struct Labels {
    resource_version: u64,
    /// As JSON.
    #[serde(with = "serde_bytes")]
    json: Box<[u8]>,
    /// As in `gone`.
    gone: Option<Nanos>,
}

impl Outlets {
    /// Spans that leave from now on go by these rules.
    pub fn set_rules(&mut self, rules: &DestinationRules) {
        self.rules = rules.clone();
        self.chosen.clear();
        self.encoders.resize_with(rules.len() + 1, Encoder::default);
    }

    /// Takes a finished span.
    pub fn push(&mut self, span: &Finished) {
        let to = if self.rules.is_empty() { 0 } else { self.destination_of(&span.body) };
        let Finished { resource, body, start, end, incomplete, .. } = span;
        self.encoders[to].push(resource, body, *start, *end, *incomplete);
    }

    /// Spans that wait to be drained for a destination.
    #[must_use]
    pub fn spans(&self, destination: usize) -> u32 {
        self.encoders[destination].spans()
    }

    /// Takes all spans for a destination, as `resource_spans` fields.
    pub fn drain(&mut self, destination: usize) -> Vec<u8> {
        self.encoders[destination].drain()
    }

    /// Whether no span waits to be drained.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.encoders.iter().all(|encoder| encoder.spans() == 0)
    }

    /// A version of a Namespace; one that is older than the last tells nothing.
    pub fn learn(&mut self, meta: &ObjectMeta<'_>, deleted: bool, watermark: Nanos) {
        self.forget_gone(watermark.saturating_sub(NAMESPACE_KEPT));
        let known = self.namespaces.get(&*meta.name).map_or(0, |known| known.resource_version);
        if meta.resource_version < known {
            return;
        }
        let name: Box<str> = (&*meta.name).into();
        self.chosen.remove(&name);
        let gone = deleted.then_some(watermark);
        if deleted {
            self.gone.push_back((watermark, name.clone()));
        }
        let json = if meta.labels.len() > LABELS_BYTES_MAX { &[] } else { meta.labels };
        let labels = Labels { resource_version: meta.resource_version, json: json.into(), gone };
        self.namespaces.insert(name, labels);
    }

    /// A Namespace is no longer among the objects that are known.
    pub fn forget(&mut self, name: &str) {
        self.namespaces.remove(name);
        self.chosen.remove(name);
    }

    /// Those that were deleted before `before`, unless there is one of that name again.
    fn forget_gone(&mut self, before: Nanos) {
        while let Some(&(at, _)) = self.gone.front()
            && (at < before || self.gone.len() >= NAMESPACES_GONE_MAX)
            && let Some((_, name)) = self.gone.pop_front()
        {
            if self.namespaces.get(&name).is_some_and(|known| known.gone == Some(at)) {
                self.forget(&name);
            }
        }
    }

    fn destination_of(&mut self, body: &[u8]) -> usize {
        // What is in no namespace is nobody's.
        let Some(namespace) = otlp::text_attribute(body, NAMESPACE_NAME) else { return 0 };
        if let Some(&chosen) = self.chosen.get(namespace) {
            return chosen;
        }
        if self.chosen.len() >= NAMESPACES_CHOSEN_MAX {
            self.chosen.clear();
        }
        let labels = self.namespaces.get(namespace).map_or(&[][..], |known| &known.json);
        let chosen = self.rules.choose(namespace, labels);
        self.chosen.insert(namespace.into(), chosen);
        chosen
    }
}
