// OTLP bytes to OpenTelemetry's ReadableSpan, by a protobuf library and the part of OTLP's schema that
// kspan writes. What comes in are ResourceSpans fields, which are also an ExportTraceServiceRequest.
// Serializers group spans by the identity of resource and scope, so equal ones are one object here.
import type { Attributes, AttributeValue, HrTime, Link, SpanContext } from '@opentelemetry/api';
import { TraceFlags } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import protobuf from 'protobufjs/light.js';
import { isOccurrence } from '../model.js';

type Resource = ReadableSpan['resource'];
type Scope = ReadableSpan['instrumentationScope'];

/** A message as protobufjs gives it: absent fields read as their defaults, 64-bit numbers as Long. */
interface Value {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: protobuf.Long;
  doubleValue?: number;
}
interface KeyValue {
  key: string;
  value: Value | null;
}
interface WireLink {
  traceId: Uint8Array;
  spanId: Uint8Array;
  attributes: KeyValue[];
}
interface WireSpan extends WireLink {
  parentSpanId: Uint8Array;
  name: string;
  kind: number;
  startTimeUnixNano: protobuf.Long;
  endTimeUnixNano: protobuf.Long;
  links: WireLink[];
  status: { message: string; code: number } | null;
}
interface WireScope {
  name: string;
  version: string;
}
interface WireResourceSpans {
  resource: { attributes: KeyValue[] } | null;
  scopeSpans: { scope: WireScope | null; spans: WireSpan[] }[];
}

const one = (id: number, type: string) => ({ id, type });
const many = (id: number, type: string) => ({ id, type, rule: 'repeated' });

// Names and numbers of opentelemetry/proto/trace/v1/trace.proto and common/v1/common.proto.
const SCHEMA = {
  Request: { fields: { resourceSpans: many(1, 'ResourceSpans') } },
  ResourceSpans: { fields: { resource: one(1, 'Resource'), scopeSpans: many(2, 'ScopeSpans') } },
  Resource: { fields: { attributes: many(1, 'KeyValue') } },
  ScopeSpans: { fields: { scope: one(1, 'Scope'), spans: many(2, 'Span') } },
  Scope: { fields: { name: one(1, 'string'), version: one(2, 'string') } },
  Span: {
    fields: {
      traceId: one(1, 'bytes'),
      spanId: one(2, 'bytes'),
      parentSpanId: one(4, 'bytes'),
      name: one(5, 'string'),
      kind: one(6, 'int32'),
      startTimeUnixNano: one(7, 'fixed64'),
      endTimeUnixNano: one(8, 'fixed64'),
      attributes: many(9, 'KeyValue'),
      links: many(13, 'Link'),
      status: one(15, 'Status'),
    },
  },
  Link: {
    fields: {
      traceId: one(1, 'bytes'),
      spanId: one(2, 'bytes'),
      attributes: many(4, 'KeyValue'),
    },
  },
  Status: { fields: { message: one(2, 'string'), code: one(3, 'int32') } },
  KeyValue: { fields: { key: one(1, 'string'), value: one(2, 'Value') } },
  Value: {
    oneofs: { value: { oneof: ['stringValue', 'boolValue', 'intValue', 'doubleValue'] } },
    fields: {
      stringValue: one(1, 'string'),
      boolValue: one(2, 'bool'),
      intValue: one(3, 'int64'),
      doubleValue: one(4, 'double'),
    },
  },
};

const REQUEST = protobuf.Root.fromJSON({ nested: SCHEMA }).lookupType('Request');

const NANOS_PER_SECOND = 1_000_000_000n;
/** Resources and scopes kept to be shared; at the limit the next ones begin a new generation. */
const INTERNED_MAX = 10_000;

/** Decodes OTLP bytes and remembers resources and scopes from one call to the next. */
export class SpanDecoder {
  readonly #resources = new Map<string, Resource>();
  readonly #scopes = new Map<string, Scope>();

