// The one file that sees WebAssembly. It compiles the module once (the compiled module can be handed to
// other threads), and gives Router and Correlator typed faces: bytes in, bytes out. What they return is
// always a copy outside of the module's memory, so it may be transferred. An instance that trapped is
// not to be used again.
import { readFileSync } from 'node:fs';
import {
  Correlator,
  initSync,
  lines_and_keys,
  Router,
  Rules,
  record_ends,
  Settings,
  take_out,
} from '../crates/correlate/pkg/correlate.js';

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
  /** Separated by commas. */
  traceparentAnnotations: string;
  /** The user's rows, checked. */
  rules: readonly object[];
  /** Whose spans are for which destination beside the ordinary one. */
  destinations: readonly DestinationRule[];
}

/** Of the namespaces whose spans a destination gets; what is empty fits any. */
export interface DestinationRule {
  namespaces: readonly string[];
  labels: Readonly<Record<string, string>>;
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
  /** Occurrences that were never read, since the next frame of their Event had a higher count. */
  missed: number;
  skipped: ReasonCounts;
  dropped: ReasonCounts;
  /** Events with text that was no Unicode and was repaired, or names over 512 bytes that were cut. */
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
  /** What was told of objects whose root may change yet, and will not be told again: the limit. */
  forgotten: number;
}

/** An object as an Event names it. Each of its words can stand between the slashes of a path as it is. */
export interface ObjectMet {
  apiVersion: string;
  kind: string;
  /** Empty: it is in none. */
  namespace: string;
  name: string;
  uid: string;
}

type ObjectWords = [apiVersion: string, kind: string, namespace: string, name: string, uid: string];

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
  /** Events that were left out because a Correlator failed at them. */
  quarantinedEvents: number;
  /** What was left out so and was no Event. */
  quarantinedOthers: number;
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

let compiled: WasmModule | undefined;

/** Compiles the module: 10 ms or so, once in a process. */
export function compileWasm(): WasmModule {
  compiled ??= new Module(readFileSync(FILE));
  return compiled;
}

/**
 * Size of this thread's WebAssembly memory, which its Router or Correlator shares with nothing else: what
 * `npm run bench:memory` measures.
 */
export function wasmMemoryBytes(module: WasmModule = compileWasm()): number {
  return initSync({ module: module as never }).memory.buffer.byteLength;
}

/** Where each record of a batch ends. */
export function recordEnds(batch: Uint8Array): Uint32Array {
  initSync({ module: compileWasm() as never });
  return record_ends(batch);
}

/** Lines that end in `bytes` and keys in it: what it takes to look at each byte once, for `bench`. */
export function linesAndKeys(
  module: WasmModule,
  bytes: Uint8Array,
): { lines: number; keys: number } {
  initSync({ module: module as never });
  const [lines = 0, keys = 0] = lines_and_keys(bytes);
  return { lines, keys };
}

/** A batch without one of its records, and what that was. */
export interface Quarantined {
  /** Of the same number of records: one stands for what was taken out, and is counted. */
  batch: Uint8Array<ArrayBuffer>;
  /** What a recording has for it, on one line; empty when there is no such frame. */
  frame: Uint8Array;
  isEvent: boolean;
}

/** Takes out a record by its number; undefined: it is one that only tells the time. */
export function takeOut(batch: Uint8Array, record: number): Quarantined | undefined {
  initSync({ module: compileWasm() as never });
  const taken = take_out(batch, record);
  if (!taken) return undefined;
  const { batch: without, frame, is_event: isEvent } = taken;
  return { batch: without as Uint8Array<ArrayBuffer>, frame, isEvent };
}

/** What an Event says that rows look at; what is left out fits any row. */
export interface RuleQuery {
  message: string;
  controller?: string | undefined;
  kind?: string | undefined;
  reason?: string | undefined;
  type?: string | undefined;
}

/** What a row makes of a message. */
export interface RuleTrial {
  /** The row's. */
  id: string;
  /** Names of groups, and what they hold. */
  groups: [group: string, held: string][];
  /** Of objects that it names; an empty kind and name: its own object. */
  names: [kind: string, namespace: string, name: string][];
  /** What its span links to; kind, namespace and name follow where the message tells an object. */
  links: [kind: string, ...object: string[]][];
  /** The duration that the message states. */
  nanos: number | null;
}

/** The table of causality, to look at it. */
export class WasmRules {
  readonly #rules: Rules;

  /** The user's rows before the built-in ones. Throws what is wrong as a string, `row ID: ...`. */
  constructor(module: WasmModule, rows: readonly object[]) {
    initSync({ module: module as never });
    this.#rules = new Rules(JSON.stringify(rows));
  }

