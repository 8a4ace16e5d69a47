// The workload `mixed`: the five real recordings with all that they hold, whole objects above all,
// repeated one after the other in seeded order, each copy under new uids, names and resourceVersions
// and moved in time to follow the copy before. In go a number of bytes and a seed, out come copies as
// Buffers. The same seed gives the same bytes; memory stays at one copy however large the output.
import { fileURLToPath } from 'node:url';
import { mulberry32 } from './random.mjs';
import { compileRecording } from './template.mjs';

/** The real recordings that all is made of. */
export const SCENARIOS = ['rollout', 'statefulset', 'daemonset', 'job', 'pending'].map((name) =>
  fileURLToPath(new URL(`../test/scenarios/${name}/events.ndjson`, import.meta.url)),
);

/** When what workloads tell of begins. */
export const START_MS = Date.parse('2026-01-01T00:00:00Z');

/**
 * Yields whole copies (Buffer, about 30 to 400 KB each) until at least `bytes` are out. `onCopy`
 * hears of every copy's { frames, occurrences }.
 */
export function* generateRecording({ bytes, seed = 1, onCopy = () => {} }) {
  const templates = SCENARIOS.map((file) => compileRecording(file));
  const random = mulberry32(seed);
  let clockMs = START_MS;
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
