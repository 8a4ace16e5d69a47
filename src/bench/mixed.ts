// The workload `mixed`: the five real recordings with all that they hold, whole objects above all,
// repeated one after the other in seeded order, each copy under new uids, names and resourceVersions
// and moved in time to follow the copy before. In go a number of bytes and a seed, out come copies as
// Buffers. The same seed gives the same bytes; memory stays at one copy however large the output.
import { RECORDINGS } from '../recordings.js';
import { randomFrom } from './random.js';
import { type CopyCounts, compileRecording } from './template.js';

export interface WorkloadOptions {
  /** At least so many come out. */
  bytes: number;
  seed?: number;
  /** Hears of every copy. */
  onCopy?: (copy: CopyCounts) => void;
}

/** When what workloads tell of begins. */
export const START_MS = Date.parse('2026-01-01T00:00:00Z');

/** Yields whole copies (about 30 to 400 KB each). */
export function* generateMixed({
  bytes,
  seed = 1,
  onCopy = () => {},
}: WorkloadOptions): Generator<Buffer> {
  const templates = RECORDINGS.map((file) => compileRecording(file));
  const random = randomFrom(seed);
  let clockMs = START_MS;
  let version = 1000;
  for (let written = 0, copy = 0; written < bytes; copy += 1) {
    const template = templates[Math.floor(random() * templates.length)]!;
    const { bounds, render } = template;
    const shiftS = Math.ceil((clockMs - bounds.firstMs) / 1000);
    const versionShift = version - bounds.firstVersion;
    const text = Buffer.from(
      render({ id: `s${seed}c${copy}`, moved: (second) => second + shiftS, versionShift }),
    );
    clockMs = bounds.lastMs + shiftS * 1000 + 1000 + Math.floor(random() * 2000);
    version = bounds.lastVersion + versionShift + 1;
    written += text.length;
    onCopy(template);
    yield text;
  }
}