  /** The built-in rows as they are written, without their samples. */
  builtin(): object[] {
    return JSON.parse(Rules.builtin());
  }

  /** All rows that fit; the first is the one that counts. */
  tryMessage({ message, controller, kind, reason, type }: RuleQuery): RuleTrial[] {
    const conditions = [controller ?? '', kind ?? '', reason ?? '', type ?? ''] as const;
    return JSON.parse(this.#rules.try_message(message, ...conditions));
  }
}

/** Splits, orders and routes the raw input on the main thread. */
export class WasmRouter {
  readonly #router: Router;

  constructor(module: WasmModule, settings: WasmSettings, snapshot?: Uint8Array) {
    initSync({ module: module as never });
    this.#router = withSettings(settings, (inner) =>
      snapshot ? Router.restore(inner, snapshot) : new Router(inner),
    );
  }

  /**
   * A Router that goes on from a snapshot, at the beginning of a frame. Throws the reason as a string
   * when the snapshot is damaged or was taken with other settings or by another build.
   */
  static restore(module: WasmModule, settings: WasmSettings, snapshot: Uint8Array): WasmRouter {
    return new WasmRouter(module, settings, snapshot);
  }

  /**
   * All that it knows, but for the bytes of a frame that is not complete. All batches have been taken,
   * those of every shard with `force`.
   */
  snapshot(): Uint8Array<ArrayBuffer> {
    return this.#router.snapshot() as Uint8Array<ArrayBuffer>;
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

  /** Kinds that Events were about or that owners were of, as `apps/v1 Deployment`; each is told once. */
  takeKindsMet(): string[] {
    return this.#router.take_kinds_met().split('\n').filter(Boolean);
  }

  /** Objects that Events were about and that no metadata has told of, since the last time. */
  takeObjectsMet(): ObjectMet[] {
    const lines = this.#router.take_objects_met().split('\n').filter(Boolean);
    return lines.map((line) => {
      const [apiVersion, kind, namespace, name, uid] = line.split(' ') as ObjectWords;
      return { apiVersion, kind, namespace, name, uid };
    });
  }

  counts(): RouterCounts {
    const { parked_early: parkedEarly, ...counts } = JSON.parse(this.#router.counts());
    return { ...counts, parkedEarly };
  }
}

/** Finished spans of one shard for one destination. */
export interface DestinationSpans {
  /** 0: the ordinary one; n: the n-th of the settings. */
  destination: number;
  /** `ResourceSpans` fields; any number of such, one after another, are an ExportTraceServiceRequest. */
  bytes: Uint8Array<ArrayBuffer>;
  spanCount: number;
}

/** Makes the spans of one shard. */
export class WasmCorrelator {
  readonly #correlator: Correlator;
  readonly #destinations: number;

  constructor(module: WasmModule, settings: WasmSettings, snapshot?: Uint8Array) {
    initSync({ module: module as never });
    this.#correlator = withSettings(settings, (inner) =>
      snapshot ? Correlator.restore(inner, snapshot) : new Correlator(inner),
    );
    this.#destinations = settings.destinations.length + 1;
  }

  /** A Correlator that goes on from a snapshot. Throws as `WasmRouter.restore` does. */
  static restore(module: WasmModule, settings: WasmSettings, snapshot: Uint8Array): WasmCorrelator {
    return new WasmCorrelator(module, settings, snapshot);
  }

  /** All that it knows; its spans have been drained. */
  snapshot(): Uint8Array<ArrayBuffer> {
    return this.#correlator.snapshot() as Uint8Array<ArrayBuffer>;
  }

  /** Takes a batch of the Router for this shard; they come in the order in which they were taken. */
  push(batch: Uint8Array): void {
    this.#correlator.push(batch);
  }

  /** What is finished since the last time, for each destination that there is something for. */
  drain(): DestinationSpans[] {
    const drained: DestinationSpans[] = [];
    for (let destination = 0; destination < this.#destinations; destination++) {
      const spanCount = this.#correlator.spans(destination);
      if (spanCount === 0) continue;
      const bytes = this.#correlator.drain(destination) as Uint8Array<ArrayBuffer>;
      drained.push({ destination, bytes, spanCount });
    }
    return drained;
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
  inner.set_traceparent_annotations(given.traceparentAnnotations);
  if (given.rules.length > 0) inner.set_rules(JSON.stringify(given.rules));
  if (given.destinations.length > 0) inner.set_destinations(JSON.stringify(given.destinations));
  // Not freed when it throws: after a trap that would only hide the trap.
  const made = use(inner);
  inner.free();
  return made;
}
