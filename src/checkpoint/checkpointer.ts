// Begins a live run from the newest checkpoint, and takes more of them: every so often between two
// chunks, sooner when many spans wait for one, and once at its end. Spans go out when a checkpoint on
// disk has them, and each one holds all that has not arrived by then: so after a crash all that was
// read since the newest one is read again, and what was on its way is sent again, the same to the
// byte. A back end that is away holds nothing up until the sink has no room. Taking one makes the engine
// wait for its shards, so it takes no more than a small share of the time. One that cannot be written is
// told; its spans go out all the same, and it is tried again when the next is due.
import type { EngineSnapshot } from '../engine.js';
import { reasonOf, StateError } from '../errors.js';
import type { ClusterPosition } from '../ingest/watch-view.js';
import { traced } from '../traced.js';
import type { Checkpoint } from './checkpoint.js';
import type { Outbox } from './outbox.js';
import type { StateDir } from './state-dir.js';

/** Taking them may cost this share of the time. */
const SHARE_MAX = 0.05;

/** What checkpoints are taken of. */
export interface Checkpointed {
  /** All that follows from what was pushed; the spans that are finished by then are in the outbox. */
  snapshot(): Promise<EngineSnapshot>;
}

export interface CheckpointerOptions {
  dir: StateDir;
  outbox: Outbox;
  /** From one to the next. */
  intervalMs: number;
  /** Of the spans that may wait for one. */
  outboxBytesMax: number;
  onNotice: (line: string) => void;
  /** The run goes on from there. */
  onResume: (position: ClusterPosition) => void;
}

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  /** Where the run went on from, if it did. */
  resumed: ClusterPosition | undefined;
  /** Of the streams, now; there is none until all are open. */
  position: () => ClusterPosition | undefined = () => undefined;
  /** The first one as soon as there is a position. */
  #dueAt = 0;
  /** The sink has room for more than the spans of the newest; it rejects when they cannot arrive. */
  #room: Promise<void> = Promise.resolve();
  #keptAt = performance.now();
  #bytes = 0;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
  }

  /** Since the newest was taken; since the run began, as long as it has written none. */
  get ageMs(): number {
    return performance.now() - this.#keptAt;
  }

  /** Size of the newest; 0: this run has written none. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Begins from the newest checkpoint; one that is refused is told and set aside. */
  async begin<T>(start: (from?: EngineSnapshot) => Promise<T>): Promise<T> {
    const { dir, outbox, onNotice, onResume } = this.#options;
    try {
      const checkpoint = dir.read();
      if (checkpoint) {
        const started = await start(checkpoint.engine);
        this.resumed = checkpoint.position;
        outbox.restore(checkpoint.spans);
        this.#release();
        onResume(checkpoint.position);
        return started;
      }
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      const { file } = dir;
      onNotice(`${file} is not used: ${error.message}; it is now ${dir.setAside()}`);
    }
    return start();
  }

  /** Nothing is under way between source and engine: takes one when it is due. */
  async between(engine: Checkpointed): Promise<void> {
    const { outbox, outboxBytesMax, intervalMs } = this.#options;
    await this.#room;
    if (performance.now() < this.#dueAt && outbox.bytes <= outboxBytesMax) return;
    const position = this.position();
    if (!position || outbox.failed) return;
    const takenAt = performance.now();
    await traced('checkpoint', {}, async (span) => {
      const state = await engine.snapshot();
      await this.#write({ position, engine: state, spans: outbox.forCheckpoint() }, takenAt);
      span.setAttribute('bytes', this.#bytes);
    });
    this.#dueAt = takenAt + Math.max(intervalMs, (performance.now() - takenAt) / SHARE_MAX);
    this.#release();
  }

  /** The last one, of an engine that has ended; rejects with an ExportError when spans do not arrive. */
  async finish(snapshot: EngineSnapshot): Promise<void> {
    const { outbox } = this.#options;
    const takenAt = performance.now();
    const position = outbox.failed ? undefined : this.position();
    const spans = outbox.forCheckpoint();
    if (position) await this.#write({ position, engine: snapshot, spans }, takenAt);
    await outbox.release();
    await outbox.close();
    // Whoever goes on has nothing to send again.
    if (position) await this.#write({ position, engine: snapshot, spans: [] }, takenAt);
  }

  #release(): void {
    this.#room = this.#options.outbox.release();
    // Told to whoever waits for it.
    this.#room.catch(() => {});
  }

  async #write(checkpoint: Omit<Checkpoint, 'cluster'>, takenAt: number): Promise<void> {
    const { dir, onNotice } = this.#options;
    try {
      this.#bytes = await dir.write(checkpoint);
      this.#keptAt = takenAt;
    } catch (error) {
      onNotice(`cannot write ${dir.file}: ${reasonOf(error)}`);
    }
  }
}
