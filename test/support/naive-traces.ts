// The traces of the naive oracle: opens them, hangs spans under one another, and says at the end when
// every span began and ended.
import { type Attributes, objectAttributes, withoutAbsent } from './naive-attributes.ts';
import { finished } from './naive-finish.ts';
import { keyOf, spanIdOf, traceIdOf } from './naive-ids.ts';
import type { Knowledge, Node } from './naive-knowledge.ts';
import {
  linksOfChange,
  linksOfRoot,
  linksToBefore,
  linksToCaller,
  occurrenceId,
  type TracesOf,
} from './naive-links.ts';
import { Lives } from './naive-lives.ts';
import type { Placed, Span, Trace } from './naive-model.ts';
import { type Generation, isDated, isFresh } from './naive-objects.ts';
import { max } from './naive-order.ts';
import { MINUTE, rfc3339, SECOND_END } from './naive-time.ts';
import type { PlainSpan } from './spans.ts';

export class Traces {
  readonly lives: Lives;
  #spans: Span[] = [];
  #traces: Trace[] = [];
  #know: Knowledge;
  #cluster: Attributes;

  constructor(know: Knowledge, clusterName: string) {
    this.#know = know;
    this.lives = new Lives(this.#traces, know);
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
    const span = {
      ...{ traceId: '', spanId: occurrenceId(e), name: `${e.regarding.kind}.${e.reason}` },
      ...{
        attributes,
        links: [],
        start: e.t,
        end: e.t,
        late: e.late,
        trace: undefined as unknown as Trace,
      },
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
    const isPlain = e.topLevel && isNew && isDated(change) && isFresh(change, e.t);
    const key = keyOf(
      this.#know.id(path[0]!),
      change.number,
      ...(isPlain ? [] : [e.uid, `${e.count}`]),
    );
    const since = isPlain ? change.changed : undefined;
    const links = isPlain
      ? linksOfChange(this.#know, e, path, change)
      : linksToBefore(path[0]!, change.number, this.#tracesOf(e));
    span.links.push(...links, ...linksToCaller(path));
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
    const isPlain = !isEpisode && (!change || isDated(change));
    const key = isPlain ? plainKey : keyOf(id, number, e.uid, `${e.count}`);
    const verb = isEpisode ? 'Activity' : change ? verbOf(node, change) : 'Delete';
    const since = isEpisode ? undefined : change?.changed;
    const links = linksOfRoot(this.#know, e, path, change, isEpisode, this.#tracesOf(e));
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
    trace.root.links.push(...links, ...linksToCaller(path));
    trace.root.end = e.t;
    if (change) trace.heads.set(number, trace.root);
    return trace.root;
  }

  /** An autoscaler's change within the live trace of the change before. */
  scale(trace: Trace, path: Node[], change: Generation): Span {
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
    span.attributes['kspan.edge.evidence'] = 'root';
    trace.heads.set(change.number, span);
    return span;
  }

  /** The span that stands for the creation of an object which no Event named, if there is one. */
  creationOf(e: Placed, path: Node[], node: Node, generation: number): Span | undefined {
    const id = this.#know.id(path[0]!);
    const traces = this.of(e, node, generation).filter((trace) => trace.creates.has(id));
    return traces.findLast((trace) => this.lives.isLive(trace, e))?.creates.get(id);
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

  /** All spans, ended. */
  finished(): PlainSpan[] {
    return finished(this.#spans);
  }

  #tracesOf(e: Placed): TracesOf {
    return (node, generation) => this.of(e, node, generation);
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
        phases: [],
        carriers: new Set(),
        size: 0,
        openedLate: e.late ? e.watermark : undefined,
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
      ...{
        attributes: objectAttributes(path, generation),
        links: [],
        error: undefined,
        late: false,
      },
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
