// The crate keeps the promises of the model, says exactly what the naive oracle says, and says it
// whatever the number of shards, the size of batches or the order of arrival.
import { describe, expect, test } from 'vitest';
import { type CorrelateOptions, correlatorSuite } from './correlator.suite.ts';
import { correlateNaively } from './support/naive-correlator.ts';
import { decodeOtlp } from './support/otlp.ts';
import { RECORDINGS, SCENARIOS } from './support/scenarios.ts';
import { shuffle } from './support/shuffle.ts';
import { dump, type PlainSpan } from './support/spans.ts';
import { correlateInProcess } from './support/wasm-correlator.ts';

const SHARDS = [1, 2, 5];
const SHUFFLES = 200;

function correlate(input: Uint8Array, options?: CorrelateOptions): PlainSpan[] {
  return decodeOtlp(correlateInProcess(input, options));
}

for (const shards of SHARDS)
  correlatorSuite(`the WASM correlator with ${shards} shards`, async (input) =>
    correlate(input, { shards }),
  );

describe('the WASM correlator', () => {
  for (const { name, input } of SCENARIOS)
    test(`${name}: every field of every span is as the naive oracle has it`, () => {
      expect(dump(correlate(input))).toBe(dump(correlateNaively(input)));
    });

  for (const { name, input } of SCENARIOS)
    test(`${name}: shards and batches change nothing`, () => {
      const expected = dump(correlate(input));
      for (const shards of SHARDS)
        for (const batchFrames of [1, 1000])
          expect(dump(correlate(input, { shards, batchFrames }))).toBe(expected);
    });

  for (const { name, input } of RECORDINGS)
    test(`${name}: ${SHUFFLES} orders of arrival within the window change nothing`, () => {
      const expected = dump(correlate(input));
      for (let seed = 1; seed <= SHUFFLES; seed++) {
        const options = { shards: SHARDS[seed % SHARDS.length]!, batchFrames: seed % 2 ? 1 : 1000 };
        expect(dump(correlate(shuffle(input, seed), options)), `seed ${seed}`).toBe(expected);
      }
    });
});
