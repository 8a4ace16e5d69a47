// What can be seen from outside of a cluster that is watched: its streams and their clock, to be looked
// at whenever somebody asks (metrics, readiness), and by the watch itself. Nothing is computed until then.
import type { WatchStream } from './watch-stream.js';

export interface ClusterView {
  /** Of Events; empty until they are asked for. */
  readonly events: readonly StreamView[];
  readonly metadata: readonly StreamView[];
  /** Whether what the API server sends would arrive. */
  isCertain(): boolean;
  /** By how much the clock of the stream is behind the API server's. */
  lagMs(): number;
}

/** One stream; see WatchStream. */
export type StreamView = Pick<
  WatchStream,
  'resource' | 'isLive' | 'isRefused' | 'hasBegun' | 'troubledMs' | 'silentMs'
>;

/** A stream that does not work is not waited for any longer. */
const PATIENCE_MS = 30_000;

/** Whether time and metadata go on without it. */
export function isGivenUp({ isRefused, troubledMs }: StreamView): boolean {
  return isRefused || troubledMs > PATIENCE_MS;
}
