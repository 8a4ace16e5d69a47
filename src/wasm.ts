// The one file that sees WebAssembly. It compiles the module once (the compiled module can be handed to
// other threads), and gives Router and Correlator typed faces: bytes in, bytes out. What they return is
// always a copy outside of the module's memory, so it may be transferred. An instance that trapped is
// not to be used again.
import { readFileSync } from 'node:fs';
import { Correlator, initSync, Router, Settings } from '../crates/correlate/pkg/correlate.js';

/** What both sides of the crate are set to; units as in config.ts. */
export interface WasmSettings {
  shards: number;
  reorderWindowMs: number;
  idleMs: number;
  objectsMax: number;
  eventUidsMax: number;
  parkedBytesMax: number;
  untimedBytesMax: number;
  frameBytesMax: number;
  clusterName: string;
  serviceName: string;
}

/** Numbers by reason, such as `{ truncated: 1 }`; reasons that did not occur may be missing. */
export type ReasonCounts = Record<string, number>;

/** What the Router has seen so far. */
export interface RouterCounts {
  frames: number;
  received: number;
  metadata: number;
  ignored: number;
  duplicates: number;
  skipped: ReasonCounts;
  dropped: ReasonCounts;
  /** Events with text that was no Unicode and was repaired. */
  repaired: number;
  /** Events whose message was cut at 32 KiB. */
  cut: number;
  /** Events that wait in the Router, now. */
  parked: number;
  /** Objects in its index, now. */
  objects: number;
  /** Objects forgotten at the limit. */
  evicted: number;
  /** Events that stopped waiting for an owner at the limit. */
  parkedEarly: number;
}

/** What a Correlator has made so far. */
export interface CorrelatorCounts {
  /** Spans of occurrences. */
  exported: number;
  /** Spans that no Event stands for. */
  synthetic: number;
  /** Occurrences among `exported` that came too late for the window. */
  late: number;
  /** Occurrences placed before their time, because their root had too many that wait. */
  early: number;
  /** Occurrences that have no finished span yet, now. */
  held: number;
}

/** The compiled module, which any thread can be handed. */
export interface WasmModule {
  readonly [Symbol.toStringTag]: string;
}

// Node's types do not know of WebAssembly.
const { Module } = (globalThis as unknown as WithWebAssembly).WebAssembly;
interface WithWebAssembly {
  WebAssembly: { Module: new (bytes: Uint8Array) => WasmModule };
}

const FILE = new URL('../crates/correlate/pkg/correlate_bg.wasm', import.meta.url);

/** Compiles the module: 10 ms or so, once in a process. */
export function compileWasm(): WasmModule {
  return new Module(readFileSync(FILE));
}

/** Splits, orders and routes the raw input on the main thread. */
export class WasmRouter {
  readonly #router: Router;

  constructor(module: WasmModule, settings: WasmSettings) {
    initSync({ module: module as never });
    this.#router = withSettings(settings, (inner) => new Router(inner));
  }

  /** Takes input, cut anywhere. Throws the reason as a string when a limit ends the run. */
  push(chunk: Uint8Array): void {
    this.#router.push(chunk);
  }

  /**
   * The input has ended: the watermark passes everything. False: there is more; take the batches and
   * call it again. Throws as `push` does.
   */
  finish(): boolean {
    return this.#router.finish();
  }

  /**
   * The batch of one shard, empty when there is no news for it. With `force` it is also made when
   * only the watermark has moved.
   */
  take(shard: number, force: boolean): Uint8Array<ArrayBuffer> {
    return this.#router.take(shard, force) as Uint8Array<ArrayBuffer>;
  }

  counts(): RouterCounts {
    const { parked_early: parkedEarly, ...counts } = JSON.parse(this.#router.counts());
    return { ...counts, parkedEarly };
  }
}

/** Finished spans of one shard. */
export interface DrainedSpans {
  /** `ResourceSpans` fields; any number of such, one after another, are an ExportTraceServiceRequest. */
  bytes: Uint8Array<ArrayBuffer>;
  spanCount: number;
}

/** Makes the spans of one shard. */
export class WasmCorrelator {
  readonly #correlator: Correlator;

  constructor(module: WasmModule, settings: WasmSettings) {
    initSync({ module: module as never });
    this.#correlator = withSettings(settings, (inner) => new Correlator(inner));
  }

  /** Takes a batch of the Router for this shard; they come in the order in which they were taken. */
  push(batch: Uint8Array): void {
    this.#correlator.push(batch);
  }

  /** What is finished since the last time. */
  drain(): DrainedSpans {
    const bytes = this.#correlator.drain() as Uint8Array<ArrayBuffer>;
    return { bytes, spanCount: this.#correlator.drained_spans() };
  }

  counts(): CorrelatorCounts {
    return JSON.parse(this.#correlator.counts());
  }
}

function withSettings<T>(given: WasmSettings, use: (inner: Settings) => T): T {
  const inner = new Settings();
  inner.shards = given.shards;
  inner.reorder_window_ms = given.reorderWindowMs;
  inner.idle_ms = given.idleMs;
  inner.objects_max = given.objectsMax;
  inner.event_uids_max = given.eventUidsMax;
  inner.parked_bytes_max = given.parkedBytesMax;
  inner.untimed_bytes_max = given.untimedBytesMax;
  inner.frame_bytes_max = given.frameBytesMax;
  inner.set_cluster_name(given.clusterName);
  inner.set_service_name(given.serviceName);
  // Not freed when it throws: after a trap that would only hide the trap.
  const made = use(inner);
  inner.free();
  return made;
}
