// Read this first: the whole flow. Input comes in as bytes, the Router (main thread) makes of it a batch
// for each shard, each shard's worker makes of that the bytes of finished spans, and these go to one
// sink. Nothing is queued without a limit: a slow sink keeps the windows of the shards shut, these hold
// up the Router, and that the source. At the end everything that came in is accounted for.
import type { Config } from './config.js';
import { reasonOf, StateError, WorkerError } from './errors.js';
import type { ExportState, SpanSink } from './export/sink.js';
import { type RoutedBatch, ShardRouter } from './route/shard-router.js';
import {
  compileWasm,
  type ObjectMet,
  type RouterCounts,
  type WasmModule,
  WasmRouter,
  type WasmSettings,
  wasmMemoryBytes,
} from './wasm.js';
import { ShardPool } from './worker/pool.js';
import type { SpansReply } from './worker/protocol.js';
import { Quarantine } from './worker/quarantine.js';
import type { ShardState } from './worker/shard.js';

/** What came in and what became of it. Of `dropped`, those as `quarantined` made a worker fail. Frames: all = received + metadata + ignored + skipped. */
export interface RunSummary extends Omit<RouterCounts, 'parked' | 'objects'> {
  /** Spans of Events that have got where they should. */
  exported: number;
  /** Events that are neither exported, lost, duplicates nor dropped yet; 0 after the end. */
  held: number;
  /** Spans that no Event stands for and that have got where they should. */
  synthetic: number;
  /** Events that came too late for the reorder window. */
  late: number;
  /** Events that were placed before their time, because their root had too many that wait. */
  early: number;
  /** Spans that did not get where they should. */
  undelivered: number;
  /** Spans that are on disk at the end, for a later run. */
  spooled: number;
  /** Events, metadata and other records that were left out because a worker failed at them. */
  quarantined: number;
  /** Workers that were lost and replaced, since the start of this engine. */
  replaced: number;
  /** Since the start of this engine. */
  seconds: number;
  /** Of them, with those that a snapshot brought left out. */
  receivedPerSecond: number;
}

/** Where the engine is, beside its account. */
export interface EngineState {
  /** Events that have become spans, and spans that no Event stands for; delivered or not. */
  finished: number;
  finishedSynthetic: number;
  /** Events that wait in the Router for an owner. */
  parked: number;
  /** Objects whose owners are known. */
  objects: number;
  /** All that the Router has ever taken. */
  routerMemoryBytes: number;
  shards: ShardState[];
  /** The sink is of no use any more. */
  sinkFailed: boolean;
  exports: ExportState | undefined;
}

/** All that an engine knows, to be gone on from by another with the same settings. */
export interface EngineSnapshot {
  router: Uint8Array;
  /** By number of the shard. */
  shards: Uint8Array[];
}

/** When the source says nothing for so long, what is there goes on as it is. */
const QUIET_MS = 100;

export class Engine {
  readonly #sink: SpanSink;
  readonly #router: ShardRouter;
  readonly #startedAt = performance.now();
  readonly #receivedBefore: number;
  #pool!: ShardPool;
  #turn: Promise<unknown> = Promise.resolve();
  #failure: { error: unknown } | undefined;
  #interrupt: (() => void) | undefined;
  #closing: Promise<RunSummary> | undefined;

  private constructor(router: ShardRouter, sink: SpanSink) {
    this.#router = router;
    this.#receivedBefore = router.counts().received;
    this.#sink = sink;
  }

