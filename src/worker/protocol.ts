// Everything that is said between the main thread and a worker, read by both sides. The main thread
// asks, the worker answers each question once, in order. All bytes are transferred, so whoever sends
// them has them no longer.
import type { CorrelatorCounts, WasmModule, WasmSettings } from '../wasm.js';

/** What a worker starts with. */
export interface WorkerStart {
  module: WasmModule;
  settings: WasmSettings;
}

/** Asks whether the worker has its Correlator. */
export interface ReadyRequest {
  type: 'ready';
}

/** A batch of the Router for this shard, in order. */
export interface BatchRequest {
  type: 'batch';
  bytes: Uint8Array<ArrayBuffer>;
}

export type WorkerRequest = ReadyRequest | BatchRequest;

/** The Correlator is there. */
export interface ReadyReply {
  type: 'ready';
}

/** What is finished after a batch; `counts` are since the start. */
export interface SpansReply {
  type: 'spans';
  /** `ResourceSpans` fields. */
  bytes: Uint8Array<ArrayBuffer>;
  spanCount: number;
  counts: CorrelatorCounts;
}

/** The Correlator has trapped; the worker's state is lost. */
export interface FailedReply {
  type: 'failed';
  reason: string;
}

export type WorkerReply = ReadyReply | SpansReply | FailedReply;
