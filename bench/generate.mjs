// Makes a recording of any size from the five real ones: `node bench/generate.mjs [--bytes N]
// [--seed N] [--out FILE]` writes NDJSON to stdout or FILE. The five are repeated one after the
// other in seeded order, each copy under new uids, names and resourceVersions and moved in time to
// follow the copy before. The same seed gives the same bytes; memory stays at one copy however
// large the output.
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compileRecording } from './template.mjs';

/** The real recordings that all is made of. */
export const SCENARIOS = ['rollout', 'statefulset', 'daemonset', 'job', 'pending'].map((name) =>
  fileURLToPath(new URL(`../test/scenarios/${name}/events.ndjson`, import.meta.url)),
);

/**
 * Yields whole copies (Buffer, about 30 to 400 KB each) until at least `bytes` are out. `onCopy`
 * hears of every copy's { frames, occurrences }.
 */
export function* generateRecording({ bytes, seed = 1, onCopy = () => {} }) {
  const templates = SCENARIOS.map((file) => compileRecording(file));
  const random = mulberry32(seed);
  let clockMs = Date.parse('2026-01-01T00:00:00Z');
  let version = 1000;
  for (let written = 0, copy = 0; written < bytes; copy += 1) {
    const { bounds, render, frames, occurrences } = pick(templates, random);
    const shiftS = Math.ceil((clockMs - bounds.firstMs) / 1000);
    const versionShift = version - bounds.firstVersion;
    const text = Buffer.from(
      render({ id: `s${seed}c${copy}`, moved: (second) => second + shiftS, versionShift }),
    );
    clockMs = bounds.lastMs + shiftS * 1000 + 1000 + Math.floor(random() * 2000);
    version = bounds.lastVersion + versionShift + 1;
    written += text.length;
    onCopy({ frames, occurrences });
    yield text;
  }
}

function pick(list, random) {
  return list[Math.floor(random() * list.length)];
}

/** Seeded numbers in [0, 1), as test/support/random.ts has them: Node 20 runs no TypeScript. */
function mulberry32(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const options = { bytes: { type: 'string' }, seed: { type: 'string' }, out: { type: 'string' } };
  const { values } = parseArgs({ options });
  const bytes = Number(values.bytes ?? 1e9);
  const seed = Number(values.seed ?? 1);
  const target = values.out ? createWriteStream(values.out) : process.stdout;
  await pipeline(Readable.from(generateRecording({ bytes, seed }), { objectMode: false }), target);
}
