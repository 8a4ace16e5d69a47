// Asks the API server for something small when nothing has come for a while: a connection that is dead
// looks like one on which nothing happens. The stream's clock, which goes no further than the last
// answer, is told of each; when none comes, whoever relies on a connection is.
import { text } from 'node:stream/consumers';
import type { KubeClient } from './kube-client.js';
import type { StreamClock } from './stream-clock.js';

/** After so much silence the server is asked, and so often. */
const SILENCE_MS = 1500;
/** Sooner where it is to be known whether there is more to read. */
const BEHIND_SILENCE_MS = 500;
const ANSWER_TIMEOUT_MS = 5000;
/** After so much silence, and no answer, the server is not ready to be watched. */
const CERTAIN_MS = 4000;
/** One answer that does not come may be this process' own fault, when it had no processor for so long. */
const MISSES_MAX = 2;
/** Which every user may ask for; a refusal is an answer, too. */
const PATH = '/livez';

export interface LivenessOptions {
  client: KubeClient;
  clock: StreamClock;
  signal: AbortSignal;
  /** There was no answer, so no connection that is open can be relied upon. */
  onLost: () => void;
}

export class Liveness {
  readonly #options: LivenessOptions;
  #isAsking = false;
  /** Asked, one after another, without an answer. */
  #misses = 0;

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  get isCertain(): boolean {
    return this.#options.clock.silentMs < CERTAIN_MS;
  }

  /** Asks, where that is needed; what comes of it shows in the clock. */
  check(): void {
    const { clock } = this.#options;
    const patience = clock.isBehind ? BEHIND_SILENCE_MS : SILENCE_MS;
    if (this.#isAsking || clock.silentMs < patience) return;
    this.#isAsking = true;
    const askedAt = performance.now();
    this.#ask(askedAt)
      .catch(() => this.#miss(askedAt))
      .finally(() => {
        this.#isAsking = false;
      });
  }

  async #ask(askedAt: number): Promise<void> {
    const { client, clock, signal: ending } = this.#options;
    const signal = AbortSignal.any([ending, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
    const { body, serverTime } = await client.get(PATH, { accept: '*/*', signal });
    await text(body);
    clock.answered(performance.now() - askedAt, serverTime);
    this.#misses = 0;
  }

  #miss(askedAt: number): void {
    const { clock, onLost } = this.#options;
    const heardSince = clock.silentMs < performance.now() - askedAt;
    this.#misses = heardSince ? 0 : this.#misses + 1;
    if (this.#misses < MISSES_MAX) return;
    this.#misses = 0;
    onLost();
  }
}
