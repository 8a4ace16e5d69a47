// One worker thread for each shard, each the only one of its Piscina, since a shard's state lives in
// its worker. Batches go to a shard in the order in which they are sent; a shard may be some batches
// behind (its window), then sending waits. A place in the window is free again when the spans of its
// batch have been taken, so a slow taker slows the sender. A worker that traps or leaves has lost the
// state of its shard: that is a WorkerError for everybody who waits or comes later.
import { Piscina } from 'piscina';
import { reasonOf, WorkerError } from '../errors.js';
import type { CorrelatorCounts, WasmModule, WasmSettings } from '../wasm.js';
import type {
  ReadyReply,
  SpansReply,
  WorkerReply,
  WorkerRequest,
  WorkerStart,
} from './protocol.js';

export interface ShardPoolOptions {
  module: WasmModule;
  /** `settings.shards` is the number of workers. */
  settings: WasmSettings;
  /** By number of the shard: what each goes on from. */
  snapshots?: readonly Uint8Array[] | undefined;
  /** Batches that a shard may be behind. */
  batchesInFlight: number;
  /** Takes finished spans; in order for each shard. The shard's window waits for it. */
  onSpans(reply: SpansReply): Promise<void>;
  /** Called once, with the first failure of a worker or of `onSpans`. */
  onFailure(error: unknown): void;
}

/** A shard at this moment. */
export interface ShardState {
  /** Batches sent to it whose spans have not been taken yet. */
  batchesInFlight: number;
  /** For how long its thread has worked, since it started. */
  busyMs: number;
  /** All that its Correlator has ever taken, as of its last answer. */
  memoryBytes: number;
}

const NOTHING: CorrelatorCounts = { exported: 0, synthetic: 0, late: 0, early: 0, held: 0 };

export class ShardPool {
  readonly #workers: ShardWorker[];

  private constructor(workers: ShardWorker[]) {
    this.#workers = workers;
  }

  /** Starts all workers and waits until each has its Correlator. */
  static async start(options: ShardPoolOptions): Promise<ShardPool> {
    let failed = false;
    const onFailure = (error: unknown) => {
      if (!failed) options.onFailure(error);
      failed = true;
    };
    const shards = Array.from({ length: options.settings.shards }, (_, shard) => shard);
    const pool = new ShardPool(
      shards.map((shard) => new ShardWorker(shard, { ...options, onFailure })),
    );
    try {
      await Promise.all(pool.#workers.map((worker) => worker.ready()));
    } catch (error) {
      await pool.destroy();
      throw error;
    }
    return pool;
  }

  /** Sends a batch, whose buffer is gone then; resolves when the shard's window had a place for it. */
  send(shard: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const worker = this.#workers[shard];
    if (!worker) throw new RangeError(`there is no shard ${shard}`);
    return worker.send(bytes);
  }

  /** Resolves when all that was sent is answered and its spans are taken. */
  async idle(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.idle()));
  }

  /** Of each shard after all that was sent, by its number; to be asked for when idle. */
  snapshots(): Promise<Uint8Array[]> {
    return Promise.all(this.#workers.map((worker) => worker.snapshot()));
  }

  /** All shards together, as of their last answers. */
  counts(): CorrelatorCounts {
    return this.#workers.reduce((sum, { counts }) => {
      return {
        exported: sum.exported + counts.exported,
        synthetic: sum.synthetic + counts.synthetic,
        late: sum.late + counts.late,
        early: sum.early + counts.early,
        held: sum.held + counts.held,
      };
    }, NOTHING);
  }

  /** By number of the shard. */
  states(): ShardState[] {
    return this.#workers.map((worker) => worker.state());
  }

  /** Ends the workers at once; what they have not answered is lost. */
  async destroy(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.destroy()));
  }
}

