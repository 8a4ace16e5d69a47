//! The boundary to JavaScript: types and copies, no logic. `src/wasm.ts` is the one file that
//! sees it.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::batch;
use crate::correlator;
use crate::destinations::DestinationRules;
use crate::limits;
use crate::quarantine;
use crate::router;
use crate::rules::{Query, RuleTable};
use crate::scan;
use crate::time::Nanos;

const MILLISECOND: Nanos = 1_000_000;

/// See `limits::Settings`; a new one holds the defaults.
#[wasm_bindgen]
#[derive(Default)]
pub struct Settings(limits::Settings);

#[wasm_bindgen]
#[expect(missing_docs, reason = "limits::Settings documents them")]
impl Settings {
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    #[wasm_bindgen(setter)]
    pub fn set_shards(&mut self, shards: u32) {
        self.0.shards = shards;
    }
    #[wasm_bindgen(setter)]
    pub fn set_reorder_window_ms(&mut self, milliseconds: u32) {
        self.0.reorder_window = Nanos::from(milliseconds) * MILLISECOND;
    }
    #[wasm_bindgen(setter)]
    pub fn set_idle_ms(&mut self, milliseconds: u32) {
        self.0.idle = Nanos::from(milliseconds) * MILLISECOND;
    }
    #[wasm_bindgen(setter)]
    pub fn set_objects_max(&mut self, objects: usize) {
        self.0.objects_max = objects;
    }
    #[wasm_bindgen(setter)]
    pub fn set_event_uids_max(&mut self, uids: usize) {
        self.0.event_uids_max = uids;
    }
    #[wasm_bindgen(setter)]
    pub fn set_parked_bytes_max(&mut self, bytes: usize) {
        self.0.parked_bytes_max = bytes;
    }
    #[wasm_bindgen(setter)]
    pub fn set_untimed_bytes_max(&mut self, bytes: usize) {
        self.0.untimed_bytes_max = bytes;
    }
    #[wasm_bindgen(setter)]
    pub fn set_frame_bytes_max(&mut self, bytes: usize) {
        self.0.frame_bytes_max = bytes;
    }
    pub fn set_cluster_name(&mut self, name: String) {
        self.0.cluster_name = name;
    }
    /// # Errors
    /// The id of a row, and what is wrong with it.
    pub fn set_rules(&mut self, json: &str) -> Result<(), String> {
        self.0.rules = RuleTable::with_rows(json)?;
        Ok(())
    }
    /// # Errors
    /// It is no JSON.
    pub fn set_destinations(&mut self, json: &str) -> Result<(), String> {
        self.0.destinations = DestinationRules::from_json(json)?;
        Ok(())
    }
    pub fn set_service_name(&mut self, name: String) {
        self.0.service_name = name;
    }
    pub fn set_traceparent_annotations(&mut self, names: &str) {
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        self.0.traceparent_annotations = names.map(String::from).collect::<Vec<_>>().into();
    }
}

