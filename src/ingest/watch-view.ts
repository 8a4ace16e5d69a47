// What can be seen of a cluster that is watched: its streams and their clock, to be looked at by
// whoever asks (metrics, readiness, checkpoints) and by the watch itself, and what is reported of
// them. Nothing is computed until somebody asks.
import type { ApiResource } from './discovery.js';
import type { LookupOutcome } from './lookups.js';
import type { RestartCause, WatchProgress } from './watch-state.js';
import type { WatchStream } from './watch-stream.js';

export interface ClusterView {
  /** Of Events; empty until they are asked for. */
  readonly events: readonly StreamView[];
  readonly metadata: readonly StreamView[];
  /** Whether what the API server sends would arrive. */
  isCertain(): boolean;
  /** By how much the clock of the stream is behind the API server's. */
  lagMs(): number;
  /** What came of the objects that no watch covers. */
  lookups(): Readonly<Record<LookupOutcome, number>>;
  /** Of what was taken so far: all before it, and maybe some after; undefined: no Events yet. */
  position(): ClusterPosition | undefined;
}

/** How far one stream was read. */
export interface StreamPosition extends WatchProgress {
  /** All that was written before has come, on the clock of the stream. */
  readUntil: number;
}

/** How far a cluster was read: from there another watch goes on. */
export interface ClusterPosition {
  /** Of the stream, as milliseconds since the Unix epoch. */
  clock: number;
  /** What was written before does not count. */
  startedAt: number;
  /** By path. */
  streams: Record<string, StreamPosition>;
  /** Custom resources that were met. */
  found: ApiResource[];
}

/** One stream; see WatchStream. */
export type StreamView = Pick<
  WatchStream,
  'resource' | 'isLive' | 'isRefused' | 'hasBegun' | 'troubledMs' | 'silentMs'
>;

/** What a user should hear of a stream, once. */
export interface StreamReport {
  path: string;
  cause: RestartCause;
  /** HTTP status, where there was one. */
  code: number | undefined;
  /** Where there was no answer. */
  reason: string;
  /** It was in trouble already. */
  again: boolean;
}

/** A stream that does not work is not waited for any longer. */
const PATIENCE_MS = 30_000;

/** Whether time and metadata go on without it. */
export function isGivenUp({ isRefused, troubledMs }: StreamView): boolean {
  return isRefused || troubledMs > PATIENCE_MS;
}

/** Whether all metadata that it had at the start is read, or will not come. */
export function isDone(stream: StreamView): boolean {
  return stream.hasBegun || isGivenUp(stream);
}
