// Everything that is said between the main thread and a worker, read by both sides. The main thread
// asks, the worker answers each question once, in order. All bytes are transferred, so whoever sends
// them has them no longer.
import type { CorrelatorCounts, DestinationSpans, WasmModule, WasmSettings } from '../wasm.js';

/** What a worker starts with. */
export interface WorkerStart {
  module: WasmModule;
  settings: WasmSettings;
  /** Of a Correlator to go on from. */
  snapshot: Uint8Array | undefined;
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

/** Asks for what the Correlator knows after all batches so far. */
export interface SnapshotRequest {
  type: 'snapshot';
}

export type WorkerRequest = ReadyRequest | BatchRequest | SnapshotRequest;

/** The Correlator is there; `counts` are not nought when it goes on from another. */
export interface ReadyReply {
  type: 'ready';
  counts: CorrelatorCounts;
  /** All that the Correlator has ever taken; WebAssembly gives none back. */
  memoryBytes: number;
}

/** What is finished after a batch; `counts` are since the start. */
export interface SpansReply {
  type: 'spans';
  /** Only of destinations for which there are any. */
  spans: DestinationSpans[];
  counts: CorrelatorCounts;
  memoryBytes: number;
}

/** See WasmCorrelator. */
export interface SnapshotReply {
  type: 'snapshot';
  bytes: Uint8Array<ArrayBuffer>;
}

/** The Correlator has trapped; the worker's state is lost. */
export interface FailedReply {
  type: 'failed';
  reason: string;
}

export type WorkerReply = ReadyReply | SpansReply | SnapshotReply | FailedReply;
