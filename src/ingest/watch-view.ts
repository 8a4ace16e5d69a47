// What can be seen from outside of a cluster that is watched: its streams and their clock, to be looked
// at whenever somebody asks (metrics, readiness). Nothing is computed until then.
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
