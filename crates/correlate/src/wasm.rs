//! The boundary to JavaScript: types and copies, no logic. `src/wasm.ts` is the one file that
//! sees it.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::correlator;
use crate::limits;
use crate::router;
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
    pub fn set_service_name(&mut self, name: String) {
        self.0.service_name = name;
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
    #[must_use]
    pub fn counts(&self) -> String {
        self.0.counts().to_json()
    }
}

/// See `correlator::Correlator`.
#[wasm_bindgen]
pub struct Correlator {
    inner: correlator::Correlator,
    drained: u32,
}

#[wasm_bindgen]
#[expect(missing_docs, reason = "correlator::Correlator documents them")]
impl Correlator {
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self { inner: correlator::Correlator::new(settings.0.clone()), drained: 0 }
    }
    pub fn push(&mut self, batch: &[u8]) {
        self.inner.push(batch);
    }
    pub fn drain(&mut self) -> Vec<u8> {
        self.drained = self.inner.spans();
        self.inner.drain()
    }
    #[must_use]
    pub fn drained_spans(&self) -> u32 {
        self.drained
    }
    #[must_use]
    pub fn counts(&self) -> String {
        self.inner.counts().to_json()
    }
}
