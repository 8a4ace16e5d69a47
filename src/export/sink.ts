// What every destination of spans is to the engine. Spans come as OTLP bytes; a destination that needs
// objects decodes them itself.
import type { SpanCounts } from './decode.js';
import type { SpanBytes } from './split.js';

/** Spans that did not get where they should. */
export interface LostSpans extends SpanCounts {
  /** Refused by a back end that does not say which. */
  refused: number;
}

export const NOTHING_LOST: LostSpans = { occurrences: 0, synthetic: 0, refused: 0 };

/** How a destination that sends requests gets on. */
export interface DestinationState {
  /** Requests so far, by what became of them: taken, taken in part, not taken. */
  requests: { delivered: number; partial: number; failed: number };
  /** Spans that the other side has said to have taken. */
  deliveredSpans: number;
  /** Spans that wait to be sent. */
  waitingSpans: number;
  /** In memory, of spans that were not taken yet, those on their way too. */
  waitingBytes: number;
  /** On disk. */
  spoolBytes: number;
  /** For how long requests have been under way and none was answered. */
  stalledMs: number;
}

/** How all destinations together get on; `stalledMs` is that of the one that stalls longest. */
export interface ExportState extends DestinationState {
  /** Where there are several: each, by its number. */
  destinations?: readonly NamedState[];
}

export interface NamedState extends DestinationState {
  name: string;
}

export interface UnsettledSpans extends SpanBytes {
  /** 0 when left out. */
  destination?: number;
}

export interface SpanSink {
  /**
   * Takes finished spans: `ResourceSpans` fields in a buffer that is the sink's from now on. Calls may
   * overlap and keep their order. Resolves when there is room for more; rejects with an ExportError
   * when the sink is of no use any more. Only a sink of several destinations looks at `destination`: 0
   * is the ordinary one, n the n-th of the configuration.
   */
  write(bytes: Uint8Array, spanCount: number, destination?: number): Promise<void>;
  /** Sends what waits for a fuller batch; resolves when all that was written by now has got there. */
  flush(): Promise<void>;
  /**
   * After the last write: resolves when all has got there, rejects with an ExportError that tells how
   * many spans have not.
   */
  close(): Promise<void>;
  /** Gives up: what has not got there is lost from now on, and nothing is waited for. */
  abandon(): void;
  /** True once spans were lost and later ones will be too: there is no point in reading on. */
  readonly failed: boolean;
  /** So far. */
  readonly lost: LostSpans;
  /** On disk, for a later run, when this one has ended. */
  readonly kept?: SpanCounts | undefined;
  /** Written, in memory, and not where they should be yet; a checkpoint keeps them. */
  unsettled?(): UnsettledSpans[];
  /** Now; undefined where no requests are sent. */
  readonly exports?: ExportState | undefined;
}