  /**
   * An engine whose workers are ready. The sink is closed with it, not when it is suspended. With a
   * snapshot it goes on from there; throws a StateError when that is of other settings or another
   * version. `onNotice` is told of workers that are replaced, and of what they failed at.
   */
  static async start(
    config: Config,
    sink: SpanSink,
    from?: EngineSnapshot,
    onNotice: (line: string) => void = () => {},
  ): Promise<Engine> {
    const module = compileWasm();
    const settings = wasmSettings(config);
    const router = openRouter(module, settings, from?.router);
    const { shards, shardBatchBytes, batchesInFlight, journalBytesMax, replacementsMax } = config;
    const engine = new Engine(new ShardRouter(router, shards, shardBatchBytes), sink);
    engine.#pool = await ShardPool.start({
      module,
      settings,
      snapshots: from?.shards,
      ...{ batchesInFlight, journalBytesMax, replacementsMax },
      quarantine: new Quarantine(config, onNotice),
      onNotice,
      onSpans: (reply) => engine.#merge(reply),
      onFailure: (error) => engine.#fail(error),
    });
    return engine;
  }

  /**
   * Takes input, cut anywhere; resolves when there is room for more. Rejects when the engine has
   * failed, which is final.
   */
  push(chunk: Uint8Array): Promise<void> {
    return this.#inTurn(() => this.#send(this.#router.push(chunk)));
  }

  /**
   * Pushes a whole source, until it ends, `signal` says so, or spans can no longer be delivered.
   * `between` is called, and waited for, after each chunk.
   */
  async run(
    source: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
    between?: () => Promise<void>,
  ): Promise<void> {
    const iterator = source[Symbol.asyncIterator]();
    const interrupt = () => this.#interrupt?.();
    signal?.addEventListener('abort', interrupt);
    try {
      while (!signal?.aborted && !this.#sink.failed) {
        const chunk = await this.#pull(iterator);
        this.#throwFailure();
        if (!chunk) return;
        await this.push(chunk);
        await between?.();
      }
    } finally {
      signal?.removeEventListener('abort', interrupt);
      // Not waited for: the source may hang in a read that nobody needs any more.
      iterator.return?.().catch(() => {});
    }
  }

  /** Resolves when what is finished of all that was pushed has got where it should. */
  flush(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#send(this.#router.flush());
      await this.#pool.idle();
      await this.#sink.flush();
    });
  }

  /** All that follows from what was pushed; what is finished by then was given to the sink. */
  snapshot(): Promise<EngineSnapshot> {
    return this.#inTurn(async () => {
      await this.#send(this.#router.flush());
      await this.#pool.idle();
      return { router: this.#router.snapshot(), shards: await this.#pool.snapshots() };
    });
  }

  /** Ends without closing traces: another engine may go on with them. The sink stays open. */
  async suspend(): Promise<EngineSnapshot> {
    try {
      return await this.snapshot();
    } finally {
      await this.#pool.destroy();
    }
  }

  /**
   * The input has ended: closes every trace, waits for the sink and ends the workers. Rejects with an
   * ExportError when spans were not delivered; `summary` tells the account then too.
   */
  close(): Promise<RunSummary> {
    this.#closing ??= this.#inTurn(async () => {
      try {
        await this.#send(this.#router.finish());
        await this.#pool.idle();
        this.#checkAccount();
        await this.#sink.close();
      } finally {
        await this.#pool.destroy();
      }
      return this.summary();
    });
    return this.#closing;
  }

  /** Ends at once; what has not got where it should is lost, and counted so or as held. */
  async abandon(): Promise<void> {
    this.#sink.abandon();
    await this.#pool.destroy();
  }

  /** Kinds that Events were about or that owners were of, as `apps/v1 Deployment`; each is told once. */
  takeKindsMet(): string[] {
    return this.#router.takeKindsMet();
  }

  /** Objects that Events were about and that no metadata has told of, since the last time. */
  takeObjectsMet(): ObjectMet[] {
    return this.#router.takeObjectsMet();
  }

  /** The account at this moment. */
  summary(): RunSummary {
    const { parked, objects, ...counts } = this.#router.counts();
    const made = this.#pool.counts();
    const { quarantinedEvents, quarantinedOthers } = made;
    const dropped = { ...counts.dropped };
    if (quarantinedEvents > 0) dropped.quarantined = quarantinedEvents;
    const { occurrences, synthetic, refused } = this.#sink.lost;
    const { kept = { occurrences: 0, synthetic: 0 } } = this.#sink;
    const seconds = (performance.now() - this.#startedAt) / 1000;
    return {
      ...counts,
      dropped,
      exported: made.exported - occurrences - refused - kept.occurrences,
      held: counts.received - counts.duplicates - sumOf(dropped) - made.exported,
      synthetic: made.synthetic - synthetic - kept.synthetic,
      late: made.late,
      early: made.early,
      undelivered: occurrences + synthetic + refused,
      spooled: kept.occurrences + kept.synthetic,
      quarantined: quarantinedEvents + quarantinedOthers,
      replaced: this.#pool.states().reduce((sum, { replacements }) => sum + replacements, 0),
      seconds,
      receivedPerSecond: (counts.received - this.#receivedBefore) / seconds,
    };
  }

  /** What it is busy with at this moment. */
  state(): EngineState {
    const { parked, objects } = this.#router.counts();
    const { exported: finished, synthetic: finishedSynthetic } = this.#pool.counts();
    const { failed: sinkFailed, exports } = this.#sink;
    const shards = this.#pool.states();
    const routerMemoryBytes = wasmMemoryBytes();
    const made = { finished, finishedSynthetic };
    return { ...made, parked, objects, routerMemoryBytes, shards, sinkFailed, exports };
  }

  async #send(batches: Iterable<RoutedBatch>): Promise<void> {
    this.#throwFailure();
    for (const { shard, bytes } of batches) await this.#pool.send(shard, bytes);
  }

  /** All at once: one that waits for its destination holds up no other. */
  async #merge({ spans }: SpansReply): Promise<void> {
    await Promise.all(
      spans.map(({ bytes, spanCount, destination }) =>
        this.#sink.write(bytes, spanCount, destination),
      ),
    );
  }

  /** The next chunk, or undefined when there is none or none is wanted. */
  async #pull(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
    const quiet = setTimeout(() => {
      this.#inTurn(() => this.#send(this.#router.flush())).catch((error) => this.#fail(error));
    }, QUIET_MS);
    try {
      const next = await new Promise<IteratorResult<Uint8Array> | undefined>((resolve, reject) => {
        this.#interrupt = () => resolve(undefined);
        iterator.next().then(resolve, reject);
      });
      return next?.done ? undefined : next?.value;
    } finally {
      clearTimeout(quiet);
      this.#interrupt = undefined;
    }
  }

  /** One caller after another, so that batches leave in the order of the input. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#interrupt?.();
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }

  #checkAccount(): void {
    const { held, received } = this.summary();
    if (held === 0 && this.#pool.counts().held === 0) return;
    const message = `${held} of ${received} Events are not accounted for`;
    throw new WorkerError('account_broken', message);
  }
}

function openRouter(
  module: WasmModule,
  settings: WasmSettings,
  snapshot: Uint8Array | undefined,
): WasmRouter {
  if (!snapshot) return new WasmRouter(module, settings);
  try {
    return WasmRouter.restore(module, settings, snapshot);
  } catch (error) {
    throw new StateError('state_refused', reasonOf(error), error);
  }
}

/** Only what the crate needs: the rest must not cross to the workers. */
function wasmSettings(config: Config): WasmSettings {
  const { shards, reorderWindowMs, idleMs, objectsMax, eventUidsMax, rules } = config;
  const { parkedBytesMax, untimedBytesMax, frameBytesMax, clusterName, serviceName } = config;
  const limits = { objectsMax, eventUidsMax, parkedBytesMax, untimedBytesMax, frameBytesMax };
  const texts = { clusterName, serviceName, traceparentAnnotations: config.traceparentAnnotations };
  const destinations = config.destinations.map(({ namespaces, labels }) => ({
    namespaces,
    labels,
  }));
  return { shards, reorderWindowMs, idleMs, ...limits, ...texts, rules, destinations };
}

function sumOf(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
