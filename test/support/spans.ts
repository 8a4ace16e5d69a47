// Spans as plain values, for comparing: what a correlator gives (a ReadableSpan, or the naive oracle's
// own) in one canonical text that leaves nothing out.
import {
  type Attributes,
  type HrTime,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
} from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';

const LINK_KIND = 'kspan.link.kind';

/** A link to another span; `attributes` are those besides the kind. */
export interface PlainLink {
  kind: string;
  traceId: string;
  spanId: string;
  attributes: Record<string, unknown>;
}

/** A span with times in nanoseconds since the Unix epoch; `error` is the message of a failed one. */
export interface PlainSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  name: string;
  start: bigint;
  end: bigint;
  error: string | undefined;
  resource: Record<string, unknown>;
  attributes: Record<string, unknown>;
  links: PlainLink[];
}

/** What a ReadableSpan says, as a plain span; fails on what no span of kspan's may carry. */
export function plainSpan(span: ReadableSpan): PlainSpan {
  const { traceId, spanId } = span.spanContext();
  const { code, message } = span.status;
  if (span.kind !== SpanKind.INTERNAL) throw new Error(`${span.name} has kind ${span.kind}`);
  if (span.instrumentationScope.name !== 'kspan') throw new Error(`${span.name} has another scope`);
  return {
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId,
    name: span.name,
    start: nanos(span.startTime),
    end: nanos(span.endTime),
    error: code === SpanStatusCode.ERROR ? (message ?? '') : undefined,
    resource: { ...span.resource.attributes },
    attributes: { ...span.attributes },
    links: span.links.map(({ context, attributes }) => plainLink(context, attributes)),
  };
}

/** A link whose kind is among its attributes. */
export function plainLink(
  { traceId, spanId }: { traceId: string; spanId: string },
  { [LINK_KIND]: kind, ...attributes }: Record<string, unknown> = {},
): PlainLink {
  return { kind: `${kind}`, traceId, spanId, attributes };
}

/** The other way round, for code that takes ReadableSpans (exporters, the tree). */
export function readableSpan(span: PlainSpan): ReadableSpan {
  const context = { traceId: span.traceId, traceFlags: TraceFlags.NONE };
  return {
    name: span.name,
    kind: SpanKind.INTERNAL,
    spanContext: () => ({ ...context, spanId: span.spanId }),
    ...(span.parentSpanId === undefined
      ? {}
      : { parentSpanContext: { ...context, spanId: span.parentSpanId } }),
    startTime: hrTime(span.start),
    endTime: hrTime(span.end),
    duration: hrTime(span.end - span.start),
    status:
      span.error === undefined
        ? { code: SpanStatusCode.UNSET }
        : { code: SpanStatusCode.ERROR, message: span.error },
    attributes: span.attributes as ReadableSpan['attributes'],
    links: span.links.map(({ kind, traceId, spanId, attributes }) => ({
      context: { traceId, spanId, traceFlags: TraceFlags.NONE },
      attributes: { [LINK_KIND]: kind, ...attributes } as Attributes,
    })),
    events: [],
    ended: true,
    resource: {
      attributes: span.resource as ReadableSpan['attributes'],
      merge: () => {
        throw new Error('resources of spans are final');
      },
      getRawAttributes: () => Object.entries(span.resource) as [string, string][],
    },
    instrumentationScope: { name: 'kspan' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/**
 * All spans, one a line with every field, sorted: equal texts mean equal output. The order of
 * attributes says nothing (OTLP, common.proto), so they are sorted too; that of links is kept.
 */
export function dump(spans: PlainSpan[]): string {
  return spans
    .map((span) =>
      JSON.stringify(
        {
          ...{ ...span, resource: sorted(span.resource), attributes: sorted(span.attributes) },
          links: span.links.map((link) => ({ ...link, attributes: sorted(link.attributes) })),
        },
        (_, value) => (typeof value === 'bigint' ? `${value}` : value),
      ),
    )
    .sort()
    .join('\n');
}

function nanos([seconds, rest]: HrTime): bigint {
  return BigInt(seconds) * 1_000_000_000n + BigInt(rest);
}

function hrTime(at: bigint): HrTime {
  return [Number(at / 1_000_000_000n), Number(at % 1_000_000_000n)];
}

function sorted(attributes: Record<string, unknown>): [string, unknown][] {
  return Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
}
