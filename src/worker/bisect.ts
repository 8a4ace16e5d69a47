// Finds the record of a batch that a Correlator fails at. A fresh Correlator that knows all that came
// before the batch is given the beginning of it, up to half, a quarter, three quarters, until the
// shortest beginning that fails is known: its last record is the one. Costs a thread for each trial,
// some ten for a batch. It finds none when the failure does not come again (there was no memory, or
// somebody ended the thread), or when it comes with time, whatever the record: that is nobody's fault.
import { type Quarantined, recordEnds, takeOut } from '../wasm.js';
import type { Batch } from './journal.js';
import type { WorkerStart } from './protocol.js';
import { ShardWorker } from './shard-worker.js';

/** A thread may be ended by anybody; only one that ends so often in a row is taken for a failure. */
const DEATHS = 3;

/** True when a Correlator fails at these records. */
export type Trial = (records: Uint8Array) => Promise<boolean>;

/** Trials on top of `before`; undefined when a Correlator cannot even get there. */
export async function trialsAfter(
  start: WorkerStart,
  before: readonly Batch[],
): Promise<Trial | undefined> {
  const snapshot = before.length > 0 ? await snapshotAfter(start, before) : start.snapshot;
  if (before.length > 0 && !snapshot) return undefined;
  return async (records) => {
    for (let death = 1; death <= DEATHS; death++) {
      const passes = await withWorker({ ...start, snapshot }, (worker) => push(worker, records));
      if (passes !== undefined) return !passes;
    }
    return true;
  };
}

/** The batch without the first record that fails; undefined when none does. */
export async function withoutCulprit(
  batch: Uint8Array,
  fails: Trial,
): Promise<Quarantined | undefined> {
  if (!(await fails(batch))) return undefined;
  const ends = recordEnds(batch);
  const first = await firstFailing(ends.length, (count) =>
    fails(batch.subarray(0, ends[count - 1])),
  );
  const taken = takeOut(batch, first - 1);
  if (!taken) return undefined;
  const upTo = recordEnds(taken.batch)[first - 1];
  return (await fails(taken.batch.subarray(0, upTo))) ? undefined : taken;
}

/** The smallest count that fails, when `all` do and fewer do not from some number on. */
async function firstFailing(
  all: number,
  fails: (count: number) => Promise<boolean>,
): Promise<number> {
  let [passing, failing] = [0, all];
  while (failing - passing > 1) {
    const middle = (passing + failing) >> 1;
    if (await fails(middle)) failing = middle;
    else passing = middle;
  }
  return failing;
}

function snapshotAfter(start: WorkerStart, before: readonly Batch[]) {
  return withWorker(start, async (worker) => {
    for (const { bytes } of before) if (!(await push(worker, bytes))) return undefined;
    const reply = await worker.ask({ type: 'snapshot' });
    return reply.type === 'snapshot' ? reply.bytes : undefined;
  });
}

async function push(worker: ShardWorker, records: Uint8Array): Promise<boolean> {
  const bytes = new Uint8Array(records);
  return (await worker.ask({ type: 'batch', bytes }, [bytes.buffer])).type === 'spans';
}

/** Undefined when the worker is lost at it. */
async function withWorker<T>(
  start: WorkerStart,
  work: (worker: ShardWorker) => Promise<T>,
): Promise<T | undefined> {
  const worker = new ShardWorker(start, 1, () => {});
  try {
    return await work(worker);
  } catch {
    return undefined;
  } finally {
    await worker.destroy();
  }
}
