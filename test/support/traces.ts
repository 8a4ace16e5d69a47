// Spans as traces, for tests that look at many: who is whose parent, which trace links to which.
import type { PlainSpan } from './spans.ts';

const NANOS_PER_MS = 1_000_000n;

export interface SpanTrace {
  id: string;
  root: PlainSpan;
  /** By start. */
  spans: PlainSpan[];
}

/** All traces, by the start of their roots. Fails when one has no root, or more than one. */
export function tracesOf(spans: PlainSpan[]): SpanTrace[] {
  const byTrace = grouped(spans, (span) => span.traceId);
  const traces = [...byTrace].map(([id, all]) => {
    const roots = all.filter((span) => span.parentSpanId === undefined);
    if (roots.length !== 1) throw new Error(`trace ${id} has ${roots.length} roots`);
    return { id, root: roots[0]!, spans: all.toSorted((a, b) => (a.start < b.start ? -1 : 1)) };
  });
  return traces.toSorted((a, b) => (a.root.start < b.root.start ? -1 : 1));
}

/** Items by key, in their order. */
export function grouped<T, K>(items: T[], by: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(by(item));
    if (group) group.push(item);
    else groups.set(by(item), [item]);
  }
  return groups;
}

/** Each span with its parent; roots are left out. Fails when a parent is not there. */
export function withParents(spans: PlainSpan[]): [span: PlainSpan, parent: PlainSpan][] {
  const all = new Map(spans.map((span) => [keyOf(span), span]));
  return spans.flatMap((span): [PlainSpan, PlainSpan][] => {
    if (span.parentSpanId === undefined) return [];
    const parent = all.get(span.traceId + span.parentSpanId);
    if (!parent) throw new Error(`${span.name} has a parent that is not there`);
    return [[span, parent]];
  });
}

/** Tells a span from all others. */
export const keyOf = ({ traceId, spanId }: PlainSpan): string => traceId + spanId;

/** The trace that a span links to, if it does. */
export function linked({ links }: PlainSpan, kind: string): string | undefined {
  return links.find((link) => link.kind === kind)?.traceId;
}

/** Milliseconds since the Unix epoch. */
export const startMs = ({ start }: PlainSpan): number => Number(start / NANOS_PER_MS);
export const endMs = ({ end }: PlainSpan): number => Number(end / NANOS_PER_MS);
