// Whether what the API server sends would arrive. A connection that is dead looks like one on which
// nothing happens, so after some silence the server is asked for something small; without an answer
// nobody knows, and time must not go on.
import { text } from 'node:stream/consumers';
import type { KubeClient } from './kube-client.js';

/** After so much silence the server is asked, and so often. */
const SILENCE_MS = 1500;
const ANSWER_TIMEOUT_MS = 5000;
/**
 * After so much silence, and no answer, nothing is certain. Less than the reorder window, as it is unless
 * set: what is written behind a dead connection is then not late when it comes.
 */
const CERTAIN_MS = 4000;
/** One answer that does not come may be this process' own fault, when it had no processor for so long. */
const MISSES_MAX = 2;
/** Which every user may ask for; a refusal is an answer, too. */
const PATH = '/livez';

export class Liveness {
  readonly #client: KubeClient;
  readonly #signal: AbortSignal;
  readonly #onLost: () => void;
  #heardAt = performance.now();
  #isAsking = false;
  /** Asked, one after another, without an answer. */
  #misses = 0;

  /** `onLost`: there was no answer, so no connection that is open can be relied upon. */
  constructor(client: KubeClient, signal: AbortSignal, onLost: () => void) {
    this.#client = client;
    this.#signal = signal;
    this.#onLost = onLost;
  }

  /** Something came through. */
  heard(): void {
    this.#heardAt = performance.now();
    this.#misses = 0;
  }

  get isCertain(): boolean {
    return performance.now() - this.#heardAt < CERTAIN_MS;
  }

  /** Asks, where that is needed; what comes of it shows in `isCertain`. */
  check(): void {
    if (this.#isAsking || performance.now() - this.#heardAt < SILENCE_MS) return;
    this.#isAsking = true;
    this.#ask()
      .catch(() => this.#miss())
      .finally(() => {
        this.#isAsking = false;
      });
  }

  async #ask(): Promise<void> {
    const askedAt = performance.now();
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
    const { body } = await this.#client.get(PATH, { accept: '*/*', signal });
    await text(body);
    this.#heardAt = Math.max(this.#heardAt, askedAt);
    this.#misses = 0;
  }

  #miss(): void {
    this.#misses += 1;
    if (this.#misses < MISSES_MAX) return;
    this.#misses = 0;
    this.#onLost();
  }
}
