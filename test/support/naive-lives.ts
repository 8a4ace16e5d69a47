// How long the naive oracle's phases and traces last. A phase is open until an occurrence ends it, its
// object is deleted, or its time is up; a trace lives until it was idle for long enough with no phase
// open, or until it is too old or too large.
import { containerOf } from './naive-attributes.ts';
import type { Knowledge, Node } from './naive-knowledge.ts';
import type { Phase, Placed, Span, Trace } from './naive-model.ts';
import { max, min } from './naive-order.ts';
import { MINUTE, SECOND } from './naive-time.ts';

const IDLE = 2n * MINUTE;
const KEPT = 15n * MINUTE;
const SLACK = 2n * SECOND;

export class Lives {
  #traces: readonly Trace[];
  #enders: { root: string; object: string; version: bigint; ends: string[] }[] = [];
  #know: Knowledge;

  /** `traces`: all that there are, now and later. */
  constructor(traces: readonly Trace[], know: Knowledge) {
    this.#traces = traces;
    this.#know = know;
  }

  /** What was to end before `e` has ended when `e` is placed. */
  passTo(e: Placed): void {
    if (e.late) return;
    for (const { phases } of this.#traces.filter(({ top }) => top === e.root))
      for (const phase of phases) if (endOf(phase) < e.t) phase.isOver = true;
  }

  /** Live until idle with no phase open; a late `e` also finds what closed, or came, 15 minutes ago. */
  isLive(trace: Trace, e: Placed): boolean {
    const close = closeOf(trace);
    if (!e.late) return this.#reached(e) <= close;
    const within = e.t <= close && e.t >= trace.first - SLACK;
    return e.watermark <= close || (within && !this.isForgotten(trace, e));
  }

  /** Nothing of it is known any more. */
  isForgotten(trace: Trace, e: Placed): boolean {
    const close = closeOf(trace);
    const until = max(close, trace.openedLate ?? close) + KEPT;
    return (e.late ? e.watermark : e.t) > until;
  }

  /** Too old for `e`: directly under the root after 30 minutes, anywhere after 60. */
  isTooOld(parent: Span, e: Placed): 'anywhere' | 'under the root' | undefined {
    const { first, size, root } = parent.trace;
    if (e.t - first > 60n * MINUTE || size >= 20_000) return 'anywhere';
    const half = e.t - first > 30n * MINUTE || size >= 10_000;
    return half && parent === root ? 'under the root' : undefined;
  }

  /** Closes a trace and cuts what is still open in it. */
  close(trace: Trace, t: bigint): void {
    trace.closed = t - 1n;
    for (const phase of trace.phases) if (endOf(phase) > t) phase.due = t;
  }

  /** The open pull of a container. */
  isPulling(e: Placed, pod: Node): boolean {
    const pulls = this.#open(e, pod).filter((phase) => phase.reason === 'Pulling');
    return pulls.some((phase) => phase.part === partOf(e));
  }

  /** Ends the phases of the object, and of its container, that `e` ends. */
  endPhases(e: Placed, object: Node, t: bigint): void {
    if (e.late) return;
    const { root, version, rule } = e;
    // A link of a chain ends nothing for good.
    const ends = rule.ends.filter((name) => name !== rule.begins);
    if (ends.length > 0) this.#enders.push({ root, object: this.#know.id(object), version, ends });
    for (const phase of this.#open(e, object))
      if ([partOf(e), ''].includes(phase.part) && rule.ends.includes(phase.name)) phase.ended = t;
  }

  /** Is it more of what an earlier one began? */
  goesOn(e: Placed, path: Node[], h: bigint): boolean {
    return !e.late && this.#objectsOf(e, path, h).some((node) => this.#same(e, node).length > 0);
  }

  /** Opens a phase for each of its objects; one that is open already only goes on for longer. */
  beginPhases(e: Placed, span: Span, path: Node[], h: bigint): void {
    const { begins: name, of, ends, timeout } = e.rule;
    if (name === undefined || e.late) return;
    const due = e.t + timeout;
    for (const node of this.#objectsOf(e, path, h)) {
      if (name === 'termination' && !node.known) continue;
      if (this.#isOver(e, name, node)) continue;
      const isNamed = of === 'named' && !node.known;
      const object = this.#know.id(isNamed ? { ...node, uid: '' } : node);
      const same = this.#same(e, node);
      if (ends.includes(name)) for (const phase of same) phase.ended = span.start!;
      else if (same.length > 0) {
        for (const phase of same) phase.due = max(phase.due, due);
        continue;
      }
      const gone = this.#know.deletionOf(object, e.root, span.start!, h);
      // Deleted, nobody knows when: it says nothing of what other Events end.
      const isTimed = gone !== 0n || name === 'termination';
      if (isTimed && gone !== undefined && gone <= span.start!) continue;
      const holder = e.rule.on === 'root' ? span.trace.root! : span;
      const phase = { name, object, part: partOf(e), reason: e.reason, span: holder, due };
      const ended = undefined;
      span.trace.phases.push({ ...phase, gone: isTimed ? gone : undefined, ended, isOver: false });
    }
  }

  /** Whose phase it is: of its own object, or of those that it names. */
  #objectsOf(e: Placed, path: Node[], h: bigint): Node[] {
    if (e.rule.of !== 'named') return path.slice(0, 1);
    const named = this.#know.namedBy(e, e.t, h).filter(({ evidence }) => evidence === 'rule');
    const isSelf = (node: Node): boolean => this.#know.id(node) === this.#know.id(path[0]!);
    return named.map((node) => (isSelf(node) ? path[0]! : node));
  }

  #same(e: Placed, object: Node): Phase[] {
    const isSame = ({ name, part }: Phase): boolean => name === e.rule.begins && part === partOf(e);
    return this.#open(e, object).filter(isSame);
  }

  /** The end of what `e` begins was told already: an Event that was written later says so. */
  #isOver(e: Placed, phase: string, object: Node): boolean {
    const id = this.#know.id(object);
    const enders = this.#enders.filter((c) => c.root === e.root && c.object === id);
    const last = enders.reduce((a, b) => (b.version > a.version ? b : a), enders[0]!);
    return last !== undefined && last.version > e.version && last.ends.includes(phase);
  }

