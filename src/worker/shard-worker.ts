// One worker thread with its Correlator, from its start to its end; it has no second life. Questions go
// in, answers come out in the same order. Whatever ends it (it leaves, has no memory left, cannot start)
// is told once, and what it has not answered is rejected. The thread is the only one of its Piscina.
import { Piscina } from 'piscina';
import { reasonOf } from '../errors.js';
import type { WorkerReply, WorkerRequest, WorkerStart } from './protocol.js';

export class ShardWorker {
  readonly #piscina: Piscina<WorkerRequest, WorkerReply>;
  readonly #onLost: (reason: string) => void;
  #isOver = false;

  /** `questionsMax`: unanswered ones at a time. `onLost` is not called after `destroy`. */
  constructor(start: WorkerStart, questionsMax: number, onLost: (reason: string) => void) {
    this.#onLost = onLost;
    this.#piscina = new Piscina({
      filename: new URL('./worker.js', import.meta.url).href,
      workerData: start,
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: questionsMax,
      stricterFIFO: true,
      atomics: 'disabled',
      recordTiming: false,
    });
    this.#piscina.on('error', (error) => this.#lost(reasonOf(error)));
    this.#piscina.on('workerDestroy', () => {
      // Piscina would start another, which knows nothing. Not waited for: what has left leaves no more.
      void this.#piscina.destroy();
      // Those that wait for an answer know the reason, and come first.
      setImmediate(() => this.#lost('it has left'));
    });
  }

  /** For how long its thread has worked. */
  get busyMs(): number {
    return this.#piscina.threads[0]?.performance.eventLoopUtilization().active ?? 0;
  }

  /** Rejects when the worker is lost before it answers. The buffers in `transferList` are gone then. */
  async ask(request: WorkerRequest, transferList: ArrayBuffer[] = []): Promise<WorkerReply> {
    try {
      return await this.#piscina.run(request, { transferList });
    } catch (error) {
      this.#lost(reasonOf(error));
      throw error;
    }
  }

  /** Ends it at once; what it has not answered is lost. */
  async destroy(): Promise<void> {
    this.#isOver = true;
    await this.#piscina.destroy();
  }

  #lost(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onLost(reason);
  }
}
