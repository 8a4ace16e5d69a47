// The workloads by name: what a recording of each holds is at its generator. `node bench/workloads.mjs
// NAME [--bytes N] [--seed N] [--out FILE]` writes one as NDJSON to stdout or FILE.
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { generateRecording } from './generate.mjs';
import { generateSteady } from './steady.mjs';

/** Each takes { bytes, seed, onCopy } and yields Buffers of whole lines. */
export const WORKLOADS = { mixed: generateRecording, steady: generateSteady };

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const options = { bytes: { type: 'string' }, seed: { type: 'string' }, out: { type: 'string' } };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const generate = WORKLOADS[positionals[0] ?? 'mixed'];
  const bytes = Number(values.bytes ?? 1e9);
  const seed = Number(values.seed ?? 1);
  const target = values.out ? createWriteStream(values.out) : process.stdout;
  await pipeline(Readable.from(generate({ bytes, seed }), { objectMode: false }), target);
}