  #keys(object: Node): string[] {
    return [this.#know.id(object), this.#know.id({ ...object, uid: '' })];
  }

  /** The phases of an object, kept under its uid or its name, that are open when `e` happens. */
  #open(e: Placed, object: Node): Phase[] {
    const keys = this.#keys(object);
    return this.#traces
      .filter(({ top, closed }) => top === e.root && closed === undefined)
      .flatMap((trace) => trace.phases)
      .filter(({ ended, isOver, object }) => !ended && !isOver && keys.includes(object));
  }

  /** How far time has come for the timers of its root: a cause that follows is placed first. */
  #reached(e: Placed): bigint {
    const traces = this.#traces.filter(({ top }) => top === e.root);
    return traces.reduce((t, { last }) => max(t, last), e.t);
  }
}

/** What of its object a phase is about: a container, or what the row says tells them apart. */
function partOf(e: Placed): string {
  if (e.rule.key) return e.captures[e.rule.key] ?? '';
  return e.rule.of === 'named' ? '' : containerOf(e);
}

function closeOf({ closed, phases, last }: Trace): bigint {
  return closed ?? phases.map(endOf).reduce(max, last + IDLE);
}

/** When a phase ends, as far as is known. */
export function endOf({ span, ended, due, gone }: Phase): bigint {
  return max(span.start!, ended ?? min(due, gone ?? due));
}

/** Did time run out? */
export function isCut({ ended, due, gone }: Phase): boolean {
  return ended === undefined && (gone === undefined || due < gone);
}
