// What a replay takes here. In goes a recording that can be read again and again, out come the figures of
// the median run at a number of shards. Spans are made and let go; starting the workers is not in the
// time. Throws unless every Event that was received became a span or is accounted for, and unless all
// runs come to the same.
import type { Config } from '../config.js';
import { Engine, type RunSummary } from '../engine.js';
import { WorkerError } from '../errors.js';
import { NoneSink } from '../export/none.js';
import { compileWasm, linesAndKeys } from '../wasm.js';
import { threadCpuMicros } from './thread-cpu.js';

/** Opens the recording from its beginning. */
export type Recording = () => AsyncIterable<Uint8Array>;

/** What a run read, and what it took. */
export interface Figures {
  shards: number;
  bytes: number;
  frames: number;
  /** Events received, duplicates too. */
  events: number;
  exported: number;
  seconds: number;
  /** Of all threads. */
  cpuMicros: number;
  /** Of the main thread; undefined where the system does not tell. */
  mainCpuMicros: number | undefined;
}

/** The run in the middle of `runs`, after one that is not counted, in which V8 compiles. */
export async function measureReplay(
  recording: Recording,
  config: Config,
  runs: number,
): Promise<Figures> {
  const warm = await replayOnce(recording, config);
  const all: Figures[] = [];
  for (let run = 0; run < runs; run++) all.push(await replayOnce(recording, config));
  for (const figures of all) requireSame(warm, figures);
  return all.sort((a, b) => a.seconds - b.seconds)[runs >> 1]!;
}

/** Throws unless both came to the same: a figure for something else is worth nothing. */
export function requireSame(a: Figures, b: Figures): void {
  if (a.frames === b.frames && a.events === b.events && a.exported === b.exported) return;
  const came = ({ frames, exported, shards }: Figures) =>
    `${exported} spans of ${frames} frames at ${shards} shards`;
  throw new WorkerError('account_broken', `two runs came to ${came(a)}, and to ${came(b)}`);
}

async function replayOnce(recording: Recording, config: Config): Promise<Figures> {
  const engine = await Engine.start(config, new NoneSink());
  let bytes = 0;
  const counted = async function* () {
    for await (const chunk of recording()) {
      bytes += chunk.length;
      yield chunk;
    }
  };
  const cpuBefore = process.cpuUsage();
  const mainBefore = threadCpuMicros();
  const startedAt = performance.now();
  const took = () => {
    const { user, system } = process.cpuUsage(cpuBefore);
    const main = threadCpuMicros();
    return {
      seconds: (performance.now() - startedAt) / 1000,
      cpuMicros: user + system,
      mainCpuMicros: main !== undefined && mainBefore !== undefined ? main - mainBefore : undefined,
    };
  };
  try {
    await engine.run(counted());
    const read = readIn(await engine.close());
    return { shards: config.shards, bytes, ...read, ...took() };
  } catch (error) {
    await engine.abandon();
    throw error;
  }
}

function readIn(summary: RunSummary): Pick<Figures, 'frames' | 'events' | 'exported'> {
  return { frames: summary.frames, events: summary.received, exported: summary.exported };
}

/** Seconds to look at every byte once, for lines and keys, in WebAssembly: no replay can be faster. */
export async function measureLimit(recording: Recording): Promise<number> {
  const module = compileWasm();
  let seconds = 0;
  for await (const chunk of recording()) {
    const startedAt = performance.now();
    linesAndKeys(module, chunk);
    seconds += (performance.now() - startedAt) / 1000;
  }
  return seconds;
}