/** The worker of one shard and its window. */
class ShardWorker {
  readonly #shard: number;
  readonly #options: ShardPoolOptions;
  readonly #piscina: Piscina<WorkerRequest, WorkerReply>;
  /** Called whenever an answer has been dealt with, or when the worker has failed. */
  readonly #waiting: (() => void)[] = [];
  #inFlight = 0;
  #created = 0;
  #destroyed = false;
  #failure: unknown;
  counts: CorrelatorCounts = NOTHING;
  #memoryBytes = 0;

  constructor(shard: number, options: ShardPoolOptions) {
    this.#shard = shard;
    this.#options = options;
    this.#piscina = new Piscina({
      filename: new URL('./worker.js', import.meta.url).href,
      workerData: {
        module: options.module,
        settings: options.settings,
        snapshot: options.snapshots?.[shard],
      } satisfies WorkerStart,
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: options.batchesInFlight,
      stricterFIFO: true,
      atomics: 'disabled',
      recordTiming: false,
    });
    this.#piscina.on('error', (error) => this.#fail(reasonOf(error), error));
    this.#piscina.on('workerCreate', () => {
      this.#created += 1;
      // Piscina replaces a worker that has left, and says nothing of the state that went with it.
      if (this.#created > 1) this.#fail('it has left');
    });
  }

  state(): ShardState {
    const busy = this.#piscina.threads[0]?.performance.eventLoopUtilization();
    return {
      batchesInFlight: this.#inFlight,
      busyMs: busy?.active ?? 0,
      memoryBytes: this.#memoryBytes,
    };
  }

  async ready(): Promise<void> {
    const reply = await this.#ask({ type: 'ready' }, []).catch((error: unknown) => {
      throw this.#error('worker_start', reasonOf(error), error);
    });
    if (reply.type !== 'ready') throw this.#error('worker_start', `it answers ${reply.type}`);
    this.#take(reply);
  }

  async snapshot(): Promise<Uint8Array> {
    const reply = await this.#ask({ type: 'snapshot' }, []);
    if (reply.type === 'snapshot') return reply.bytes;
    this.#fail(reply.type === 'failed' ? reply.reason : `it answers ${reply.type} to that`);
    throw this.#failure;
  }

  async send(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    while (this.#inFlight >= this.#options.batchesInFlight) await this.#change();
    this.#throwFailure();
    this.#inFlight += 1;
    // Its outcome reaches callers by #fail.
    void this.#exchange(bytes);
  }

  async idle(): Promise<void> {
    while (this.#inFlight > 0) await this.#change();
    this.#throwFailure();
  }

  async destroy(): Promise<void> {
    this.#destroyed = true;
    await this.#piscina.destroy();
  }

  async #exchange(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      const reply = await this.#ask({ type: 'batch', bytes }, [bytes.buffer]);
      if (reply.type === 'spans') {
        this.#take(reply);
        await this.#options.onSpans(reply);
      } else {
        this.#fail(reply.type === 'failed' ? reply.reason : `it answers ${reply.type} to a batch`);
      }
    } catch (error) {
      this.#fail(reasonOf(error), error);
    } finally {
      this.#inFlight -= 1;
      this.#wake();
    }
  }

  #take({ counts, memoryBytes }: ReadyReply | SpansReply): void {
    this.counts = counts;
    this.#memoryBytes = memoryBytes;
  }

  #ask(request: WorkerRequest, transferList: ArrayBuffer[]): Promise<WorkerReply> {
    return this.#piscina.run(request, { transferList });
  }

  async #change(): Promise<void> {
    this.#throwFailure();
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#throwFailure();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #fail(reason: string, cause?: unknown): void {
    if (this.#destroyed || this.#failure) return;
    // What the taker of spans throws has its own words.
    const ours = cause instanceof Error && 'exitCode' in cause;
    this.#failure = ours ? cause : this.#error('worker_failed', reason, cause);
    this.#options.onFailure(this.#failure);
    this.#wake();
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure;
  }

  #error(code: 'worker_start' | 'worker_failed', reason: string, cause?: unknown): WorkerError {
    return new WorkerError(code, `the worker of shard ${this.#shard} has failed: ${reason}`, cause);
  }
}
