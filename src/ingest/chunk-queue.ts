// Many producers, one consumer: each producer has at most one chunk here and waits until it is taken, so
// that whoever does not take also stops the reading behind the producers.

interface Waiting {
  chunk: Buffer;
  taken: () => void;
}

export class ChunkQueue {
  readonly #waiting: Waiting[] = [];
  #wake: (() => void) | undefined;
  #isAwake = false;

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Resolves when the chunk was taken. */
  put(chunk: Buffer): Promise<void> {
    return new Promise((taken) => {
      this.#waiting.push({ chunk, taken });
      this.wake();
    });
  }

  /** The chunk that waits longest. */
  take(): Buffer | undefined {
    const first = this.#waiting.shift();
    first?.taken();
    return first?.chunk;
  }

  /** Resolves when there is a chunk, after `ms`, or when somebody wakes the consumer. */
  arrival(ms: number): Promise<void> {
    const isAwake = this.#isAwake || !this.isEmpty;
    this.#isAwake = false;
    if (isAwake) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }

  /** Ends the current wait for an arrival, or the next one. */
  wake(): void {
    if (this.#wake) this.#wake();
    else this.#isAwake = true;
  }
}
