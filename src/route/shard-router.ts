// The Router's TypeScript side: chunks of input in, batches for shards out. A round is over when enough
// input for every shard has gone in; then each shard with news gets a batch, and now and then every
// shard gets one, so that a shard without work also learns how far time has come. When batches are cut
// has no influence on the spans.
import { InputError, reasonOf, WorkerError } from '../errors.js';
import type { RouterCounts, WasmRouter } from '../wasm.js';

/** A batch for the worker of one shard. It owns its buffer. */
export interface RoutedBatch {
  shard: number;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Every so many rounds also those shards get a batch for which there is only the new time. */
const ROUNDS_TO_FORCE = 8;

export class ShardRouter {
  readonly #router: WasmRouter;
  readonly #shards: number;
  readonly #roundBytes: number;
  #bytesInRound = 0;
  #rounds = 0;

  constructor(router: WasmRouter, shards: number, shardBatchBytes: number) {
    this.#router = router;
    this.#shards = shards;
    this.#roundBytes = shards * shardBatchBytes;
  }

  /** Takes a chunk, cut anywhere, and yields the batches of the round when that is over. */
  *push(chunk: Uint8Array): Generator<RoutedBatch> {
    guarded(() => this.#router.push(chunk));
    this.#bytesInRound += chunk.length;
    if (this.#bytesInRound >= this.#roundBytes) yield* this.#endRound();
  }

  /** Ends the round early: everything that can go, goes. */
  *flush(): Generator<RoutedBatch> {
    if (this.#bytesInRound > 0) yield* this.#endRound(true);
  }

  /** The input has ended; yields all that is left, with the word that nothing follows. */
  *finish(): Generator<RoutedBatch> {
    while (!guarded(() => this.#router.finish())) yield* this.#endRound();
    yield* this.#endRound(true);
  }

  /** What it knows; to be asked for after a flush. */
  snapshot(): Uint8Array {
    return this.#router.snapshot();
  }

  takeKindsMet(): string[] {
    return this.#router.takeKindsMet();
  }

  counts(): RouterCounts {
    return this.#router.counts();
  }

  *#endRound(force = false): Generator<RoutedBatch> {
    this.#bytesInRound = 0;
    this.#rounds += 1;
    const forced = force || this.#rounds % ROUNDS_TO_FORCE === 0;
    for (let shard = 0; shard < this.#shards; shard++) {
      const bytes = this.#router.take(shard, forced);
      if (bytes.length > 0) yield { shard, bytes };
    }
  }
}

/** A limit is thrown as a string that says which; anything else is a trap. */
function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (typeof error === 'string') throw new InputError('input_limit', error);
    throw new WorkerError('worker_failed', `the Router has failed: ${reasonOf(error)}`, error);
  }
}
