// A target that does not give in: what did not arrive is sent again, less and less often, until it has
// or until the time for that is over; of what a back end objects to the bad spans are found by halves,
// and the others arrive; what it fails at is dropped, counted and told. A request whose answer was lost may arrive twice; its spans
// are the same to the byte. The target says what may be sent again, and when (otlp-answer.ts).
import { setTimeout as pause } from 'node:timers/promises';
import pRetry from 'p-retry';
import type { BatchTarget, SendResult } from './batching.js';
import { type SpanBytes, splitSpans } from './split.js';

const WAIT_MS = 500;
/** Well below the time that a run has to end: what waits when a back end is back would be lost then. */
const WAIT_MAX_MS = 4000;
/** A back end that asks for more than this is asked sooner: what it said may be wrong by then. */
const AFTER_MAX_MS = 300_000;
/** Spans that are rejected before any is taken; then it is no back end for spans. */
const REJECTED_MAX = 1000;

/** Why a batch did not arrive. */
export class DeliveryFailure extends Error {
  /**
   * `again`: as it is; `in_parts`: it is about what the batch holds; `drop`: this batch will not be taken;
   * `no`: nothing will be.
   */
  readonly retry: 'again' | 'in_parts' | 'drop' | 'no';
  /** Again, but not sooner. */
  readonly afterMs: number | undefined;

  constructor(retry: DeliveryFailure['retry'], message: string, cause?: unknown, afterMs?: number) {
    super(message, { cause });
    this.retry = retry;
    this.afterMs = afterMs;
  }
}

export interface PersistentOptions {
  /** What does not arrive is sent again for so long; 0: without end. */
  giveUpMs: number;
  /** Told a line for a person when spans begin not to arrive, or not to be taken. */
  onNotice: (line: string) => void;
}

export class PersistentTarget implements BatchTarget {
  readonly #target: BatchTarget;
  readonly #options: PersistentOptions;
  readonly #giveUp = new AbortController();
  /** It was told of, and nothing has arrived since. */
  #isTroubled = false;
  /** It was told that some are not taken. */
  #isRefusing = false;
  #hasTaken = false;
  #rejected = 0;

  constructor(target: BatchTarget, options: PersistentOptions) {
    this.#target = target;
    this.#options = options;
  }

  get name(): string {
    return this.#target.name;
  }

  send(batch: SpanBytes): Promise<SendResult> {
    return this.#sendInParts(batch);
  }

  close(): Promise<void> {
    return this.#target.close();
  }

  abandon(): void {
    this.#giveUp.abort();
    this.#target.abandon?.();
  }

  async #sendInParts(batch: SpanBytes): Promise<SendResult> {
    try {
      return await this.#sendAgain(batch);
    } catch (error) {
      if (!(error instanceof DeliveryFailure) || isFinal(error)) throw error;
      return error.retry === 'drop' || batch.spanCount === 1
        ? this.#reject(batch, error)
        : this.#sendHalves(batch, error.message);
    }
  }

  #reject(batch: SpanBytes, failure: DeliveryFailure): SendResult {
    this.#rejected += batch.spanCount;
    if (this.#rejected > REJECTED_MAX && !this.#hasTaken) throw failure;
    this.#tellRefused(failure.message);
    return { refused: 0, rejected: [batch], reason: failure.message };
  }

  async #sendHalves(batch: SpanBytes, reason: string): Promise<SendResult> {
    const half = { spans: Math.ceil(batch.spanCount / 2), bytes: Number.POSITIVE_INFINITY };
    const whole: SendResult = { refused: 0, rejected: [], reason };
    for (const part of splitSpans(batch, half)) {
      const { refused, rejected = [] } = await this.#sendInParts(part);
      whole.refused += refused;
      whole.rejected?.push(...rejected);
    }
    return whole;
  }

  async #sendAgain(batch: SpanBytes): Promise<SendResult> {
    const { giveUpMs } = this.#options;
    const giveUpAt = performance.now() + (giveUpMs || Number.POSITIVE_INFINITY);
    const result = await pRetry(() => this.#target.send(batch), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: WAIT_MS,
      maxTimeout: WAIT_MAX_MS,
      randomize: true,
      maxRetryTime: giveUpMs || Number.POSITIVE_INFINITY,
      shouldRetry: ({ error }) => error instanceof DeliveryFailure && error.retry === 'again',
      onFailedAttempt: ({ error }) => this.#afterFailure(error, giveUpAt),
      signal: this.#giveUp.signal,
    });
    this.#hasTaken = true;
    this.#isTroubled = false;
    if (result.refused > 0) this.#tellRefused(result.reason);
    return result;
  }

  /** As long as the back end asks for; then comes the wait that grows. */
  async #afterFailure(error: Error, giveUpAt: number): Promise<void> {
    if (!(error instanceof DeliveryFailure) || error.retry !== 'again') return;
    this.#tell(error);
    if (!error.afterMs) return;
    if (performance.now() + error.afterMs > giveUpAt) {
      const seconds = Math.ceil(error.afterMs / 1000);
      const message = `${error.message}, to be sent again in ${seconds} s, which is too late`;
      throw new DeliveryFailure('no', message, error);
    }
    await pause(Math.min(error.afterMs, AFTER_MAX_MS), undefined, { signal: this.#giveUp.signal });
  }

  /** The first time; from then on they are counted. */
  #tellRefused(reason = ''): void {
    if (this.#isRefusing) return;
    this.#isRefusing = true;
    this.#options.onNotice(`${this.name} refuses spans: ${reason}`);
  }

  #tell(error: DeliveryFailure): void {
    if (this.#isTroubled) return;
    this.#isTroubled = true;
    this.#options.onNotice(`spans do not get to ${this.name}: ${error.message}`);
  }
}

/** Again is over here: the time for that is. */
function isFinal({ retry }: DeliveryFailure): boolean {
  return retry === 'no' || retry === 'again';
}
