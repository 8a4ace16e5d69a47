// The target that hands spans to a SpanExporter of OpenTelemetry JS, which belongs to the caller: it is
// flushed at the end, and shut down by whoever made it.
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { BatchTarget, SendResult } from './batching.js';
import { SpanDecoder } from './decode.js';
import type { SpanBytes } from './split.js';

/** ExportResultCode.SUCCESS of OpenTelemetry's core package. */
const SUCCESS = 0;

export class SpanExporterTarget implements BatchTarget {
  readonly name = 'the exporter';
  readonly #exporter: SpanExporter;
  readonly #decoder = new SpanDecoder();

  constructor(exporter: SpanExporter) {
    this.#exporter = exporter;
  }

  send(batch: SpanBytes): Promise<SendResult> {
    return new Promise((resolve, reject) => {
      this.#exporter.export(this.#decoder.decode(batch.bytes), ({ code, error }) => {
        if (code === SUCCESS) resolve({ refused: 0 });
        else reject(error ?? new Error('it gives no reason'));
      });
    });
  }

  async close(): Promise<void> {
    await this.#exporter.forceFlush?.();
  }
}
