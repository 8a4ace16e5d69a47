// The target of `--format otlp` over gRPC: one call for each batch that is sent, with its bytes as they
// are, and what became of it. Nothing is repeated here (persistent.ts does). The one file that knows
// grpc-js, which is loaded with the first batch: a run without gRPC does not pay for it.
import type { Client, ClientOptions, ClientUnaryCall, Metadata, ServiceError } from '@grpc/grpc-js';
import type { OtlpEndpoint } from '../otlp-endpoint.js';
import { version } from '../version.js';
import type { BatchTarget, SendResult } from './batching.js';
import { Answers, grpcFailure } from './otlp-answer.js';
import type { OtlpOptions } from './otlp-http.js';
import type { SpanBytes } from './split.js';
import { TlsFiles } from './tls-files.js';

type Grpc = typeof import('@grpc/grpc-js');

const METHOD = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const UNLIMITED = -1;
/** grpc-js' words where a stream was reset: its code is none that the back end gave. */
const NO_ANSWER = /^(?:Received RST_STREAM|Bandwidth exhausted or memory limit)/;
/** persistent.ts says when a batch is sent again; a channel that is broken is to be up by then. */
const RECONNECT_MS = 100;
const RECONNECT_MAX_MS = 1000;

interface Channel {
  client: Client;
  metadata: Metadata;
  secured: unknown;
}

export class OtlpGrpcTarget implements BatchTarget {
  readonly name: string;
  readonly #endpoint: OtlpEndpoint;
  readonly #options: OtlpOptions;
  readonly #answers: Answers;
  readonly #tls: TlsFiles | undefined;
  readonly #calls = new Set<ClientUnaryCall>();
  #channel: Channel | undefined;

  constructor(endpoint: OtlpEndpoint, options: OtlpOptions) {
    this.name = endpoint.url;
    this.#endpoint = endpoint;
    this.#options = options;
    const { onNotice, tlsCheckMs } = options;
    this.#answers = new Answers((words) => onNotice(`${this.name} warns: ${words}`));
    if (endpoint.url.startsWith('https:')) {
      this.#tls = new TlsFiles(endpoint.tls, onNotice, tlsCheckMs);
    }
  }

  async send(batch: SpanBytes): Promise<SendResult> {
    // CommonJS: what a bundle makes of it has nothing but the default.
    const { default: grpc } = await import('@grpc/grpc-js');
    const channel = this.#open(grpc);
    try {
      const answer = await this.#call(channel, batch);
      return this.#answers.resultOf(answer, batch.spanCount);
    } catch (error) {
      const { code, details, metadata } = error as ServiceError;
      // Perhaps nobody is at the other end of the connection any more, and it would be used again.
      if (code === grpc.status.DEADLINE_EXCEEDED) this.#drop(channel);
      const [status] = metadata.get('grpc-status-details-bin');
      const name = grpc.status[code] ?? String(code);
      const read = NO_ANSWER.test(details) ? grpc.status.UNAVAILABLE : code;
      throw grpcFailure({ code: read, name, details, status: status as Buffer | undefined });
    }
  }

  async close(): Promise<void> {
    if (this.#channel) this.#drop(this.#channel);
  }

  abandon(): void {
    for (const call of this.#calls) call.cancel();
    if (this.#channel) this.#drop(this.#channel);
  }

  #call({ client, metadata }: Channel, { bytes }: SpanBytes): Promise<Uint8Array> {
    const deadline = Date.now() + this.#options.timeoutMs;
    const request = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return new Promise((resolve, reject) => {
      const call = client.makeUnaryRequest<Buffer, Buffer>(
        METHOD,
        (encoded) => encoded,
        (encoded) => encoded,
        request,
        metadata,
        { deadline },
        (error, answer) => {
          this.#calls.delete(call);
          if (error) reject(error);
          else resolve(answer ?? Buffer.alloc(0));
        },
      );
      this.#calls.add(call);
    });
  }

  /** A channel is made anew only when what secures it has changed, or when it does not answer. */
  #open(grpc: Grpc): Channel {
    const secured = this.#tls?.current;
    if (this.#channel?.secured === secured && this.#channel) return this.#channel;
    if (this.#channel) this.#drop(this.#channel);
    const credentials = secured
      ? grpc.credentials.createFromSecureContext(secured)
      : grpc.credentials.createInsecure();
    const metadata = new grpc.Metadata();
    for (const [name, value] of Object.entries(this.#endpoint.headers)) {
      metadata.set(name, name.endsWith('-bin') ? Buffer.from(value, 'base64') : value);
    }
    const [, address = ''] = this.#endpoint.url.split('//');
    const client = new grpc.Client(address, credentials, this.#channelOptions(grpc));
    this.#channel = { client, metadata, secured };
    return this.#channel;
  }

  #channelOptions({ compressionAlgorithms: { gzip, identity } }: Grpc): ClientOptions {
    return {
      'grpc.primary_user_agent': `kspan/${version}`,
      'grpc.default_compression_algorithm': this.#endpoint.compression === 'gzip' ? gzip : identity,
      'grpc.enable_retries': 0,
      'grpc.max_send_message_length': UNLIMITED,
      'grpc.initial_reconnect_backoff_ms': RECONNECT_MS,
      'grpc.max_reconnect_backoff_ms': RECONNECT_MAX_MS,
      // Another channel to the same address would share a connection that is to be left.
      'grpc.use_local_subchannel_pool': 1,
    };
  }

  /** Calls under way go on. */
  #drop(channel: Channel): void {
    channel.client.close();
    if (this.#channel === channel) this.#channel = undefined;
  }
}
