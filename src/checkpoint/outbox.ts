// The sink of a run that keeps checkpoints: finished spans wait in it until a checkpoint that holds
// them is on disk, and only then go to the sink behind it. So what a back end got is what the newest
// checkpoint says, and after a crash it gets the very same bytes again, or spans that it has never
// seen. Writing to it never waits: whoever takes checkpoints looks at `bytes`.
import type { ExportState, LostSpans, SpanSink } from '../export/sink.js';

/** As a worker gave them. */
export interface FinishedSpans {
  /** `ResourceSpans` fields. */
  bytes: Uint8Array;
  spanCount: number;
}

export class Outbox implements SpanSink {
  readonly #sink: SpanSink;
  #held: FinishedSpans[] = [];
  #bytes = 0;

  constructor(sink: SpanSink) {
    this.#sink = sink;
  }

  /** Of the spans that wait for a checkpoint. */
  get bytes(): number {
    return this.#bytes;
  }

  get failed(): boolean {
    return this.#sink.failed;
  }

  get lost(): LostSpans {
    return this.#sink.lost;
  }

  get exports(): ExportState | undefined {
    const { exports } = this.#sink;
    const held = this.#held.reduce((sum, { spanCount }) => sum + spanCount, 0);
    return exports && { ...exports, waitingSpans: exports.waitingSpans + held };
  }

  async write(bytes: Uint8Array, spanCount: number): Promise<void> {
    this.#held.push({ bytes, spanCount });
    this.#bytes += bytes.length;
  }

  /** Takes out all that waits, for a checkpoint. */
  take(): FinishedSpans[] {
    const held = this.#held;
    this.#held = [];
    this.#bytes = 0;
    return held;
  }

  /** Sends what is in a checkpoint; resolves when it has got there. */
  async deliver(spans: FinishedSpans[]): Promise<void> {
    for (const { bytes, spanCount } of spans) await this.#sink.write(bytes, spanCount);
    await this.#sink.flush();
  }

  flush(): Promise<void> {
    return this.#sink.flush();
  }

  close(): Promise<void> {
    return this.#sink.close();
  }

  abandon(): void {
    // Given up there, they are counted there; it has no say in it any more.
    for (const { bytes, spanCount } of this.take()) {
      this.#sink.write(bytes, spanCount).catch(() => {});
    }
    this.#sink.abandon();
  }
}
