// The engine keeps the promises of the model and says exactly what its correlators say without threads,
// whatever the number of shards and the order of arrival; and its own tree is the one a person wrote.
import { describe, expect, test } from 'vitest';
import { SpanDecoder } from '../dist/export/decode.js';
import { formatTree } from '../dist/export/tree.js';
import { correlatorSuite } from './correlator.suite.ts';
import { correlateInEngine } from './support/engine-correlator.ts';
import { decodeOtlp } from './support/otlp.ts';
import { RECORDINGS, SCENARIOS } from './support/scenarios.ts';
import { shuffle } from './support/shuffle.ts';
import { dump } from './support/spans.ts';
import { correlateInProcess } from './support/wasm-correlator.ts';

const SHUFFLES = 5;

for (const shards of [1, 2, 5]) {
  correlatorSuite(`the engine with ${shards} shards`, async (input) =>
    decodeOtlp(await correlateInEngine(input, shards)),
  );

  describe(`the engine with ${shards} shards`, () => {
    for (const { name, input } of RECORDINGS)
      test(`${name}: ${SHUFFLES} orders of arrival within the window change nothing`, async () => {
        const expected = dump(decodeOtlp(correlateInProcess(input)));
        for (let seed = 1; seed <= SHUFFLES; seed++) {
          const spans = decodeOtlp(await correlateInEngine(shuffle(input, seed), shards));
          expect(dump(spans), `seed ${seed}`).toBe(expected);
        }
      });
  });
}

describe('the tree', () => {
  for (const { name, input, trace } of SCENARIOS)
    test(`${name}: as a person wrote it`, () => {
      const spans = new SpanDecoder().decode(correlateInProcess(input));
      expect(formatTree(spans)).toBe(trace);
    });
});
