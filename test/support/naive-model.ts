// What the naive oracle knows and makes: metadata versions, occurrences, spans, phases, traces. Times
// are nanoseconds since the Unix epoch.
import type { Attributes } from './naive-attributes.ts';
import type { Node } from './naive-knowledge.ts';
import type { Generation } from './naive-objects.ts';
import type { Captures, Rule } from './naive-rules.ts';
import type { PlainSpan } from './spans.ts';

export interface ObjectRef {
  apiVersion: string;
  kind: string;
  namespace: string;
  name: string;
  uid: string;
  resourceVersion?: string;
  fieldPath?: string;
}

/** One metadata frame; `seen` is the stream clock when it arrived (0 when it carries no time). */
export interface Version {
  seen: bigint;
  isDelete: boolean;
  ref: ObjectRef;
  // biome-ignore lint/suspicious/noExplicitAny: read from any JSON
  metadata: any;
  /** What a HorizontalPodAutoscaler scales. */
  scaleTarget: { apiVersion?: string; kind: string; name: string } | undefined;
}

/** One (Event uid, count); `at` is its time, or the start of its second when it is not `precise`. */
export interface Occurrence {
  uid: string;
  name: string;
  count: number;
  version: bigint;
  regarding: ObjectRef;
  related: ObjectRef | undefined;
  reason: string;
  action: string;
  message: string;
  type: string;
  component: string;
  instance: string;
  host: string;
  topLevel: boolean;
  first: boolean;
  inSeries: boolean;
  at: bigint;
  precise: boolean;
  created: bigint | undefined;
  rule: Rule;
  captures: Captures;
  seen: bigint;
  watermark: bigint;
  late: boolean;
}

/**
 * An occurrence with its final time, the moment when it was released, the path from its object to the
 * top as it was known then, the id of the top and, once it is placed, its span.
 */
export type Placed = Occurrence & {
  t: bigint;
  releasedAt: bigint;
  path: Node[];
  root: string;
  isBeingPlaced: boolean;
  span?: Span;
  placedAt?: bigint;
};

/** A span in the making; an elastic one (a root, a synthetic one) begins no later than its children. */
export interface Span extends Omit<PlainSpan, 'parentSpanId' | 'start' | 'end' | 'attributes'> {
  trace: Trace;
  attributes: Attributes;
  parent?: Span;
  start?: bigint;
  end?: bigint;
  change?: bigint | undefined;
  isElastic: boolean;
  late: boolean;
}

/** `object` is an id or what stands for one; `gone` is when the object is deleted. */
export interface Phase {
  name: string;
  object: string;
  part: string;
  reason: string;
  span: Span;
  due: bigint;
  ended: bigint | undefined;
  /** Time has passed its end. */
  isOver: boolean;
  gone: bigint | undefined;
}

/**
 * `heads`: for each generation in this trace the span under which its occurrences hang; `carriers`:
 * the objects whose traceparent it links to.
 */
export interface Trace {
  id: string;
  top: string;
  object: string;
  path: Node[];
  change: Generation | undefined;
  since: bigint | undefined;
  root?: Span;
  heads: Map<number, Span>;
  creates: Map<string, Span>;
  phases: Phase[];
  carriers: Set<string>;
  size: number;
  first: bigint;
  last: bigint;
  closed?: bigint;
  /** When the late occurrence that opened it came. */
  openedLate: bigint | undefined;
}
