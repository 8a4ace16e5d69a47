// `node bench/workloads.mjs NAME [--bytes N] [--seed N] [--out FILE]`: writes a recording of that workload
// (src/bench/workloads.ts) as NDJSON to stdout or FILE.
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { WORKLOADS } from '../dist/bench/workloads.js';

const options = { bytes: { type: 'string' }, seed: { type: 'string' }, out: { type: 'string' } };
const { values, positionals } = parseArgs({ options, allowPositionals: true });
const generate = WORKLOADS[positionals[0] ?? 'mixed'];
const bytes = Number(values.bytes ?? 1e9);
const seed = Number(values.seed ?? 1);
const target = values.out ? createWriteStream(values.out) : process.stdout;
await pipeline(Readable.from(generate({ bytes, seed }), { objectMode: false }), target);
