// What an OTLP back end says to a request: taken, taken in part, to be sent again (not sooner than it
// says), to be sent in parts, dropped, or never. Both transports read answers here. The OTLP specification has
// the rules, in "Failures" and "Partial Success" of OTLP/gRPC and OTLP/HTTP.
import { STATUS_CODES } from 'node:http';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import protobuf from 'protobufjs/light.js';
import type { SendResult } from './batching.js';
import { DeliveryFailure } from './persistent.js';

/** Of a back end's own words so many are told. */
const WORDS_MAX = 300;

/** Too Many Requests, Bad Gateway, Service Unavailable, Gateway Timeout. */
const HTTP_AGAIN = new Set([429, 502, 503, 504]);
/** Bad Request, Content Too Large: about what was sent, not about the sender. */
const HTTP_IN_PARTS = new Set([400, 413]);
const HTTP_SERVER_ERROR = 500;

const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;
/** CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS. */
const GRPC_AGAIN = new Set([1, 4, 10, 11, 14, 15]);
/** NOT_FOUND, PERMISSION_DENIED, UNIMPLEMENTED, UNAUTHENTICATED. */
const GRPC_NO = new Set([5, 7, 12, 16]);

const one = (id: number, type: string) => ({ id, type });

// Names and numbers of google/rpc/status.proto, google/rpc/error_details.proto and what they use.
const ROOT = protobuf.Root.fromJSON({
  nested: {
    Status: {
      fields: { message: one(2, 'string'), details: { ...one(3, 'Any'), rule: 'repeated' } },
    },
    Any: { fields: { typeUrl: one(1, 'string'), value: one(2, 'bytes') } },
    RetryInfo: { fields: { retryDelay: one(1, 'Duration') } },
    Duration: { fields: { seconds: one(1, 'int64'), nanos: one(2, 'int32') } },
  },
});
const STATUS = ROOT.lookupType('Status');
const RETRY_INFO = ROOT.lookupType('RetryInfo');

interface Status {
  message: string;
  details: { typeUrl: string; value: Uint8Array }[];
}
interface RetryInfo {
  retryDelay: { seconds: protobuf.Long | number; nanos: number } | null;
}

/** An answer over HTTP that is no success. */
export interface HttpRefusal {
  status: number;
  /** Of the header. */
  retryAfter: string | undefined;
  /** A `google.rpc.Status`, if the back end keeps to the specification. */
  body: Uint8Array | undefined;
}

/** A call that failed, as grpc-js tells it. */
export interface GrpcRefusal {
  code: number;
  /** Of the code. */
  name: string;
  details: string;
  /** A `google.rpc.Status`. */
  status: Uint8Array | undefined;
}

/** Reads answers to requests that were taken; tells once what a back end that takes all warns of. */
export class Answers {
  readonly #onWarning: (words: string) => void;
  #hasWarned = false;

  constructor(onWarning: (words: string) => void) {
    this.#onWarning = onWarning;
  }

  /** Taken is taken, also where the answer cannot be read. */
  resultOf(body: Uint8Array, spanCount: number): SendResult {
    const { rejectedSpans, errorMessage } = partialSuccess(body) ?? {};
    // Not more than there are, or the account would not be even.
    const refused = Math.min(Math.max(Number(rejectedSpans ?? 0), 0), spanCount);
    const reason = oneLine(errorMessage ?? '');
    if (refused === 0 && reason && !this.#hasWarned) {
      this.#hasWarned = true;
      this.#onWarning(reason);
    }
    return refused === 0 ? { refused } : { refused, reason: reason || 'it does not say why' };
  }
}

function partialSuccess(body: Uint8Array) {
  try {
    return ProtobufTraceSerializer.deserializeResponse(body).partialSuccess;
  } catch {
    return undefined;
  }
}

/**
 * What is neither for another time nor about what was sent the specification forbids to repeat. Of that
 * an error of the server, such as 500, may be about this batch alone; after 401, 403, 404 or a redirect
 * there is nothing to be hoped for from the next.
 */
export function httpFailure({ status, retryAfter, body }: HttpRefusal): DeliveryFailure {
  const words = oneLine(decoded<Status>(STATUS, body)?.message ?? '');
  const named = `HTTP ${status} ${STATUS_CODES[status] ?? ''}`.trim();
  const message = words ? `${named}: ${words}` : named;
  if (HTTP_IN_PARTS.has(status)) return new DeliveryFailure('in_parts', message);
  if (!HTTP_AGAIN.has(status)) {
    return new DeliveryFailure(status >= HTTP_SERVER_ERROR ? 'drop' : 'no', message);
  }
  return new DeliveryFailure('again', message, undefined, retryAfterMs(retryAfter));
}

/** Of `Retry-After`: seconds or an HTTP date. */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/**
 * Exhausted is for another time only if the back end says which; without, it is what a message that is
 * too large gives. Of the other codes that of a wrong argument is about what was sent.
 */
export function grpcFailure({ code, name, details, status }: GrpcRefusal): DeliveryFailure {
  const words = oneLine(details);
  const message = words ? `gRPC ${name}: ${words}` : `gRPC ${name}`;
  const afterMs = retryInfoMs(status);
  if (GRPC_AGAIN.has(code) || (code === RESOURCE_EXHAUSTED && afterMs !== undefined)) {
    return new DeliveryFailure('again', message, undefined, afterMs);
  }
  const isOfContent = code === INVALID_ARGUMENT || code === RESOURCE_EXHAUSTED;
  if (isOfContent) return new DeliveryFailure('in_parts', message);
  return new DeliveryFailure(GRPC_NO.has(code) ? 'no' : 'drop', message);
}

function retryInfoMs(bytes: Uint8Array | undefined): number | undefined {
  const { details } = decoded<Status>(STATUS, bytes) ?? { details: [] };
  const found = details.find(({ typeUrl }) => typeUrl.endsWith('/google.rpc.RetryInfo'));
  const info = found && decoded<RetryInfo>(RETRY_INFO, found.value);
  if (!info) return undefined;
  const { seconds = 0, nanos = 0 } = info.retryDelay ?? {};
  return Math.max(0, Number(seconds) * 1000 + nanos / 1e6);
}

function decoded<T>(type: protobuf.Type, bytes: Uint8Array | undefined): T | undefined {
  if (!bytes || bytes.length === 0) return undefined;
  try {
    return type.decode(bytes) as unknown as T;
  } catch {
    return undefined;
  }
}

/** What somebody else wrote, fit for a line of an error. */
function oneLine(text: string): string {
  const words = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  return words.length > WORDS_MAX ? `${words.slice(0, WORDS_MAX)}...` : words;
}
