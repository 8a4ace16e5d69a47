// Begins a live run from the newest checkpoint, and takes more of them: every so often between two chunks,
// and once at its end. A checkpoint is
// written when the back end has all spans that were finished before it was taken, so whatever
// was read after the newest one on disk is read again after a crash, and nothing before it is needed.
// Taking one makes the engine wait for its shards, so it takes no more than a small share of the time.
// One that cannot be written is told, and tried again when the next is due.
import type { EngineSnapshot, SnapshotTaken } from '../engine.js';
import { reasonOf, StateError } from '../errors.js';
import type { ClusterPosition } from '../ingest/watch-view.js';
import type { StateDir } from './state-dir.js';

/** Taking them may cost this share of the time. */
const SHARE_MAX = 0.05;

/** What checkpoints are taken of. */
export interface Checkpointed {
  snapshot(): Promise<SnapshotTaken>;
}

export interface CheckpointerOptions {
  dir: StateDir;
  /** From one to the next. */
  intervalMs: number;
  onNotice: (line: string) => void;
  /** The run goes on from there. */
  onResume: (position: ClusterPosition) => void;
}

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  /** Where the run went on from, if it did. */
  resumed: ClusterPosition | undefined;
  /** Of the streams, once they are open. */
  position: (() => ClusterPosition) | undefined;
  #dueAt: number;
  #writing: Promise<void> = Promise.resolve();
  #isWriting = false;
  #writtenAt: number | undefined;
  #bytes = 0;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#dueAt = performance.now() + options.intervalMs;
  }

  /** Since the newest on disk was taken; undefined: this run has written none. */
  get ageMs(): number | undefined {
    return this.#writtenAt === undefined ? undefined : performance.now() - this.#writtenAt;
  }

  /** Size of the newest on disk. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Begins from the newest checkpoint; one that is refused is told and set aside. */
  async begin<T>(start: (from?: EngineSnapshot) => Promise<T>): Promise<T> {
    const { dir, onNotice, onResume } = this.#options;
    try {
      const checkpoint = dir.read();
      if (checkpoint) {
        const started = await start(checkpoint.engine);
        this.resumed = checkpoint.position;
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
    if (this.#isWriting || !this.position || performance.now() < this.#dueAt) return;
    const takenAt = performance.now();
    const position = this.position();
    const { snapshot, delivered } = await engine.snapshot();
    const tookMs = performance.now() - takenAt;
    this.#dueAt = takenAt + Math.max(this.#options.intervalMs, tookMs / SHARE_MAX);
    this.#isWriting = true;
    this.#writing = this.#write(position, snapshot, delivered, takenAt).finally(() => {
      this.#isWriting = false;
    });
  }

  /** The last one, of an engine that has ended and delivered all it had finished. */
  async finish(snapshot: EngineSnapshot): Promise<void> {
    await this.#writing;
    if (!this.position) return;
    await this.#write(this.position(), snapshot, Promise.resolve(), performance.now());
  }

  async #write(
    position: ClusterPosition,
    engine: EngineSnapshot,
    delivered: Promise<void>,
    takenAt: number,
  ): Promise<void> {
    const { dir, onNotice } = this.#options;
    try {
      await delivered;
    } catch {
      // Whoever writes spans is told.
      return;
    }
    try {
      this.#bytes = await dir.write({ position, engine });
      this.#writtenAt = takenAt;
    } catch (error) {
      onNotice(`cannot write ${dir.file}: ${reasonOf(error)}`);
    }
  }
}
