// A progress bar on stderr while a long recording is read, where a terminal shows it.
import { Presets, SingleBar } from 'cli-progress';
import type { Config } from '../config.js';

export interface Progress {
  /** So many bytes more of the inputs are read. */
  advance: ((bytes: number) => void) | undefined;
  stop(): void;
}

const MEBIBYTE = 1024 * 1024;
/** Shorter inputs are done before a bar is of use. */
const LONG_BYTES = 8 * MEBIBYTE;
const NO_PROGRESS: Progress = { advance: undefined, stop: () => {} };

/** `totalBytes` of the inputs; undefined when that is not known, then there is no bar. */
export function startProgress(totalBytes: number | undefined, config: Config): Progress {
  const isInTheWay = config.format === 'otlp-json' && !config.out && process.stdout.isTTY;
  if (!process.stderr.isTTY || isInTheWay || (totalBytes ?? 0) < LONG_BYTES) return NO_PROGRESS;
  const format = 'reading {bar} {percentage} % of {size} MiB, {eta_formatted} left';
  const options = { stream: process.stderr, format, clearOnComplete: true, gracefulExit: false };
  const bar = new SingleBar(options, Presets.shades_classic);
  bar.start(totalBytes!, 0, { size: Math.round(totalBytes! / MEBIBYTE) });
  return { advance: (bytes) => bar.increment(bytes), stop: () => bar.stop() };
}
