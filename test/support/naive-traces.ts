// The traces of the naive oracle: opens them, hangs spans under one another, keeps the start-up chain,
// and says at the end when every span began and ended.
import {
  type Attributes,
  containerOf,
  objectAttributes,
  withoutAbsent,
} from './naive-attributes.ts';
import { keyOf, spanIdOf, traceIdOf } from './naive-ids.ts';
import type { Knowledge, Node } from './naive-knowledge.ts';
import type { Link, Placed, Span, Trace } from './naive-model.ts';
import { type Generation, isFresh } from './naive-objects.ts';
import { MINUTE, rfc3339, SECOND, SECOND_END } from './naive-time.ts';
import type { PlainSpan } from './spans.ts';

const IDLE = 2n * MINUTE;
const KEPT = 15n * MINUTE;
const SLACK = 2n * SECOND;

export class Traces {
  #spans: Span[] = [];
  #traces: Trace[] = [];
  #know: Knowledge;
  #cluster: Attributes;

  constructor(know: Knowledge, clusterName: string) {
    this.#know = know;
    this.#cluster = withoutAbsent({
      'k8s.cluster.name': clusterName,
      'k8s.cluster.uid': know.clusterUid,
    });
  }

  /**
   * Traces of an object's generation, or of its deletion, in the order they were opened; those of
   * another top object than that of `e` share nothing with it.
   */
  of(e: Placed, node: Node, generation: number | 'delete'): Trace[] {
    const id = this.#know.id(node);
    return this.#traces.filter(
      ({ top, object, change, heads }) =>
        top === e.root &&
        object === id &&
        (generation === 'delete' ? change === undefined : heads.has(generation)),
    );
  }

  /** The span of an occurrence, not yet hung anywhere. */
  newSpan(e: Placed, attributes: Attributes): Span {
    const key = keyOf(e.uid, ...(e.count > 0 ? [`${e.count}`] : []));
    const span = {
      ...{ traceId: '', spanId: spanIdOf(key), name: `${e.regarding.kind}.${e.reason}` },
      ...{ attributes, start: e.t, end: e.t, late: e.late, trace: undefined as unknown as Trace },
      isElastic: false,
      error: e.type === 'Normal' || e.type === '' ? undefined : e.message,
      resource: this.#resource(e.component || 'unknown', e.instance),
    };
    this.#spans.push(span);
    return span;
  }

  /** A trace whose root is the occurrence's own span. */
  openUnder(e: Placed, span: Span, path: Node[], change: Generation): void {
    const isNew = this.of(e, path[0]!, change.number).length === 0;
    const isDated = change.changed !== undefined;
    const isPlain = e.topLevel && isNew && isDated && isFresh(change, e.t);
    const key = keyOf(
      this.#know.id(path[0]!),
      change.number,
      ...(isPlain ? [] : [e.uid, `${e.count}`]),
    );
    const since = isPlain ? change.changed : undefined;
    const trace = this.#newTrace(e, path, change, traceIdOf(key), since);
    trace.heads.set(change.number, span);
    trace.root = span;
    span.isElastic = true;
    if (e.late) span.attributes['kspan.late'] = true;
    this.#join(span, trace);
  }

  /** A trace with a synthetic root: of a change, of a deletion, or an episode of either. */
  open(e: Placed, path: Node[], change: Generation | undefined, isEpisode: boolean): Span {
    const [node, id] = [path[0]!, this.#know.id(path[0]!)];
    const number = (change ?? node.known?.generations.at(-1))?.number ?? 0;
    const plainKey = change ? keyOf(id, number) : keyOf(id, 'delete');
    // A plain id is for a trace that is known to begin soon after its change.
    const isPlain = !isEpisode && (!change || change.changed !== undefined);
    const key = isPlain ? plainKey : keyOf(id, number, e.uid, `${e.count}`);
    const verb = isEpisode ? 'Activity' : change ? verbOf(node, change) : 'Delete';
    const since = isEpisode ? undefined : change?.changed;
    const trace = this.#newTrace(e, path, change, traceIdOf(key), since);
    trace.root = this.#synthetic(
      trace,
      path,
      verb,
      key,
      change?.manager ?? 'unknown',
      number,
      since,
    );
    if (change?.changed !== undefined)
      trace.root.attributes['kspan.change.time'] = rfc3339(change.changed);
    if (!node.known) trace.root.attributes['kspan.root.assumed'] = true;
    trace.root.end = e.t;
    if (change) trace.heads.set(number, trace.root);
    return trace.root;
  }

  /** An autoscaler's change within the live trace of the change before. */
  scale(e: Placed, trace: Trace, path: Node[], change: Generation): Span {
    const key = keyOf(this.#know.id(path[0]!), change.number, 'scale');
    const span = this.#synthetic(
      trace,
      path,
      'Scale',
      key,
      change.manager,
      change.number,
      change.changed,
    );
    span.parent = trace.root!;
    span.start = startBefore(e.t, change.changed);
    span.end = span.start;
    span.attributes['kspan.edge.evidence'] = 'root';
    trace.heads.set(change.number, span);
    return span;
  }

  /** The span that stands for the creation of an object which no Event named, if there is one. */
  creationIn(trace: Trace, path: Node[]): Span | undefined {
    return trace.creates.get(this.#know.id(path[0]!));
  }

  create(path: Node[], t: bigint, parent: Span, evidence: string): Span {
    const [node, id, { trace }] = [path[0]!, this.#know.id(path[0]!), parent];
    const number = this.#know.generationAt(node, t);
    const created = node.known?.created;
    const span = this.#synthetic(
      trace,
      path,
      'Create',
      keyOf(id, 'create'),
      'unknown',
      number,
      created,
    );
    span.parent = parent;
    span.attributes['kspan.edge.evidence'] = evidence;
    trace.creates.set(id, span);
    return span;
  }

  /** Hangs an occurrence's span under a parent, whose own start may depend on this child. */
  hang(e: Placed, span: Span, parent: Span, evidence: string): void {
    span.parent = parent;
    span.attributes['kspan.edge.evidence'] = evidence;
    if (e.late) span.attributes['kspan.late'] = true;
    const caused = ancestors(span).find((above) => !above.isElastic);
    const notBefore = (start: bigint): bigint => max(start, caused?.start ?? start);
    span.start = notBefore(span.start!);
    let child = span;
    for (const above of ancestors(span)) {
      const stretches = above.isElastic && !(child === span && e.late);
      if (above.start === undefined) {
        above.start = notBefore(startBefore(child.start!, above.change));
        above.end ??= above.start;
      } else if (stretches && child.start! < above.start) above.start = child.start!;
      else break;
      child = above;
    }
    this.#join(span, parent.trace);
    if (e.late) return;
    if (e.t < span.trace.first) span.trace.first = e.t;
    if (e.t > span.trace.last) span.trace.last = e.t;
  }

  /** Too old for `e`: directly under the root after 30 minutes, anywhere after 60. */
  isTooOld(parent: Span, e: Placed): 'anywhere' | 'under the root' | undefined {
    const { first, size, root } = parent.trace;
    if (e.t - first > 60n * MINUTE || size >= 20_000) return 'anywhere';
    const half = e.t - first > 30n * MINUTE || size >= 10_000;
    return half && parent === root ? 'under the root' : undefined;
  }

  /** Closes a trace and cuts what is open in it. */
  close(trace: Trace, t: bigint): void {
    trace.closed = t - 1n;
    for (const link of trace.links) if (link.ended === undefined && link.due > t) link.due = t;
  }

  /** Live until idle with no link open; to a late `e` also if it closed less than 15 minutes ago. */
  isLive(trace: Trace, e: Placed): boolean {
    const ends = trace.links.map((link) => link.ended ?? link.due);
    const close = trace.closed ?? ends.reduce((a, b) => (b > a ? b : a), trace.last + IDLE);
    if (!e.late) return this.#reached(e) <= close;
    const within = e.t <= trace.last + IDLE && e.t >= trace.first - SLACK;
    return e.watermark <= close || (within && e.watermark <= close + KEPT);
  }

  /** The open pull of a container. */
  isPulling(e: Placed, pod: string): boolean {
    return this.#openLinks(e, pod).some(
      (link) => link.reason === 'Pulling' && link.container === containerOf(e),
    );
  }

  /** Ends the links of the start-up chain that `e` ends, and opens its own. */
  followChain(e: Placed, span: Span, pod: string): void {
    if (!e.rule.chain || e.late) return;
    const container = containerOf(e);
    for (const link of this.#openLinks(e, pod))
      if (link.container === container || link.container === '') link.ended = span.start!;
    if (e.rule.chain === 'link')
      span.trace.links.push({
        pod,
        container,
        reason: e.reason,
        span,
        due: e.t + e.rule.timeout,
      });
  }

  /** All spans, ended: a link by the next or by its timeout, a parent by its last child. */
  finished(): PlainSpan[] {
    for (const { span, ended, due } of this.#traces.flatMap((trace) => trace.links)) {
      span.end = ended ?? due;
      if (ended === undefined) span.attributes['kspan.incomplete'] = true;
    }
    const own = (span: Span): bigint => max(span.start!, span.end ?? span.start!);
    const reach = (span: Span): bigint =>
      this.#spans
        .filter((child) => child.parent === span)
        .map(reach)
        .reduce(max, isSent(span) ? 0n : own(span));
    return this.#spans.map((span) => ({
      ...{ traceId: span.trace.id, spanId: span.spanId, parentSpanId: span.parent?.spanId },
      ...{
        name: span.name,
        start: span.start!,
        end: isSent(span) ? own(span) : reach(span),
        error: span.error,
      },
      ...{ resource: span.resource, attributes: span.attributes },
    }));
  }

  /** How far time has come for the timers of its root: a cause that follows is placed first. */
  #reached(e: Placed): bigint {
    const traces = this.#traces.filter(({ top }) => top === e.root);
    return traces.reduce((t, { last }) => max(t, last), e.t);
  }

  #openLinks(e: Placed, pod: string): Link[] {
    const links = this.#traces.filter(({ top }) => top === e.root).flatMap((trace) => trace.links);
    return links.filter(
      (link) => link.pod === pod && link.ended === undefined && link.due >= this.#reached(e),
    );
  }

  #newTrace(
    e: Placed,
    path: Node[],
    change: Generation | undefined,
    id: string,
    since: bigint | undefined,
  ): Trace {
    const trace: Trace = {
      ...{
        id,
        top: e.root,
        object: this.#know.id(path[0]!),
        path,
        change,
        since,
        links: [],
        size: 0,
      },
      ...{ first: e.t, last: e.t, heads: new Map(), creates: new Map() },
    };
    this.#traces.push(trace);
    return trace;
  }

  #synthetic(
    trace: Trace,
    path: Node[],
    verb: string,
    key: Uint8Array,
    service: string,
    generation: number,
    change: bigint | undefined,
  ): Span {
    const span: Span = {
      ...{
        traceId: trace.id,
        spanId: spanIdOf(key),
        name: `${path[0]!.kind}.${verb}`,
        trace,
        change,
      },
      ...{ attributes: objectAttributes(path, generation), error: undefined, late: false },
      isElastic: true,
      resource: this.#resource(service, ''),
    };
    this.#join(span, trace);
    this.#spans.push(span);
    return span;
  }

  #resource(service: string, instance: string): Attributes {
    return withoutAbsent({
      'service.name': service,
      'service.instance.id': instance,
      ...this.#cluster,
    });
  }

  #join(span: Span, trace: Trace): void {
    span.trace = trace;
    trace.size++;
  }
}

/** The parent of a span, its parent, and so on. */
function ancestors(span: Span): Span[] {
  return span.parent ? [span.parent, ...ancestors(span.parent)] : [];
}

/** A late span is exported at once, unless it is a root: nothing changes it any more. */
export const isSent = (span: Span): boolean => span.late && span.parent !== undefined;

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** The end of the change's second if the first child follows within a minute, else the child's. */
function startBefore(child: bigint, change: bigint | undefined): bigint {
  if (change === undefined) return child;
  const end = change + SECOND_END;
  return child > end && child - end <= MINUTE ? end : child;
}

function verbOf(node: Node, change: Generation): string {
  if (!node.known) return 'unknown';
  const isNew = change.number <= 1 && change.changed === node.known.created;
  return isNew ? 'Create' : change.operation;
}
