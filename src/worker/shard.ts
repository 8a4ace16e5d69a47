// One shard: its worker, how far that may lag behind (the window), and what happens when it is lost. Then
// another one starts from the journal's snapshot and is sent the batches since; a Correlator says the same
// again, so answers that were taken already are dropped and the others go on: nothing shows, but in
// `replacements`. A batch at which two workers fail is looked at for the record that does it (bisect.ts),
// which is left out. A place in the window is free again when the spans of its batch have been taken, so
// a slow taker slows the sender. What cannot be mended is a WorkerError for all who wait or come later.
import { reasonOf, WorkerError } from '../errors.js';
import { traced } from '../traced.js';
import type { CorrelatorCounts, WasmModule, WasmSettings } from '../wasm.js';
import { trialsAfter, withoutCulprit } from './bisect.js';
import { Failures } from './failures.js';
import { type Batch, Journal } from './journal.js';
import type { ReadyReply, SpansReply, WorkerReply, WorkerStart } from './protocol.js';
import type { Quarantine } from './quarantine.js';
import { ShardWorker } from './shard-worker.js';

export interface ShardOptions {
  module: WasmModule;
  settings: WasmSettings;
  /** What it goes on from. */
  snapshot: Uint8Array | undefined;
  /** Batches that it may be behind. */
  batchesInFlight: number;
  /** See Journal. */
  journalBytesMax: number;
  /** Workers that may be replaced in a row, without any news. */
  replacementsMax: number;
  quarantine: Quarantine;
  /** Takes finished spans, in order. The window waits for it. */
  onSpans(reply: SpansReply): Promise<void>;
  /** Called once, with the first failure that nothing mends, of workers or of `onSpans`. */
  onFailure(error: unknown): void;
  /** Called with each failure that is mended. */
  onNotice(line: string): void;
}

/** A shard at this moment. */
export interface ShardState {
  /** Batches sent to it whose spans have not been taken yet. */
  batchesInFlight: number;
  /** For how long its threads have worked, since they started. */
  busyMs: number;
  /** All that its Correlator has ever taken, as of its last answer. */
  memoryBytes: number;
  /** Workers that were lost and replaced. */
  replacements: number;
}

export const NO_COUNTS: CorrelatorCounts = {
  exported: 0,
  synthetic: 0,
  late: 0,
  early: 0,
  held: 0,
  quarantinedEvents: 0,
  quarantinedOthers: 0,
};

export class Shard {
  readonly #shard: number;
  readonly #options: ShardOptions;
  readonly #journal: Journal;
  /** Called whenever something has happened that somebody may wait for. */
  readonly #waiting: (() => void)[] = [];
  /** Undefined: it is being replaced, or the shard has ended. */
  #worker: ShardWorker | undefined;
  /** What the worker was sent and has not answered, in order. */
  #asked: Batch[] = [];
  /** Number of the newest batch that this worker was sent. */
  #sent = 0;
  /** The worker takes a snapshot after the batch of this number. */
  #takingAfter: number | undefined;
  /** Somebody waits for a snapshot. */
  #isWanted = false;
  /** Number of the newest batch whose answer was taken. */
  #answered = 0;
  /** Batches whose spans have not been taken yet. */
  #inFlight = 0;
  readonly #failures: Failures;
  #busyMsBefore = 0;
  #memoryBytes = 0;
  #hasEnded = false;
  #failure: unknown;
  counts = NO_COUNTS;

  constructor(shard: number, options: ShardOptions) {
    this.#shard = shard;
    this.#options = options;
    this.#failures = new Failures(options.replacementsMax);
    this.#journal = new Journal(options.snapshot, options.journalBytesMax);
  }

  state(): ShardState {
    return {
      batchesInFlight: this.#inFlight,
      busyMs: this.#busyMsBefore + (this.#worker?.busyMs ?? 0),
      memoryBytes: this.#memoryBytes,
      replacements: this.#failures.total,
    };
  }