/// See `rules::RuleTable`.
#[wasm_bindgen]
pub struct Rules(&'static RuleTable);

#[wasm_bindgen]
#[expect(missing_docs, reason = "rules::RuleTable documents them")]
impl Rules {
    /// # Errors
    /// The id of a row, and what is wrong with it.
    #[wasm_bindgen(constructor)]
    pub fn new(json: &str) -> Result<Self, String> {
        RuleTable::with_rows(json).map(Self)
    }
    #[must_use]
    pub fn builtin() -> String {
        RuleTable::builtin_json().to_owned()
    }
    /// What is empty fits any row.
    #[must_use]
    pub fn try_message(
        &self,
        message: &str,
        controller: &str,
        kind: &str,
        reason: &str,
        event_type: &str,
    ) -> String {
        let given = |text| Some(text).filter(|text: &&str| !text.is_empty());
        self.0.try_json(&Query {
            message,
            component: given(controller),
            kind: given(kind),
            reason: given(reason),
            event_type: given(event_type),
            ..Query::default()
        })
    }
}

/// See `router::Router`.
#[wasm_bindgen]
pub struct Router(router::Router);

#[wasm_bindgen]
#[expect(missing_docs, reason = "router::Router documents them")]
impl Router {
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self(router::Router::new(settings.0.clone()))
    }
    /// # Errors
    /// Why the snapshot is of no use.
    pub fn restore(settings: &Settings, snapshot: &[u8]) -> Result<Self, String> {
        let restored = router::Router::restore(settings.0.clone(), snapshot);
        restored.map(Self).map_err(|error| error.to_string())
    }
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        self.0.snapshot()
    }
    /// # Errors
    /// Too many bytes of Events without receivedAt.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), String> {
        self.0.push(chunk).map_err(|limit| limit.to_string())
    }
    /// # Errors
    /// Too many bytes of Events without receivedAt.
    pub fn finish(&mut self) -> Result<bool, String> {
        self.0.finish().map_err(|limit| limit.to_string())
    }
    pub fn take(&mut self, shard: usize, force: bool) -> Vec<u8> {
        self.0.take(shard, force)
    }
    pub fn take_kinds_met(&mut self) -> String {
        self.0.take_kinds_met()
    }
    pub fn take_objects_met(&mut self) -> String {
        self.0.take_objects_met()
    }
    #[must_use]
    pub fn counts(&self) -> String {
        self.0.counts().to_json()
    }
}

/// See `correlator::Correlator`.
#[wasm_bindgen]
pub struct Correlator(correlator::Correlator);

#[wasm_bindgen]
#[expect(missing_docs, reason = "correlator::Correlator documents them")]
impl Correlator {
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self(correlator::Correlator::new(settings.0.clone()))
    }
    /// # Errors
    /// Why the snapshot is of no use.
    pub fn restore(settings: &Settings, snapshot: &[u8]) -> Result<Self, String> {
        let restored = correlator::Correlator::restore(settings.0.clone(), snapshot);
        restored.map(Self).map_err(|error| error.to_string())
    }
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        self.0.snapshot()
    }
    /// # Errors
    /// No Router wrote the batch.
    pub fn push(&mut self, batch: &[u8]) -> Result<(), String> {
        self.0.push(batch).map_err(|malformed| malformed.to_string())
    }
    pub fn drain(&mut self, destination: usize) -> Vec<u8> {
        self.0.drain(destination)
    }
    #[must_use]
    pub fn spans(&self, destination: usize) -> u32 {
        self.0.spans(destination)
    }
    #[must_use]
    pub fn counts(&self) -> String {
        self.0.counts().to_json()
    }
}

/// See `batch::ends`.
///
/// # Errors
/// No Router wrote the batch.
#[wasm_bindgen]
pub fn record_ends(batch: &[u8]) -> Result<Vec<usize>, String> {
    batch::ends(batch).map_err(|malformed| malformed.to_string())
}

/// See `scan::lines_and_keys`.
#[wasm_bindgen]
#[must_use]
pub fn lines_and_keys(bytes: &[u8]) -> Vec<u32> {
    let (lines, keys) = scan::lines_and_keys(bytes);
    vec![lines, keys]
}

/// See `quarantine::Quarantined`.
#[wasm_bindgen(getter_with_clone)]
#[expect(missing_docs, reason = "quarantine::Quarantined documents them")]
pub struct Quarantined {
    pub batch: Vec<u8>,
    pub frame: Vec<u8>,
    pub is_event: bool,
}

/// See `quarantine::take_out`.
#[wasm_bindgen]
#[must_use]
pub fn take_out(batch: &[u8], number: usize) -> Option<Quarantined> {
    let taken = quarantine::take_out(batch, number)?;
    Some(Quarantined { batch: taken.batch, frame: taken.frame, is_event: taken.is_event })
}
