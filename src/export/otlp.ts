// The target of `--format otlp`: OTLP over HTTP by OpenTelemetry's own transport, which compresses,
// retries and honours Retry-After within the time of one request, and says what may be sent again after
// that. Spans are encoded already, so its serializer only hands the bytes on. The one file that knows
// this interface of OpenTelemetry JS, which is not stable: its version is fixed in package.json.
import {
  type CompressionAlgorithm,
  OTLPExporterBase,
  OTLPExporterError,
} from '@opentelemetry/otlp-exporter-base';
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from '@opentelemetry/otlp-exporter-base/node-http';
import {
  type IExportTraceServiceResponse,
  type ISerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
import { reasonOf } from '../errors.js';
import type { BatchTarget, SendResult } from './batching.js';
import { DeliveryFailure } from './persistent.js';
import type { SpanBytes } from './split.js';

export interface OtlpOptions {
  url: string;
  compression: 'none' | 'gzip';
  headers?: Readonly<Record<string, string>>;
  /** For one request with its retries. */
  timeoutMs: number;
  /** Requests at a time. */
  inFlight: number;
}

/** Bad Request, Content Too Large: about what was sent, not about the sender. */
const OF_CONTENT = new Set([400, 413]);
/** ExportResultCode.SUCCESS of OpenTelemetry's core package. */
const SUCCESS = 0;
const CONTENT_TYPE = { 'Content-Type': 'application/x-protobuf' };

export class OtlpTarget implements BatchTarget {
  readonly name: string;
  readonly #exporter: EncodedTraceExporter;

  constructor(options: OtlpOptions) {
    this.name = withoutSecrets(options.url);
    this.#exporter = new EncodedTraceExporter(options);
  }

  send(batch: SpanBytes): Promise<SendResult> {
    return new Promise((resolve, reject) => {
      this.#exporter.export(batch, ({ error, code }) => {
        // The answer to this batch has been read just before, in the same turn.
        if (code === SUCCESS) resolve(this.#exporter.answer.take());
        else reject(failureOf(error));
      });
    });
  }

  close(): Promise<void> {
    return this.#exporter.shutdown();
  }
}

class EncodedTraceExporter extends OTLPExporterBase<SpanBytes> {
  readonly answer: Answer;

  constructor({ url, compression, headers = {}, timeoutMs, inFlight }: OtlpOptions) {
    const answer = new Answer();
    const legacy = {
      url,
      // The type's enum holds these same strings.
      compression: compression as CompressionAlgorithm,
      headers: { ...headers },
      timeoutMillis: timeoutMs,
      // A finished request still counts for a moment, and one too many would be refused.
      concurrencyLimit: 2 * inFlight + 1,
      userAgent: 'kspan',
    };
    const options = convertLegacyHttpOptions(legacy, 'TRACES', 'v1/traces', CONTENT_TYPE);
    const name = 'otlp_http_span_exporter';
    const items = { name: 'span' as const, countItems: (batch: SpanBytes) => batch.spanCount };
    super(createOtlpHttpExportDelegate(options, answer, name, items, undefined));
    this.answer = answer;
  }
}

/** Hands encoded bytes on, and keeps what the back end says of spans that it did not take. */
class Answer implements ISerializer<SpanBytes, IExportTraceServiceResponse> {
  #result: SendResult = { refused: 0 };

  serializeRequest(batch: SpanBytes): Uint8Array {
    return batch.bytes;
  }

  deserializeResponse(data: Uint8Array): IExportTraceServiceResponse {
    const response = ProtobufTraceSerializer.deserializeResponse(data);
    const { rejectedSpans, errorMessage } = response.partialSuccess ?? {};
    this.#result = { refused: Number(rejectedSpans ?? 0), reason: errorMessage ?? '' };
    return response;
  }

  take(): SendResult {
    const result = this.#result;
    this.#result = { refused: 0 };
    return result;
  }
}

/** The address as it may stand in an error. */
function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

/** A status comes only with what must not be sent again as it is; all else was not answered. */
function failureOf(error: Error | undefined): DeliveryFailure {
  if (error instanceof OTLPExporterError && error.code !== undefined) {
    const retry = OF_CONTENT.has(error.code) ? 'in_parts' : 'no';
    return new DeliveryFailure(retry, `HTTP ${error.code} ${error.message}`, error);
  }
  const reason = reasonOf(error ?? 'the transport gives no reason');
  return new DeliveryFailure('again', reason, error);
}
