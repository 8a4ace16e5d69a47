// The target of `--format otlp` over HTTP with protobuf: one request for each batch that is sent, and
// what became of it. Nothing is repeated here (persistent.ts does), so status and Retry-After are seen.
// Connections are kept. Answers are read so far as they may matter; redirects are not followed.
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Agent, Dispatcher } from 'undici';
import { reasonOf } from '../errors.js';
import type { OtlpEndpoint } from '../otlp-endpoint.js';
import { version } from '../version.js';
import type { BatchTarget, SendResult } from './batching.js';
import { Answers, httpFailure } from './otlp-answer.js';
import { DeliveryFailure } from './persistent.js';
import type { SpanBytes } from './split.js';
import { TlsFiles } from './tls-files.js';

export interface OtlpOptions {
  /** For one request with its answer. */
  timeoutMs: number;
  /** Requests at a time. */
  inFlight: number;
  /** Told a line for a person. */
  onNotice: (line: string) => void;
  /** How long a change of a certificate may go unseen. */
  tlsCheckMs?: number;
}

/** What is longer is no answer to spans. */
const ANSWER_BYTES_MAX = 64 * 1024;
/** Half of what the OpenTelemetry Collector keeps an idle connection for. */
const IDLE_MS = 30_000;

/** On a thread of libuv. */
const gzipped = promisify(gzip);

/** Of an answer's body, if it came to its end. */
interface Body {
  bytes: Uint8Array;
  isWhole: boolean;
}

export class OtlpHttpTarget implements BatchTarget {
  /** The address without its query, which may hold a key. */
  readonly name: string;
  readonly #endpoint: OtlpEndpoint;
  readonly #options: OtlpOptions;
  readonly #headers: Record<string, string>;
  readonly #answers: Answers;
  readonly #tls: TlsFiles | undefined;
  /** Bodies of batches that may have to be sent again. */
  readonly #bodies = new WeakMap<SpanBytes, Uint8Array>();
  #current: { agent: Agent; secured: unknown } | undefined;

  constructor(endpoint: OtlpEndpoint, options: OtlpOptions) {
    const { origin, pathname, protocol } = new URL(endpoint.url);
    this.name = `${origin}${pathname}`;
    this.#endpoint = endpoint;
    this.#options = options;
    this.#headers = {
      ...endpoint.headers,
      'content-type': 'application/x-protobuf',
      'user-agent': `kspan/${version}`,
      ...(endpoint.compression === 'gzip' && { 'content-encoding': 'gzip' }),
    };
    const { onNotice, tlsCheckMs } = options;
    this.#answers = new Answers((words) => onNotice(`${this.name} warns: ${words}`));
    if (protocol === 'https:') this.#tls = new TlsFiles(endpoint.tls, onNotice, tlsCheckMs);
  }

  async send(batch: SpanBytes): Promise<SendResult> {
    const body = await this.#bodyOf(batch);
    const agent = await this.#agent();
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), this.#options.timeoutMs);
    try {
      return await this.#exchange(agent, body, batch.spanCount, limit.signal);
    } catch (error) {
      if (error instanceof DeliveryFailure) throw error;
      const late = `no answer within ${this.#options.timeoutMs} ms`;
      throw new DeliveryFailure('again', limit.signal.aborted ? late : reasonOf(error), error);
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    await this.#current?.agent.close();
  }

  abandon(): void {
    // Rejects what is under way, and nobody waits for that.
    this.#current?.agent.destroy().catch(() => {});
  }

  async #exchange(agent: Agent, body: Uint8Array, spanCount: number, signal: AbortSignal) {
    const { origin, pathname, search } = new URL(this.#endpoint.url);
    const {
      statusCode,
      headers,
      body: answer,
    } = await agent.request({
      origin,
      path: `${pathname}${search}`,
      method: 'POST',
      headers: this.#headers,
      body,
      signal,
    });
    const { bytes, isWhole } = await readBody(answer);
    if (statusCode < 200 || statusCode > 299) {
      const retryAfter = [headers['retry-after']].flat()[0];
      throw httpFailure({ status: statusCode, retryAfter, body: bytes });
    }
    // The spans may have been taken, or not.
    if (!isWhole) throw new DeliveryFailure('again', 'the answer broke off');
    return this.#answers.resultOf(bytes, spanCount);
  }

  /** Compressed once, however often it is sent. */
  async #bodyOf(batch: SpanBytes): Promise<Uint8Array> {
    if (this.#endpoint.compression === 'none') return batch.bytes;
    const body = this.#bodies.get(batch) ?? (await gzipped(batch.bytes));
    this.#bodies.set(batch, body);
    return body;
  }

  /** Connections are made anew only when what secures them has changed; those that are busy go on. */
  async #agent(): Promise<Agent> {
    // Large, and only needed here. CommonJS: what a bundle makes of it has nothing but the default.
    const { default: undici } = await import('undici');
    const secured = this.#tls?.current;
    if (this.#current && this.#current.secured === secured) return this.#current.agent;
    this.#current?.agent.close().catch(() => {});
    const { timeoutMs, inFlight } = this.#options;
    const agent = new undici.Agent({
      connections: inFlight,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      // The limit for the whole exchange is ours.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: timeoutMs, ...(secured && { secureContext: secured }) },
    });
    this.#current = { agent, secured };
    return agent;
  }
}

async function readBody(answer: Dispatcher.ResponseData['body']): Promise<Body> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of answer) {
      length += chunk.length;
      if (length > ANSWER_BYTES_MAX) break;
      chunks.push(chunk);
    }
    return { bytes: Buffer.concat(chunks), isWhole: true };
  } catch {
    return { bytes: Buffer.concat(chunks), isWhole: false };
  }
}