  /** All spans in these bytes, in their order. Throws when they are not OTLP. */
  decode(bytes: Uint8Array): ReadableSpan[] {
    const request = REQUEST.decode(bytes) as unknown as { resourceSpans: WireResourceSpans[] };
    return request.resourceSpans.flatMap((group) => {
      const resource = this.#resource(group.resource?.attributes ?? []);
      return group.scopeSpans.flatMap(({ scope, spans }) => {
        const shared = this.#scope(scope);
        return spans.map((span) => readable(span, resource, shared));
      });
    });
  }

  #resource(pairs: KeyValue[]): Resource {
    const attributes = attributesOf(pairs);
    return intern(this.#resources, JSON.stringify(attributes), () =>
      resourceFromAttributes(attributes),
    );
  }

  #scope(scope: WireScope | null): Scope {
    const { name, version } = scope ?? { name: '', version: '' };
    return intern(this.#scopes, JSON.stringify([name, version]), () =>
      version ? { name, version } : { name },
    );
  }
}

function intern<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key);
  if (found) return found;
  if (known.size >= INTERNED_MAX) known.clear();
  const made = make();
  known.set(key, made);
  return made;
}

function readable(wire: WireSpan, resource: Resource, scope: Scope): ReadableSpan {
  const context = contextOf(wire);
  const start = bigintOf(wire.startTimeUnixNano);
  const end = bigintOf(wire.endTimeUnixNano);
  const parent = wire.parentSpanId.length > 0;
  return {
    name: wire.name,
    // OTLP counts from UNSPECIFIED = 0, the SDK from INTERNAL = 0.
    kind: Math.max(0, wire.kind - 1),
    spanContext: () => context,
    ...(parent && { parentSpanContext: { ...context, spanId: hex(wire.parentSpanId) } }),
    startTime: hrTime(start),
    endTime: hrTime(end),
    duration: hrTime(end - start),
    ended: true,
    status: wire.status?.message
      ? { code: wire.status.code, message: wire.status.message }
      : { code: wire.status?.code ?? 0 },
    attributes: attributesOf(wire.attributes),
    links: wire.links.map(linkOf),
    events: [],
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function linkOf(wire: WireLink): Link {
  return { context: contextOf(wire), attributes: attributesOf(wire.attributes) };
}

/** Sampled, since a span processor leaves others out. */
function contextOf(wire: WireLink): SpanContext {
  return { traceId: hex(wire.traceId), spanId: hex(wire.spanId), traceFlags: TraceFlags.SAMPLED };
}

function attributesOf(pairs: KeyValue[]): Attributes {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, attributeOf(value)]));
}

function attributeOf(value: Value | null): AttributeValue | undefined {
  if (!value) return undefined;
  if (Object.hasOwn(value, 'stringValue')) return value.stringValue;
  if (Object.hasOwn(value, 'boolValue')) return value.boolValue;
  if (Object.hasOwn(value, 'intValue')) return Number(bigintOf(value.intValue));
  return value.doubleValue;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

function bigintOf(long: protobuf.Long | undefined): bigint {
  if (!long) return 0n;
  const bits = (BigInt(long.high >>> 0) << 32n) | BigInt(long.low >>> 0);
  return long.unsigned ? bits : BigInt.asIntN(64, bits);
}

function hrTime(nanos: bigint): HrTime {
  return [Number(nanos / NANOS_PER_SECOND), Number(nanos % NANOS_PER_SECOND)];
}

/** How many spans stand for occurrences, and how many for none. */
export interface SpanCounts {
  occurrences: number;
  synthetic: number;
}

/** Of ResourceSpans fields. Decodes them: for what does not go as it should. */
export function countSpans(bytes: Uint8Array): SpanCounts {
  const spans = new SpanDecoder().decode(bytes);
  const occurrences = spans.filter(isOccurrence).length;
  return { occurrences, synthetic: spans.length - occurrences };
}