  /** Resolves when its first worker has its Correlator; one that cannot start is not replaced. */
  async start(): Promise<void> {
    const worker = this.#newWorker();
    try {
      const reply = await worker.ask({ type: 'ready' });
      if (reply.type !== 'ready') throw new Error(unexpected(reply));
      this.#look(reply);
      if (this.#hasEnded) await worker.destroy();
      else this.#worker = worker;
    } catch (error) {
      void worker.destroy();
      throw this.#error('worker_start', reasonOf(error), error);
    }
  }

  async send(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    while (this.#inFlight >= this.#options.batchesInFlight) await this.#change();
    this.#throwFailure();
    this.#inFlight += 1;
    this.#journal.add(bytes);
    this.#pump();
  }

  async idle(): Promise<void> {
    while (this.#inFlight > 0) await this.#change();
    this.#throwFailure();
  }

  /** After all that was sent. */
  async snapshot(): Promise<Uint8Array> {
    const { end } = this.#journal;
    while (!this.#journal.snapshot || this.#journal.begin < end) {
      this.#isWanted = true;
      this.#pump();
      await this.#change();
    }
    return this.#journal.snapshot;
  }

  /** Whoever still waits for something hears of it. */
  async destroy(): Promise<void> {
    this.#hasEnded = true;
    this.#failure ??= this.#error('worker_failed', 'it was ended');
    this.#wake();
    await this.#worker?.destroy();
  }

  /** Sends the worker what it has not had yet, as much as it may lag behind. */
  #pump(): void {
    const worker = this.#worker;
    if (!worker) return;
    while (this.#asked.length < this.#options.batchesInFlight) {
      const batch = this.#journal.at(this.#sent + 1);
      if (!batch) break;
      this.#sent = batch.number;
      this.#asked.push(batch);
      const bytes = batch.bytes.slice();
      this.#ask(worker, worker.ask({ type: 'batch', bytes }, [bytes.buffer]), (reply) =>
        this.#answer(batch, reply),
      );
    }
    this.#askForSnapshot(worker);
  }

  /** In line with its batches, when it has had all. */
  #askForSnapshot(worker: ShardWorker): void {
    const { begin, end, snapshot, isFull } = this.#journal;
    const isDue = (isFull || this.#isWanted) && (end > begin || !snapshot);
    if (!isDue || this.#takingAfter !== undefined || this.#sent < end) return;
    this.#takingAfter = end;
    this.#ask(worker, worker.ask({ type: 'snapshot' }), (reply) => this.#cut(end, reply));
  }

  /** What a worker answers that is lost by then is of no use, and its end is told by itself. */
  #ask(
    worker: ShardWorker,
    asked: Promise<WorkerReply>,
    take: (reply: WorkerReply) => string | undefined,
  ): void {
    asked.then(
      (reply) => {
        if (worker !== this.#worker) return;
        const failure = take(reply);
        if (failure === undefined) this.#pump();
        else this.#lost(worker, failure);
      },
      () => {},
    );
  }

  /** Returns what is wrong with the answer. */
  #answer({ number }: Batch, reply: WorkerReply): string | undefined {
    if (reply.type !== 'spans') return unexpected(reply);
    this.#asked.shift();
    if (number <= this.#answered) return;
    this.#answered = number;
    this.#failures.news();
    this.#look(reply);
    void this.#give(reply);
  }

  #cut(number: number, reply: WorkerReply): string | undefined {
    if (reply.type !== 'snapshot') return unexpected(reply);
    this.#takingAfter = undefined;
    this.#isWanted = false;
    this.#failures.snapshotTaken();
    this.#journal.cut(number, reply.bytes);
    this.#wake();
  }

  async #give(reply: SpansReply): Promise<void> {
    try {
      await this.#options.onSpans(reply);
    } catch (error) {
      this.#end(error);
    } finally {
      this.#inFlight -= 1;
      this.#wake();
    }
  }

  /** Replaces the worker, when it is the present one. */
  #lost(worker: ShardWorker, reason: string): void {
    if (worker !== this.#worker || this.#hasEnded) return;
    const [oldest] = this.#asked;
    const after = this.#takingAfter;
    const wasTaking = after !== undefined && (!oldest || oldest.number > after);
    this.#busyMsBefore += worker.busyMs;
    this.#worker = undefined;
    void worker.destroy();
    if (!this.#failures.count(wasTaking)) {
      this.#end(this.#error('worker_failed', reason));
      return;
    }
    this.#options.onNotice(
      `the worker of shard ${this.#shard} has failed and is replaced: ${reason}`,
    );
    const replace = () => this.#replace(wasTaking ? undefined : oldest);
    traced('replace worker', { shard: this.#shard, reason }, replace).catch((error) =>
      this.#end(error),
    );
  }

  async #replace(failedAt: Batch | undefined): Promise<void> {
    const isNew = failedAt && failedAt.number > this.#answered;
    if (isNew && this.#failures.isAgainAt(failedAt.number)) await this.#clear(failedAt);
    if (this.#hasEnded) return;
    this.#asked = [];
    this.#takingAfter = undefined;
    this.#sent = this.#journal.begin;
    const worker = this.#newWorker();
    this.#worker = worker;
    this.#ask(worker, worker.ask({ type: 'ready' }), (reply) =>
      reply.type === 'ready' ? undefined : unexpected(reply),
    );
  }

  /** Leaves out of the batch what Correlators fail at, where that can be found. */
  async #clear(batch: Batch): Promise<void> {
    const fails = await trialsAfter(this.#start(), this.#journal.before(batch));
    let { bytes } = batch;
    for (;;) {
      const taken = fails && (await withoutCulprit(bytes, fails));
      if (!taken || this.#hasEnded) return;
      if (!(await this.#options.quarantine.take(this.#shard, taken)))
        throw this.#error('worker_failed', 'at more frames than --quarantined-max allows');
      bytes = taken.batch;
      this.#journal.replace(batch, bytes);
      this.#failures.news();
    }
  }

  #newWorker(): ShardWorker {
    // A window of batches, a snapshot, and whether it is ready.
    const questionsMax = this.#options.batchesInFlight + 2;
    const worker: ShardWorker = new ShardWorker(this.#start(), questionsMax, (reason) =>
      this.#lost(worker, reason),
    );
    return worker;
  }

  #start(): WorkerStart {
    const { module, settings } = this.#options;
    return { module, settings, snapshot: this.#journal.snapshot };
  }

  #look({ counts, memoryBytes }: ReadyReply | SpansReply): void {
    this.counts = counts;
    this.#memoryBytes = memoryBytes;
  }

  async #change(): Promise<void> {
    this.#throwFailure();
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#throwFailure();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** The first failure that nothing mends. */
  #end(error: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#failure = error;
    this.#options.onFailure(error);
    this.#wake();
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure;
  }

  #error(code: 'worker_start' | 'worker_failed', reason: string, cause?: unknown): WorkerError {
    return new WorkerError(code, `the worker of shard ${this.#shard} has failed: ${reason}`, cause);
  }
}

function unexpected(reply: WorkerReply): string {
  return reply.type === 'failed' ? reply.reason : `it answers ${reply.type} out of turn`;
}
