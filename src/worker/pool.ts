// One shard for each worker thread, since a shard's state lives in its worker. Batches go to a shard in the
// order in which they are sent; shard.ts has what may be under way at a time, and what becomes of a worker
// that fails. The first failure that nothing mends ends all of them.
import type { CorrelatorCounts } from '../wasm.js';
import { NO_COUNTS, Shard, type ShardOptions, type ShardState } from './shard.js';

export interface ShardPoolOptions extends Omit<ShardOptions, 'snapshot'> {
  /** By number of the shard: what each goes on from. */
  snapshots?: readonly Uint8Array[] | undefined;
}

export class ShardPool {
  readonly #shards: Shard[];

  private constructor(shards: Shard[]) {
    this.#shards = shards;
  }

  /** Starts all workers and waits until each has its Correlator. */
  static async start(options: ShardPoolOptions): Promise<ShardPool> {
    let failed = false;
    const onFailure = (error: unknown) => {
      if (!failed) options.onFailure(error);
      failed = true;
    };
    const { snapshots, ...rest } = options;
    const numbers = Array.from({ length: options.settings.shards }, (_, shard) => shard);
    const pool = new ShardPool(
      numbers.map((n) => new Shard(n, { ...rest, snapshot: snapshots?.[n], onFailure })),
    );
    try {
      await Promise.all(pool.#shards.map((shard) => shard.start()));
    } catch (error) {
      await pool.destroy();
      throw error;
    }
    return pool;
  }

  /** Sends a batch, whose buffer is gone then; resolves when the shard's window had a place for it. */
  send(shard: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const to = this.#shards[shard];
    if (!to) throw new RangeError(`there is no shard ${shard}`);
    return to.send(bytes);
  }

  /** Resolves when all that was sent is answered and its spans are taken. */
  async idle(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.idle()));
  }

  /** Of each shard after all that was sent, by its number; to be asked for when idle. */
  snapshots(): Promise<Uint8Array[]> {
    return Promise.all(this.#shards.map((shard) => shard.snapshot()));
  }

  /** All shards together, as of their last answers. */
  counts(): CorrelatorCounts {
    const sum = { ...NO_COUNTS };
    const keys = Object.keys(sum) as (keyof CorrelatorCounts)[];
    for (const { counts } of this.#shards) for (const key of keys) sum[key] += counts[key];
    return sum;
  }

  /** By number of the shard. */
  states(): ShardState[] {
    return this.#shards.map((shard) => shard.state());
  }

  /** Ends the workers at once; what they have not answered is lost. */
  async destroy(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.destroy()));
  }
}
