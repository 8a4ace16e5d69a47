// The crate goes on from snapshots as if nothing had happened: after each batch Router and Correlators
// are made anew from what they knew, over the WASM that users get.
import { describe, expect, test } from 'vitest';
import { resolveConfig } from '../src/config-load.ts';
import { compileWasm, WasmCorrelator, WasmRouter } from '../src/wasm.ts';
import { recordingOf } from './support/random-recording.ts';
import { RECORDINGS } from './support/scenarios.ts';
import { correlateInProcess } from './support/wasm-correlator.ts';

const SHARDS = [1, 3];
const BATCH_FRAMES = [1, 7, 60];
const CLUSTERS = 25;

const module = compileWasm();

/** As `correlateInProcess`, with everything made anew after each batch. */
function correlateInterrupted(input: Uint8Array, shards: number, batchFrames: number): Uint8Array {
  const settings = resolveConfig({ shards });
  return correlateInProcess(input, { shards, batchFrames }, ({ router, correlators }) => {
    const again = WasmRouter.restore(module, settings, router.snapshot());
    expect(again.counts()).toEqual(router.counts());
    const restored = (correlator: WasmCorrelator) =>
      WasmCorrelator.restore(module, settings, correlator.snapshot());
    return { router: again, correlators: correlators.map(restored) };
  });
}

function expectTheSame(input: Uint8Array, shards: number, batchFrames: number): void {
  const expected = correlateInProcess(input, { shards, batchFrames });
  const found = correlateInterrupted(input, shards, batchFrames);
  expect(Buffer.compare(found, expected), `${shards} shards, ${batchFrames} frames`).toBe(0);
}

describe('a run that goes on from snapshots after each batch', () => {
  for (const { name, input } of RECORDINGS)
    test(`${name}: gives the bytes of a run in one go`, () => {
      for (const shards of SHARDS)
        for (const batchFrames of BATCH_FRAMES) expectTheSame(input, shards, batchFrames);
    });

  test(`gives the bytes of a run in one go, of ${CLUSTERS} random clusters`, () => {
    for (let seed = 1; seed <= CLUSTERS; seed++) {
      const lines = recordingOf(seed).frames.map((frame) => `${JSON.stringify(frame)}\n`);
      expectTheSame(Buffer.from(lines.join('')), SHARDS[seed % 2]!, 10);
    }
  });
});

describe('a snapshot', () => {
  const settings = resolveConfig({ shards: 1 });
  const router = new WasmRouter(module, settings);
  const snapshot = router.snapshot();

  test('stays as it is, whatever becomes of the module', () => {
    const copy = snapshot.slice();
    for (const { input } of RECORDINGS) router.push(input);
    expect(Buffer.compare(snapshot, copy)).toBe(0);
  });

  test('of other settings is refused with one line that says what differs', () => {
    const others = resolveConfig({ shards: 2 });
    expect(() => WasmRouter.restore(module, others, snapshot)).toThrow(
      'the snapshot has another number of shards: "1", here it is "2"',
    );
    expect(() => WasmCorrelator.restore(module, settings, snapshot)).toThrow(
      'the snapshot has another machine: "Router", here it is "Correlator"',
    );
  });

  test('that is damaged is refused', () => {
    const damaged = snapshot.slice();
    damaged[damaged.length >> 1]! ^= 1;
    expect(() => WasmRouter.restore(module, settings, damaged)).toThrow('the snapshot is damaged');
  });
});
