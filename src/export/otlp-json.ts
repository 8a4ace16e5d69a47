// The target of `--format otlp-json`: one ExportTraceServiceRequest as JSON on each line, the file format
// of the OpenTelemetry Collector, by OpenTelemetry's own serializer.
import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import { ExportError } from '../errors.js';
import type { BatchTarget, SendResult } from './batching.js';
import { SpanDecoder } from './decode.js';
import type { Output } from './output.js';
import type { SpanBytes } from './split.js';

export class OtlpJsonTarget implements BatchTarget {
  readonly name = 'the output';
  readonly #output: Output;
  readonly #decoder = new SpanDecoder();

  constructor(output: Output) {
    this.#output = output;
  }

  async send(batch: SpanBytes): Promise<SendResult> {
    const json = JsonTraceSerializer.serializeRequest(this.#decoder.decode(batch.bytes));
    if (!json) throw new ExportError('output_failed', 'spans could not be written as JSON');
    await this.#output.write(Buffer.concat([json, Buffer.from('\n')]));
    return { refused: 0 };
  }

  close(): Promise<void> {
    return this.#output.close();
  }
}
