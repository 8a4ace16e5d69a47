// The end of the naive oracle: its spans as what is compared.
import { inOrder } from './naive-links.ts';
import { endOf, isCut } from './naive-lives.ts';
import type { Span } from './naive-model.ts';
import { max } from './naive-order.ts';
import type { PlainSpan } from './spans.ts';

/** All spans, ended: by the last of their phases, parents by their last child. */
export function finished(spans: Span[]): PlainSpan[] {
  for (const span of spans) {
    const phases = span.trace.phases.filter((phase) => phase.span === span);
    span.end = phases.map(endOf).reduce(max, span.end ?? span.start!);
    if (phases.some(isCut)) span.attributes['kspan.incomplete'] = true;
  }
  return spans.map((span) => ({
    ...{ traceId: span.trace.id, spanId: span.spanId, parentSpanId: span.parent?.spanId },
    ...{
      name: span.name,
      start: span.start!,
      end: isSent(span) ? ownEnd(span) : reach(span, spans),
      error: span.error,
    },
    ...{ resource: span.resource, attributes: span.attributes, links: inOrder(span.links) },
  }));
}

/** How far a span and all below it reach; a late one makes nothing above it longer. */
function reach(span: Span, spans: Span[]): bigint {
  const children = spans.filter((child) => child.parent === span);
  return children.map((child) => reach(child, spans)).reduce(max, isSent(span) ? 0n : ownEnd(span));
}

const ownEnd = (span: Span): bigint => max(span.start!, span.end ?? span.start!);

/** A late span is exported at once, unless it is a root: nothing changes it any more. */
export const isSent = (span: Span): boolean => span.late && span.parent !== undefined;
