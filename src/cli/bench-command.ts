// `kspan bench`: replays a recording, or one that is made up of real ones, at growing numbers of shards
// on this machine, and says which number to set. Spans go nowhere. Returns the exit code.
import { availableParallelism, cpus } from 'node:os';
import {
  type Figures,
  measureLimit,
  measureReplay,
  type Recording,
  requireSame,
} from '../bench/measure.js';
import { generateSteady } from '../bench/steady.js';
import { type Config, variableOf } from '../config.js';
import { type Environment, loadConfig } from '../config-load.js';
import { ConfigError, InputError } from '../errors.js';
import { measureInputs, readInputs, STDIN } from '../ingest/replay.js';
import type { BenchCommand } from './arguments.js';

/** What is made up: some 30,000 Events and what they are about. */
const STEADY_BYTES = 64_000_000;
const RUNS = { fallback: 3, max: 100 };
/** As good as the fastest: less is lost in the noise. */
const NEARLY = 0.95;

export async function benchCommand(command: BenchCommand, env: Environment): Promise<number> {
  const { runs: given = RUNS.fallback, ...flags } = command.flags;
  const config = loadConfig(flags, env);
  const runs = runsOf(String(given));
  const recording = await open(command.inputs, config);
  print(
    `${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} cores, ${process.version}`,
  );
  const measured: Figures[] = [];
  for (const shards of shardCounts(config.shards)) {
    const figures = await measureReplay(recording, { ...config, shards }, runs);
    if (figures.events === 0) throw new InputError('input_failed', 'there is no Event in it');
    if (measured.length === 0) print(`${contents(figures)}\n\n${HEAD}`);
    else requireSame(measured[0]!, figures);
    print(row(figures));
    measured.push(figures);
  }
  const limit = await measureLimit(recording);
  print(`\n${advice(measured)}\n${limits(measured, limit)}`);
  return 0;
}

function runsOf(given: string): number {
  const runs = Number(given);
  if (Number.isInteger(runs) && runs >= 1 && runs <= RUNS.max) return runs;
  const expected = `a whole number from 1 to ${RUNS.max}`;
  throw new ConfigError('config_invalid', `--runs must be ${expected}, not "${given}"`);
}

async function open(inputs: readonly string[], config: Config): Promise<Recording> {
  const { sourceChunkBytes: chunkBytes, frameBytesMax } = config;
  if (inputs.includes(STDIN)) {
    throw new ConfigError('config_invalid', 'bench reads its input again and again: name a file');
  }
  if (inputs.length > 0) {
    await measureInputs(inputs);
    return () => readInputs(inputs, { chunkBytes, frameBytesMax });
  }
  const text = Buffer.concat([...generateSteady({ bytes: STEADY_BYTES })]);
  return async function* () {
    for (let at = 0; at < text.length; at += chunkBytes) yield text.subarray(at, at + chunkBytes);
  };
}

/** 1, 2, 4 and so on up to the cores, and what is set. */
function shardCounts(set: number): number[] {
  const doubled = Array.from({ length: 7 }, (_, power) => 2 ** power);
  const counts = doubled.filter((count) => count <= Math.max(1, availableParallelism()));
  return [...new Set([...counts, set])].sort((a, b) => a - b);
}

const WIDTHS = [6, 9, 9, 7, 26, 26];
const HEAD = columns([
  'shards',
  'Events/s',
  'frames/s',
  'MB/s',
  'CPU us/Event, all threads',
  'CPU us/Event, main thread',
]);

function row(figures: Figures): string {
  const { shards, seconds, frames, bytes, events, cpuMicros, mainCpuMicros } = figures;
  return columns([
    String(shards),
    String(Math.round(speed(figures))),
    String(Math.round(frames / seconds)),
    (bytes / 1e6 / seconds).toFixed(1),
    (cpuMicros / events).toFixed(1),
    mainCpuMicros === undefined ? 'not told' : (mainCpuMicros / events).toFixed(1),
  ]);
}

function columns(cells: string[]): string {
  return cells.map((cell, index) => cell.padStart(WIDTHS[index]!)).join('  ');
}

function contents({ bytes, frames, events }: Figures): string {
  const each = Math.round(bytes / events);
  return `${(bytes / 1e6).toFixed(1)} MB, ${events} Events in ${frames} frames, ${each} bytes per Event`;
}

function speed({ events, seconds }: Figures): number {
  return events / seconds;
}

/** The smallest number that is about as fast as any. */
function advice(measured: readonly Figures[]): string {
  const fastest = Math.max(...measured.map(speed));
  const advised = measured.find((figures) => speed(figures) >= fastest * NEARLY)!;
  const times = (speed(advised) / speed(measured[0]!)).toFixed(2);
  const than = advised === measured[0] ? 'more are not faster here' : `${times} times as fast as 1`;
  return `${variableOf('shards')}=${advised.shards}: ${than}`;
}

function limits(measured: readonly Figures[], limit: number): string {
  const fastest = measured.reduce((a, b) => (speed(a) >= speed(b) ? a : b));
  const { seconds, events, mainCpuMicros } = fastest;
  const looked = `looking at every byte once takes ${((limit / seconds) * 100).toFixed(1)} % of the fastest time`;
  if (!mainCpuMicros) return looked;
  const most = Math.round(events / (mainCpuMicros / 1e6));
  return `${looked}\nwith more cores the main thread would feed at most ${most} Events/s to shards`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
