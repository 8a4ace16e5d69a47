// The sink of a run that keeps checkpoints: finished spans wait in it until a checkpoint that holds
// them is on disk, and only then go to the sink behind it. So what a back end got is what the newest
// checkpoint says, and after a crash it gets the very same bytes again, or spans that it has never
// seen. Writing to it never waits: whoever takes checkpoints looks at `bytes`.
import { DEFAULT_DESTINATION } from '../destinations.js';
import type { SpanCounts } from '../export/decode.js';
import type { ExportState, LostSpans, SpanSink } from '../export/sink.js';
import type { SpanBytes } from '../export/split.js';

/** As a worker gave them, or a part of that. */
export interface FinishedSpans extends SpanBytes {
  /** Its name: whoever goes on may have other destinations, and other numbers for them. */
  destination: string;
}

export class Outbox implements SpanSink {
  readonly #sink: SpanSink;
  /** Names of the destinations, by number. */
  readonly #names: readonly string[];
  #held: FinishedSpans[] = [];
  #bytes = 0;

  constructor(sink: SpanSink, destinations: readonly { name: string }[] = []) {
    this.#sink = sink;
    this.#names = [DEFAULT_DESTINATION, ...destinations.map(({ name }) => name)];
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
    const held = (name?: string) =>
      this.#held
        .filter(({ destination }) => name === undefined || destination === name)
        .reduce((sum, { spanCount }) => sum + spanCount, 0);
    const destinations = exports?.destinations?.map((one) => {
      return { ...one, waitingSpans: one.waitingSpans + held(one.name) };
    });
    const waitingSpans = (exports?.waitingSpans ?? 0) + held();
    return exports && { ...exports, waitingSpans, ...(destinations && { destinations }) };
  }

  async write(bytes: Uint8Array, spanCount: number, destination = 0): Promise<void> {
    this.#held.push({ bytes, spanCount, destination: this.#names[destination]! });
    this.#bytes += bytes.length;
  }

  /** All that a checkpoint must hold: what waits for one, and what has not arrived since. */
  forCheckpoint(): FinishedSpans[] {
    const sent = (this.#sink.unsettled?.() ?? []).map(({ destination = 0, ...spans }) => {
      return { ...spans, destination: this.#names[destination]! };
    });
    return [...sent, ...this.#held];
  }

  /** A checkpoint had them that another run has written. */
  restore(spans: readonly FinishedSpans[]): void {
    this.#held.push(...spans);
    this.#bytes += spans.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /**
   * A checkpoint has all that waits, which may go now; resolves when the sink has room for more. They are
   * the sink's at once, so the next checkpoint finds them there.
   */
  async release(): Promise<void> {
    await Promise.all(this.#take().map((one) => this.#send(one)));
  }

  flush(): Promise<void> {
    return this.#sink.flush();
  }

  close(): Promise<void> {
    return this.#sink.close();
  }

  abandon(): void {
    // Given up there, they are counted there; it has no say in it any more.
    for (const one of this.#take()) this.#send(one).catch(() => {});
    this.#sink.abandon();
  }

  #take(): FinishedSpans[] {
    const held = this.#held;
    this.#held = [];
    this.#bytes = 0;
    return held;
  }

  /** What was for a destination that is no longer there goes to the ordinary one. */
  #send({ bytes, spanCount, destination }: FinishedSpans): Promise<void> {
    const number = Math.max(0, this.#names.indexOf(destination));
    return this.#sink.write(bytes, spanCount, number);
  }
}
