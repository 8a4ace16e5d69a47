// The sink of a run that keeps checkpoints: finished spans wait in it until a checkpoint that holds
// them is on disk, and only then go to the sink behind it. So what a back end got is what the newest
// checkpoint says, and after a crash it gets the very same bytes again, or spans that it has never
// seen. Writing to it never waits: whoever takes checkpoints looks at `bytes`.
import type { SpanCounts } from '../export/decode.js';
import type { ExportState, LostSpans, SpanSink } from '../export/sink.js';
import type { SpanBytes } from '../export/split.js';

export class Outbox implements SpanSink {
  readonly #sink: SpanSink;
  #held: SpanBytes[] = [];
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

  get kept(): SpanCounts | undefined {
    return this.#sink.kept;
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

  /** All that a checkpoint must hold: what waits for one, and what has not arrived since. */
  unsettled(): SpanBytes[] {
    return [...(this.#sink.unsettled?.() ?? []), ...this.#held];
  }

  /**
   * A checkpoint has all that waits, which may go now; resolves when the sink has room for more. They are
   * the sink's at once, so the next checkpoint finds them there.
   */
  async release(): Promise<void> {
    await Promise.all(
      this.#take().map(({ bytes, spanCount }) => this.#sink.write(bytes, spanCount)),
    );
  }

  flush(): Promise<void> {
    return this.#sink.flush();
  }

  close(): Promise<void> {
    return this.#sink.close();
  }

  abandon(): void {
    // Given up there, they are counted there; it has no say in it any more.
    for (const { bytes, spanCount } of this.#take()) {
      this.#sink.write(bytes, spanCount).catch(() => {});
    }
    this.#sink.abandon();
  }

  #take(): SpanBytes[] {
    const held = this.#held;
    this.#held = [];
    this.#bytes = 0;
    return held;
  }
}
