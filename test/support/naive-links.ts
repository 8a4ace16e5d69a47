// The links of the naive oracle's spans: across roots, and to what a parent cannot be. What an Event's
// row links to is looked up as of the Event's release, whatever its root knows.
import { withoutAbsent } from './naive-attributes.ts';
import { keyOf, spanIdOf, traceIdOf } from './naive-ids.ts';
import type { Knowledge, Node } from './naive-knowledge.ts';
import type { ObjectRef, Occurrence, Placed, Span, Trace } from './naive-model.ts';
import { type Generation, isAutoscaled } from './naive-objects.ts';
import { byRelease } from './naive-order.ts';
import { objectNamed, objectsListed } from './naive-rules.ts';
import { MINUTE } from './naive-time.ts';
import type { PlainLink } from './spans.ts';

const IDLE = 2n * MINUTE;
const ORDER = [
  ...['previous', 'generation', 'owner', 'parent', 'target', 'related', 'names', 'node'],
  ...['applied-by', 'traceparent'],
];

/** In the order in which they stand on a span. */
export function inOrder(links: PlainLink[]): PlainLink[] {
  return links.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}

/** To a span that was made; undefined when there is none. */
export function linkTo(kind: string, span: Span | undefined): PlainLink[] {
  if (!span) return [];
  return [{ kind, traceId: span.trace.id, spanId: span.spanId, attributes: {} }];
}

/** To the root of a trace, which may never be made. */
export function linkToRoot(kind: string, key: Uint8Array): PlainLink {
  return { kind, traceId: traceIdOf(key), spanId: spanIdOf(key), attributes: {} };
}

/** The traces of an object's generation, or of its deletion, in the order they were opened. */
export type TracesOf = (node: Node, generation: number | 'delete') => Trace[];

/** An episode follows what was before; a deletion, what was deleted; a change is part of others. */
export function linksOfRoot(
  know: Knowledge,
  e: Placed,
  path: Node[],
  change: Generation | undefined,
  isEpisode: boolean,
  tracesOf: TracesOf,
): PlainLink[] {
  if (isEpisode) return linksToBefore(path[0]!, change?.number ?? 'delete', tracesOf);
  if (change) return linksOfChange(know, e, path, change);
  const newest = ({ known }: Node): number => known?.generations.at(-1)?.number ?? 0;
  const made = path.flatMap(
    (node) => tracesOf(node, newest(node))[0]?.heads.get(newest(node)) ?? [],
  );
  return made[0]
    ? linkTo('generation', made[0])
    : [linkToRoot('generation', keyOf(know.id(path[0]!), newest(path[0]!)))];
}

/** To what stands for the same change in the trace that was opened last. */
export function linksToBefore(
  node: Node,
  generation: number | 'delete',
  tracesOf: TracesOf,
): PlainLink[] {
  const before = tracesOf(node, generation).at(-1);
  return linkTo('previous', generation === 'delete' ? before?.root : before?.heads.get(generation));
}

/** Of the root of a change: to that of the top object, and to what applied it. */
export function linksOfChange(know: Knowledge, e: Placed, path: Node[], change: Generation) {
  const [object, top] = [path[0]!, path.at(-1)!];
  const owner = object === top ? [] : [linkToRoot('owner', know.changeKey(top, e.t))];
  const mark = path.find(({ known }) => known?.mark)?.known?.mark;
  if (!mark) return owner;
  const by = know.resolve({ apiVersion: '', uid: '', ...mark }, e.placedAt!);
  if (know.id(by) === know.id(object)) return owner;
  const attributes = withoutAbsent({
    'k8s.object.kind': mark.kind,
    'k8s.namespace.name': mark.namespace,
    'k8s.object.name': mark.name,
  });
  const key = know.changeKey(by, change.changed ?? e.t);
  return [...owner, { ...linkToRoot('applied-by', key), attributes }];
}

/** Of any root: to the trace that an annotation of its object, or of an owner, continues. */
export function linksToCaller(path: Node[]): PlainLink[] {
  const context = path.find(({ known }) => known?.traceparent)?.known?.traceparent;
  return context ? [{ kind: 'traceparent', ...context, attributes: {} }] : [];
}

/** Below the root's object, the first occurrence about an object that continues a trace. */
export function linksOfCarrier(know: Knowledge, trace: Trace, path: Node[]): PlainLink[] {
  const id = know.id(path[0]!);
  const isBelow = path.findIndex((node) => know.id(node) === trace.object) > 0;
  if (!isBelow || trace.carriers.has(id)) return [];
  const links = linksToCaller(path.slice(0, 1));
  if (links.length > 0) trace.carriers.add(id);
  return links;
}

/** What the rows of occurrences link to. */
export class RowLinks {
  #know: Knowledge;
  #all: Placed[];
  #received = new Set<Placed>();

  constructor(know: Knowledge, all: Placed[]) {
    this.#know = know;
    this.#all = all;
  }

