// OTLP traces read with a protobuf library and the published field numbers, not with kspan's decoder.
// Fields that kspan leaves out (events, flags, trace state) are unknown here and skipped.
import { parse } from 'protobufjs';
import { type PlainSpan, plainLink } from './spans.ts';

const SCHEMA = `
syntax = "proto3";
message Request { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Resource { repeated KeyValue attributes = 1; }
message ScopeSpans { Scope scope = 1; repeated Span spans = 2; }
message Scope { string name = 1; string version = 2; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue {
  oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; }
}
message Span {
  bytes trace_id = 1;
  bytes span_id = 2;
  bytes parent_span_id = 4;
  string name = 5;
  int32 kind = 6;
  fixed64 start_time_unix_nano = 7;
  fixed64 end_time_unix_nano = 8;
  repeated KeyValue attributes = 9;
  repeated Link links = 13;
  Status status = 15;
}
message Link { bytes trace_id = 1; bytes span_id = 2; repeated KeyValue attributes = 4; }
message Status { string message = 2; int32 code = 3; }
`;

const KIND_INTERNAL = 1;
const STATUS_ERROR = 2;
const REQUEST = parse(SCHEMA, { keepCase: true }).root.lookupType('Request');

interface KeyValue {
  key: string;
  value: Record<string, string | boolean | number>;
}

interface Message {
  resource_spans: {
    resource: { attributes: KeyValue[] };
    scope_spans: { scope: { name: string }; spans: OtlpSpan[] }[];
  }[];
}

interface OtlpLink {
  trace_id: Uint8Array;
  span_id: Uint8Array;
  attributes: KeyValue[];
}

interface OtlpSpan extends OtlpLink {
  parent_span_id: Uint8Array;
  name: string;
  kind: number;
  start_time_unix_nano: string;
  end_time_unix_nano: string;
  links: OtlpLink[];
  status: { message: string; code: number } | null;
}

/** The spans of an ExportTraceServiceRequest; throws on a kind or scope that kspan does not use. */
export function decodeOtlp(request: Uint8Array): PlainSpan[] {
  const message = REQUEST.toObject(REQUEST.decode(request), {
    arrays: true,
    defaults: true,
    longs: String,
    oneofs: true,
  }) as Message;
  return message.resource_spans.flatMap(({ resource, scope_spans }) =>
    scope_spans.flatMap(({ scope, spans }) => {
      if (scope.name !== 'kspan') throw new Error(`a span has the scope ${scope.name}`);
      return spans.map((span) => plain(span, attributesOf(resource.attributes)));
    }),
  );
}

function plain(span: OtlpSpan, resource: Record<string, unknown>): PlainSpan {
  if (span.kind !== KIND_INTERNAL) throw new Error(`${span.name} has kind ${span.kind}`);
  const parent = hex(span.parent_span_id);
  return {
    traceId: hex(span.trace_id),
    spanId: hex(span.span_id),
    parentSpanId: parent === '' ? undefined : parent,
    name: span.name,
    start: BigInt(span.start_time_unix_nano),
    end: BigInt(span.end_time_unix_nano),
    error: span.status?.code === STATUS_ERROR ? span.status.message : undefined,
    resource,
    attributes: attributesOf(span.attributes),
    links: span.links.map((link) =>
      plainLink(
        { traceId: hex(link.trace_id), spanId: hex(link.span_id) },
        attributesOf(link.attributes),
      ),
    ),
  };
}

function attributesOf(pairs: KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map(({ key, value: { value: field, ...values } }) => {
      const value = values[`${field}`];
      return [key, field === 'int_value' ? Number(value) : value];
    }),
  );
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
