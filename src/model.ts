// What the stages share about spans: the names of kspan's attributes that are read again here, the
// causal rank that orders spans of equal start, and times as integers. Spans themselves are
// OpenTelemetry's ReadableSpan.
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';

/** Read by the tree and by the account of what was delivered. */
export const ATTRIBUTE = {
  eventUid: 'k8s.event.uid',
  linkKind: 'kspan.link.kind',
  message: 'k8s.event.message',
  reason: 'k8s.event.reason',
  serviceName: 'service.name',
} as const;

// Of Events in the same instant the cause comes first: what a controller does to an owner (0), then
// the scheduler, then the life of a container in its order.
const RANKS: Readonly<Record<string, number>> = {
  Scheduled: 1,
  Pulling: 2,
  Pulled: 3,
  Created: 4,
  Started: 5,
  Killing: 6,
};

/** Causal rank of an Event's reason, 0 to 6; lower is earlier. Synthetic spans have rank 0. */
export function causalRank(reason: unknown): number {
  return typeof reason === 'string' && Object.hasOwn(RANKS, reason) ? (RANKS[reason] ?? 0) : 0;
}

/** Start of the span in nanoseconds since the Unix epoch. */
export function startNanos(span: ReadableSpan): bigint {
  return nanos(span.startTime);
}

/** End of the span in nanoseconds since the Unix epoch. */
export function endNanos(span: ReadableSpan): bigint {
  return nanos(span.endTime);
}

/** True for the span of an Event's occurrence, false for a synthetic one. */
export function isOccurrence(span: ReadableSpan): boolean {
  return span.attributes[ATTRIBUTE.eventUid] !== undefined;
}

function nanos([seconds, rest]: [number, number]): bigint {
  return BigInt(seconds) * 1_000_000_000n + BigInt(rest);
}