  of(e: Placed): PlainLink[] {
    return [...this.#ownLinks(e), ...this.#otherSides(e), ...this.#ofNode(e)];
  }

  #ownLinks(e: Placed): PlainLink[] {
    const { regarding, related, rule, captures, message } = e;
    const links = rule.links.flatMap((link) => {
      if (link === 'node') return [];
      if (link === 'related') return related ? this.#to('related', e, related) : [];
      if (link !== 'target')
        return objectNamed(link, captures, regarding).flatMap((ref) => this.#to('names', e, ref));
      const target = this.#know.resolve(regarding, e.releasedAt).known?.scaleTarget;
      return target ? this.#to('target', e, target) : [];
    });
    const listed = objectsListed(rule, message, regarding);
    return [...links, ...listed.flatMap((ref) => this.#to('names', e, ref))];
  }

  /** To the change of the object's root at the time of the occurrence, or the one that it joined. */
  #to(kind: string, e: Placed, ref: ObjectRef): PlainLink[] {
    const path = this.#know.path(ref, e.releasedAt);
    // An uid in a message that nobody knows is no object.
    if (!path[0]!.kind) return [];
    const top = path.at(-1)!;
    const all = top.known?.generations ?? [];
    let i = indexFromAfar(all, e.at);
    while (all[i - 1] && isAutoscaled(all[i]!) && this.#isBusy(top, all[i]!, e)) i--;
    return [linkToRoot(kind, keyOf(this.#know.id(top), all[i]?.number ?? 0))];
  }

  /** Had Events of that root not ceased when the change was made? */
  #isBusy(top: Node, change: Generation, e: Placed): boolean {
    const made = this.#timeOf(top, change, e);
    const ofRoot = this.#all.filter((c) => c.root === this.#know.id(top));
    const come = ofRoot.filter((c) => this.#know.hasCome(c, e.releasedAt));
    return come.some(({ at }) => at < made && made - at <= IDLE);
  }

  /** A change without a time is as old as the last Event that told of it. */
  #timeOf(top: Node, { number, changed }: Generation, e: Placed): bigint {
    if (changed !== undefined) return changed;
    const told = this.#all.filter((c) => c.rule.links.includes('target') && byRelease(c, e) <= 0);
    const teller = told.sort(byRelease).findLast((c) => {
      const target = this.#know.resolve(c.regarding, c.releasedAt).known?.scaleTarget;
      const node = target && this.#know.path(target, c.releasedAt).at(-1)!;
      const all = node?.known?.generations ?? [];
      const isSame = node && this.#know.id(node) === this.#know.id(top);
      return isSame && all[indexFromAfar(all, c.at)]?.number === number;
    });
    return (teller ?? e).at;
  }

  /** The next occurrence about a related object links back to what the row was about. */
  #otherSides(e: Placed): PlainLink[] {
    if (!e.rule.receives || e.late) return [];
    const waiting = this.#all.filter((by) => {
      if (!by.related || !by.rule.links.includes('related') || this.#received.has(by)) return false;
      const about = this.#know.path(by.related, by.releasedAt)[0]!;
      return by.at <= e.t && this.#isKnown(by, e) && this.#know.id(about) === this.#idOf(e);
    });
    for (const by of waiting) this.#received.add(by);
    return waiting.flatMap((by) => this.#to('related', by, by.regarding));
  }

  /** The latest trouble of the pod's node, if it is not older than 10 minutes and not over. */
  #ofNode(e: Placed): PlainLink[] {
    if (!e.rule.links.includes('node') || e.regarding.kind !== 'Pod') return [];
    const node = this.#nodeOf(e);
    const told = this.#all.filter(
      (by) => by.rule.trouble && by.regarding.name === node && by.at <= e.t && this.#isKnown(by, e),
    );
    const open = new Map<string, { first: Placed; last: Placed }>();
    for (const by of told.sort(byRelease)) {
      const { begins, ends, timeout } = by.rule;
      for (const phase of ends) open.delete(phase);
      if (!begins) continue;
      const before = open.get(begins);
      const goesOn = before && by.at <= before.last.at + timeout;
      open.set(begins, { first: goesOn ? before.first : by, last: by });
    }
    const recent = [...open.values()].filter(({ last }) => e.t - last.at <= 10n * MINUTE);
    const latest = recent.reduce((a, b) => (b.last.at >= a.last.at ? b : a), recent[0]!);
    if (!latest) return [];
    const { uid, count } = latest.first;
    const traceId = traceIdOf(keyOf(this.#idOf(latest.first), 0, uid, `${count}`));
    return [{ kind: 'node', traceId, spanId: occurrenceId(latest.first), attributes: {} }];
  }

  /** Where a pod runs: as the last that told it says. */
  #nodeOf(e: Placed): string | undefined {
    const about = this.#all.filter((c) => c.root === e.root && this.#idOf(c) === this.#idOf(e));
    const told = about.filter((c) => c.span && c !== e).sort(byRelease);
    const nodes = [...told, e].map(
      (c) => c.captures.node ?? (c.component === 'kubelet' && c.host ? c.host : undefined),
    );
    return nodes.findLast((node) => node !== undefined);
  }

  #isKnown(by: Placed, e: Placed): boolean {
    return !by.late || by.releasedAt <= e.placedAt!;
  }

  #idOf(e: Placed): string {
    return this.#know.id(e.path[0]!);
  }
}

/** Who looks on from afar takes changes without a time to have followed the one before at once. */
function indexFromAfar(all: Generation[], t: bigint): number {
  let i = Math.max(
    0,
    all.findLastIndex(({ changed }) => changed !== undefined && changed <= t),
  );
  while (all[i + 1] && all[i + 1]!.changed === undefined) i++;
  return i;
}

/** The id of an occurrence's own span. */
export function occurrenceId({ uid, count }: Occurrence): string {
  return spanIdOf(keyOf(uid, ...(count > 0 ? [`${count}`] : [])));
}
