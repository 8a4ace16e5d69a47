// The log of a live run: JSON lines on stderr, with time, level and message. What is told of streams and
// of the run is told here; no text of an Event ever is, at any level. Written at once, in order with
// what else goes to stderr, so nothing is lost at the end and no thread is needed.
import { type Logger, pino, stdTimeFunctions } from 'pino';
import type { LogLevel } from '../config.js';
import type { StreamReport } from '../ingest/watch-view.js';

export type Log = Logger;

export function openLog(level: LogLevel): Log {
  const formatters = { level: (label: string) => ({ level: label }) };
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime, formatters };
  // Whoever read it may have gone; that is no reason to end.
  process.stderr.on('error', () => {});
  return pino(options, process.stderr);
}

/** The first of a stream's troubles is a warning; what is told elsewhere or follows from it is not. */
export function logRestart(log: Log, { path, cause, code, reason, again }: StreamReport): void {
  const isPlain = cause === 'closed' || cause === 'refused';
  const level = isPlain || again ? 'debug' : 'warn';
  const why = cause === 'failed' ? { reason } : { code };
  log[level]({ path, cause, ...why }, 'a stream begins anew');
}
