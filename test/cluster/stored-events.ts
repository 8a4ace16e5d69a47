// The Events that a cluster holds, and what has become of each: the account that kspan owes. An Event
// that is folded into one before it is one more occurrence of that; the last of them counts.
import { dump, type PlainSpan } from '../support/spans.ts';
import { grouped } from '../support/traces.ts';
import type { Kubectl } from './kubectl.ts';

/** What a test reads of an Event. */
export interface KubeEvent {
  metadata: { uid: string; namespace: string };
  involvedObject: { namespace?: string; kind?: string; name?: string };
  reason: string;
  count?: number;
  series?: { count: number };
}

/** Occurrences, of Events in the cluster or of spans; all empty when each Event has one span. */
export interface Faults {
  /** Events without a span. */
  missing: string[];
  /** Those with more than one. */
  doubled: string[];
  /** Of these, those whose spans are not the same. */
  differing: string[];
  /** Events whose spans say that they came too late for the window. */
  late: string[];
}

/** All of them, in all namespaces. */
export async function storedEvents(kubectl: Kubectl): Promise<KubeEvent[]> {
  return JSON.parse(await kubectl.run(['get', 'events', '-A', '-o', 'json'])).items;
}

export function faultsOf(stored: KubeEvent[], spans: PlainSpan[]): Faults {
  const ofEvents = spans.filter(({ attributes }) => attributes['k8s.event.uid'] !== undefined);
  const told = grouped(ofEvents, spanOccurrence);
  const doubled = [...told].filter(([, all]) => all.length > 1);
  const isDiffering = (all: PlainSpan[]) => new Set(all.map((span) => dump([span]))).size > 1;
  return {
    missing: stored.filter((event) => !told.has(occurrenceOf(event))).map(titleOf),
    doubled: doubled.map(([occurrence]) => occurrence),
    differing: doubled.filter(([, all]) => isDiffering(all)).map(([occurrence]) => occurrence),
    late: stored.filter((event) => told.get(occurrenceOf(event))?.some(isLate)).map(titleOf),
  };
}

/** Tells an occurrence from all others, as a span of it does. */
export function occurrenceOf({ metadata, series, count }: KubeEvent): string {
  return `${metadata.uid} ${series?.count ?? count ?? 0}`;
}

const isLate = ({ attributes }: PlainSpan) => attributes['kspan.late'] === true;

function spanOccurrence({ attributes }: PlainSpan): string {
  return `${attributes['k8s.event.uid']} ${attributes['k8s.event.count'] ?? 0}`;
}

function titleOf(event: KubeEvent): string {
  const { namespace = '', kind, name } = event.involvedObject;
  return `${event.reason} of ${kind} ${namespace}/${name}: ${occurrenceOf(event)}`;
}
