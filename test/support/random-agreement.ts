// The oracle and the crate, asked about the same made-up clusters. A cluster that they tell differently is
// shrunk to the frames that it takes, which are left in target/ to become a scenario.
import { mkdirSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect } from 'vitest';
import { randomFrom } from '../../src/bench/random.ts';
import { inputOf } from './frames.ts';
import { correlateNaively } from './naive-correlator.ts';
import { decodeOtlp } from './otlp.ts';
import { type RandomRecording, RandomRecordings, recordingOf } from './random-recording.ts';
import { dump, type PlainSpan } from './spans.ts';
import { correlateInProcess } from './wasm-correlator.ts';

const SHARDS = [1, 3];
const COUNTER_EXAMPLE = 'target/random-counter-example.ndjson';

/**
 * Draws so many clusters; KSPAN_RANDOM_SEED draws others than this seed does. Shards may never show. The
 * two may tell at most one cluster in three hundred differently: what is left are objects that are
 * given another owner, and late Events that what waits for its cause has to be told apart from.
 */
export function expectAgreement(clusters: number): void {
  const seed = Number(process.env.KSPAN_RANDOM_SEED ?? 1);
  const random = randomFrom(seed);
  const told: number[] = [];
  // One after another: so many recordings at once would fill the memory.
  for (let left = clusters; left > 0; left--) {
    const cluster = Math.floor(random() * 2 ** 31);
    if (!agrees(recordingOf(cluster))) told.push(cluster);
  }
  console.log(`${clusters} random clusters of seed ${seed}: ${told.length} are told differently`);
  if (told.length * 300 <= clusters) return;
  const property = fc.property(new RandomRecordings(), agrees);
  const examples: [RandomRecording][] = [[recordingOf(told[0]!)]];
  const { counterexample, numShrinks } = fc.check(property, { examples, numRuns: 1 });
  const [recording] = counterexample!;
  mkdirSync('target', { recursive: true });
  writeFileSync(COUNTER_EXAMPLE, inputOf(recording.frames));
  console.log(`cluster ${recording.seed}, shrunk ${numShrinks} times: ${COUNTER_EXAMPLE}`);
  expect(told).toEqual([]);
}

function agrees({ frames }: RandomRecording): boolean {
  const input = inputOf(frames);
  const [whole, ...others] = SHARDS.map((shards) =>
    decodeOtlp(correlateInProcess(input, { shards, batchFrames: shards === 1 ? 1000 : 1 })),
  );
  for (const other of others) expect(dump(other)).toBe(dump(whole!));
  return dump(withoutEstimates(whole!)) === dump(withoutEstimates(correlateNaively(input)));
}

// Whether an autoscaler's change joined a live trace is the Correlator's to decide; the Router, which makes
// the link, goes by the Events that it has seen. Scenarios hold what it says.
function withoutEstimates(spans: PlainSpan[]): PlainSpan[] {
  return spans.map((span) => ({
    ...span,
    links: span.links.filter(({ kind }) => kind !== 'target'),
  }));
}
