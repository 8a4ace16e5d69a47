// Several back ends as one sink: each has a sink of its own, with room and troubles of its own. In come
// spans with the number of their destination; one that is slow holds up whoever writes to it, and one
// that takes nothing any more loses its own spans, which is told once and counted. The whole has failed
// when none takes anything any more.
import { ExportError, reasonOf } from '../errors.js';
import type { SpanCounts } from './decode.js';
import type { ExportState, LostSpans, SpanSink, UnsettledSpans } from './sink.js';

export interface NamedSink {
  name: string;
  sink: SpanSink;
}

export class DestinationsSink implements SpanSink {
  /** By number of the destination. */
  readonly #sinks: readonly NamedSink[];
  readonly #onTrouble: (line: string) => void;
  /** Those of which it was told that they take nothing any more. */
  readonly #told = new Set<NamedSink>();

  constructor(sinks: readonly NamedSink[], onTrouble: (line: string) => void) {
    this.#sinks = sinks;
    this.#onTrouble = onTrouble;
  }

  get failed(): boolean {
    return this.#sinks.every(({ sink }) => sink.failed);
  }

  get lost(): LostSpans {
    const all = this.#sinks.map(({ sink }) => sink.lost);
    return {
      occurrences: sumOf(all.map(({ occurrences }) => occurrences)),
      synthetic: sumOf(all.map(({ synthetic }) => synthetic)),
      refused: sumOf(all.map(({ refused }) => refused)),
    };
  }

  get kept(): SpanCounts {
    const all = this.#sinks.flatMap(({ sink }) => sink.kept ?? []);
    return {
      occurrences: sumOf(all.map(({ occurrences }) => occurrences)),
      synthetic: sumOf(all.map(({ synthetic }) => synthetic)),
    };
  }

  get exports(): ExportState {
    const destinations = this.#sinks.flatMap(({ name, sink: { exports } }) =>
      exports ? [{ ...exports, name }] : [],
    );
    const requests = destinations.map((one) => one.requests);
    return {
      requests: {
        delivered: sumOf(requests.map(({ delivered }) => delivered)),
        partial: sumOf(requests.map(({ partial }) => partial)),
        failed: sumOf(requests.map(({ failed }) => failed)),
      },
      deliveredSpans: sumOf(destinations.map(({ deliveredSpans }) => deliveredSpans)),
      waitingBytes: sumOf(destinations.map(({ waitingBytes }) => waitingBytes)),
      spoolBytes: sumOf(destinations.map(({ spoolBytes }) => spoolBytes)),
      waitingSpans: sumOf(destinations.map(({ waitingSpans }) => waitingSpans)),
      stalledMs: Math.max(...destinations.map(({ stalledMs }) => stalledMs)),
      destinations,
    };
  }

  async write(bytes: Uint8Array, spanCount: number, destination = 0): Promise<void> {
    const to = this.#sinks[destination];
    if (!to) throw new RangeError(`there is no destination ${destination}`);
    await to.sink.write(bytes, spanCount);
    if (!to.sink.failed || this.#told.has(to)) return;
    this.#told.add(to);
    this.#onTrouble(`destination ${to.name} takes no spans any more: its spans are lost`);
  }

  unsettled(): UnsettledSpans[] {
    return this.#sinks.flatMap(({ sink }, destination) =>
      (sink.unsettled?.() ?? []).map((spans) => ({ ...spans, destination })),
    );
  }

  async flush(): Promise<void> {
    await Promise.all(this.#sinks.map(({ sink }) => sink.flush()));
  }

  async close(): Promise<void> {
    const closed = await Promise.allSettled(this.#sinks.map(({ sink }) => sink.close()));
    const broken = closed.flatMap((one, number) =>
      one.status === 'rejected' ? [{ name: this.#sinks[number]!.name, error: one.reason }] : [],
    );
    if (broken.length === 0) return;
    const defect = broken.find(({ error }) => !(error instanceof ExportError));
    if (defect) throw defect.error;
    const each = broken.map(({ name, error }) => `destination ${name}: ${reasonOf(error)}`);
    throw new ExportError('delivery_failed', each.join('; '));
  }

  abandon(): void {
    for (const { sink } of this.#sinks) sink.abandon();
  }
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
