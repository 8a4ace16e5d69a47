// The crate without threads: one Router, and one Correlator for each shard, in this process. What comes
// out is the OTLP request that the engine would send.
import { resolveConfig } from '../../src/config-load.ts';
import { compileWasm, WasmCorrelator, WasmRouter } from '../../src/wasm.ts';
import type { CorrelateOptions } from '../correlator.suite.ts';

const module = compileWasm();

/** Both sides of the crate. */
export interface Machines {
  router: WasmRouter;
  correlators: WasmCorrelator[];
}

/**
 * The ExportTraceServiceRequest of a recording; `batchFrames` lines are handed over at a time, after each
 * of which `renew` may put others in the place of the machines.
 */
export function correlateInProcess(
  input: Uint8Array,
  { shards = 1, batchFrames = 1000 }: CorrelateOptions = {},
  renew = (machines: Machines): Machines => machines,
): Uint8Array {
  const settings = resolveConfig({ shards });
  let router = new WasmRouter(module, settings);
  let correlators = Array.from({ length: shards }, () => new WasmCorrelator(module, settings));
  const drained: Uint8Array[] = [];
  const exchange = (): void => {
    correlators.forEach((correlator, shard) => {
      correlator.push(router.take(shard, true));
      drained.push(...correlator.drain().map(({ bytes }) => bytes));
    });
  };
  for (const chunk of chunksOf(input, batchFrames)) {
    router.push(chunk);
    exchange();
    ({ router, correlators } = renew({ router, correlators }));
  }
  while (!router.finish()) exchange();
  exchange();
  return Buffer.concat(drained);
}

/** Pieces of so many lines each, the newline included. */
export function chunksOf(input: Uint8Array, lines: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let [start, count] = [0, 0];
  input.forEach((byte, i) => {
    if (byte !== 0x0a || ++count % lines !== 0) return;
    chunks.push(input.subarray(start, i + 1));
    start = i + 1;
  });
  return [...chunks, input.subarray(start)];
}
