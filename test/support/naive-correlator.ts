// The naive oracle: the bytes of a recording in, its spans out, by the rules of the model and nothing
// else. The whole recording is in memory; occurrences are sorted and decided one by one, each by
// looking through all the others. It shares nothing with the crate but the rule files, and is meant
// for recordings that a person could read.
import { occurrenceAttributes } from './naive-attributes.ts';
import { readRecording } from './naive-input.ts';
import { type Evidence, Knowledge, type Node } from './naive-knowledge.ts';
import type { Placed, Span, Trace } from './naive-model.ts';
import { type Generation, isDeleted, isFresh } from './naive-objects.ts';
import { slackFor } from './naive-rules.ts';
import { duration, floor, rfc3339, SECOND_END } from './naive-time.ts';
import { isSent, Traces } from './naive-traces.ts';
import type { PlainSpan } from './spans.ts';

const RANKS = ['Scheduled', 'Pulling', 'Pulled', 'Created', 'Started', 'Killing'];

type Cause = { by: Placed; evidence: Evidence };
type Parent = { span: Span; evidence: string };

/** `clusterName` becomes k8s.cluster.name. */
export interface NaiveOptions {
  reorderWindowMs?: number;
  clusterName?: string;
}

/** All spans of a recording, in no particular order. */
export function correlateNaively(input: Uint8Array, options: NaiveOptions = {}): PlainSpan[] {
  return new NaiveCorrelator(input, options).run();
}

class NaiveCorrelator {
  #know: Knowledge;
  #traces: Traces;
  #all: Placed[];
  #placing = new Set<Placed>();
  #horizons = new Map<string, bigint>();

  constructor(input: Uint8Array, { reorderWindowMs = 5000, clusterName = '' }: NaiveOptions) {
    const window = BigInt(reorderWindowMs) * 1_000_000n;
    const { versions, occurrences } = readRecording(input, window);
    this.#know = new Knowledge(versions, occurrences, window);
    this.#traces = new Traces(this.#know, clusterName);
    this.#all = occurrences.map((e) => {
      const path = this.#know.path(e.regarding, e.late ? e.watermark : e.at);
      return { ...e, t: e.at, path, root: this.#know.id(path.at(-1)!) };
    });
  }

  run(): PlainSpan[] {
    const times = this.#all.map((e) => this.#settledTime(e));
    this.#all.forEach((e, i) => {
      e.t = times[i]!;
    });
    for (const e of this.#all.toSorted(byRelease)) this.#place(e);
    return this.#traces.finished();
  }

  /** A time known only to the second is as late as fits into its second. */
  #settledTime(x: Placed): bigint {
    if (x.precise) return x.at;
    const end = x.at + SECOND_END;
    if (x.late) return end;
    const near = this.#all.filter((e) => e.precise && !e.late && e.root === x.root);
    const inSecond = near.filter((e) => e.at >= x.at && e.at <= end);
    const isNamed = (e: Placed): boolean =>
      this.#know.names(x, x.at, end, e.path[0]!) !== undefined;
    const after = inSecond.filter((e) => e.version > x.version || isNamed(e));
    const before = inSecond.filter((e) => e.version < x.version);
    const earliest = after.reduce((t, e) => min(t, e.at), end);
    return before.reduce((t, e) => max(t, e.at), earliest);
  }

  #place(e: Placed): Span {
    if (e.span) return e.span;
    this.#placing.add(e);
    let h = max(this.#horizons.get(e.root) ?? 0n, this.#turn(e));
    let path = this.#know.asOf(e, h);
    let direction = e.rule.names.includes('regarding') ? 'up' : e.rule.direction;
    let cause: Cause | undefined;
    const isRoot = e.topLevel || e.rule.opens === 'trace';
    const lookFor = (way: 'up' | 'down'): void => {
      direction = way;
      this.#placeLate(e, h);
      cause = this.#cause(e, path, way, h);
      const until = max(this.#waitedUntil(e, path, way, cause), this.#horizons.get(e.root) ?? 0n);
      if (until <= h) return;
      h = until;
      path = this.#know.asOf(e, h);
      this.#placeLate(e, h);
      cause = this.#cause(e, path, way, h);
    };
    if (!isRoot) lookFor(direction);
    const isKilling = e.reason === 'Killing';
    const ends = e.rule.termination === true && (!isKilling || isDeleted(path[0]!.known, e.t));
    if (!isRoot && !cause && e.rule.termination && !ends) lookFor('up');
    this.#horizons.set(e.root, max(h, this.#horizons.get(e.root) ?? 0n));
    e.placedAt = h;

    const span = this.#newSpan(e, path);
    if (isRoot) this.#openOwn(e, span, path);
    else if (cause) this.#hangUnderCause(e, span, cause);
    else this.#hangUnderOwner(e, span, path, direction, ends, h);
    this.#traces.followChain(e, span, this.#know.id(path[0]!));
    e.span = span;
    this.#placing.delete(e);
    return span;
  }

  /** When it is placed at the earliest: those known to the second hold up what is in their second. */
  #turn(e: Placed): bigint {
    if (e.late) return e.watermark;
    const inSecond = this.#all.filter((x) => !x.precise && !x.late && x.root === e.root);
    const holds = (x: Placed): boolean => x === e || (x.at <= e.t && x.watermark <= e.t && !x.span);
    return inSecond.filter(holds).reduce((t, x) => max(t, x.at + SECOND_END), e.t);
  }

  /** Late ones are placed when they arrive, even while `e` waits until `h`. */
  #placeLate(e: Placed, h: bigint): void {
    if (e.late) return;
    for (const c of this.#all) if (c.late && c.root === e.root && c.watermark <= h) this.#place(c);
  }

  #newSpan(e: Placed, path: Node[]): Span {
    const generation = this.#know.generationAt(path[0]!, e.t, e);
    const span = this.#traces.newSpan(e, occurrenceAttributes(e, path, generation));
    const { total } = e.captures;
    if (e.reason === 'Pulled' && total && !this.#traces.isPulling(e, this.#know.id(path[0]!)))
      span.start = e.t - duration(total);
    return span;
  }

  #openOwn(e: Placed, span: Span, path: Node[]): void {
    const { node, change } = this.#know.whichChange(path, e, e.t);
    this.#traces.openUnder(e, span, path.slice(path.indexOf(node)), change);
  }

  /** A cause that is later than its effect begins with it; one that is too late moves it. */
  #hangUnderCause(e: Placed, span: Span, { by, evidence }: Cause): void {
    const parent = this.#notTooOld(e, { span: by.span!, evidence });
    if (by.t - e.t > by.rule.slack && parent.span === by.span) {
      span.start = parent.span.start!;
      span.end = max(span.start, e.t);
      span.attributes['kspan.time.raw'] = rfc3339(e.t);
    } else if (by.t > e.t && parent.span === by.span && !e.late) {
      for (let s: Span | undefined = by.span; s; s = s.parent)
        if (!isSent(s)) s.start = min(s.start!, e.t);
    }
    this.#traces.hang(e, span, parent.span, parent.evidence);
  }

  /** No occurrence names the object: perhaps one names its owner; else it hangs under the root. */
  #hangUnderOwner(
    e: Placed,
    span: Span,
    path: Node[],
    direction: 'up' | 'down',
    ends: boolean,
    h: bigint,
  ): void {
    const found = (ends ? this.#ofTermination(e, path, h) : undefined) ??
      this.#ofOwner(e, path, direction, h) ?? { span: this.#head(e, path), evidence: 'root' };
    const made = ends ? undefined : this.#traces.creationIn(found.span.trace, path);
    const parent = this.#notTooOld(e, made ? { span: made, evidence: 'owner' } : found);
    const isUnnamed = !made && !ends && !e.late && this.#isUnnamed(e, path, parent.span.trace, h);
    if (!isUnnamed) {
      this.#traces.hang(e, span, parent.span, parent.evidence);
      return;
    }
    const create = this.#traces.create(path, e.t, parent.span, parent.evidence);
    this.#traces.hang(e, span, create, 'owner');
  }

  /** Was the object of `e` created in this trace, by whom nobody said? */
  #isUnnamed(e: Placed, path: Node[], trace: Trace, h: bigint): boolean {
    const object = path[0]!.known;
    if (!object || path.length === 1 || trace.object === this.#know.id(path[0]!)) return false;
    if (object.created < (trace.since ?? floor(trace.first))) return false;
    return !this.#namers(e, path[0]!, 'up', h).some((c) => c.span);
  }

  /** What named the object of `e`: the latest before, else the earliest that followed in time. */
  #cause(e: Placed, path: Node[], direction: string, h: bigint): Cause | undefined {
    const namers = this.#namers(e, path[0]!, direction, h);
    const follows = (c: Placed): boolean =>
      causalOrder(c, e) > 0 && c.t <= e.t + c.rule.slack + skewOf(e);
    const by =
      namers.findLast((c) => causalOrder(c, e) < 0 && this.#isLive(c, e)) ??
      (e.late
        ? namers.find((c) => follows(c) && this.#isLive(c, e))
        : namers.find((c) => follows(c) && isWaitedFor(path, direction)));
    if (!by) return undefined;
    this.#place(by);
    return { by, evidence: this.#evidence(by, path[0]!, h)! };
  }

  /** Occurrences of the same root that name an object in a direction, in causal order. */
  #namers(e: Placed, object: Node, direction: string, h: bigint): Placed[] {
    return this.#all
      .filter((c) => c !== e && c.root === e.root && c.rule.direction === direction)
      .filter((c) => c.span || !(c.late || e.late || this.#placing.has(c)))
      .filter((c) => this.#evidence(c, object, h) !== undefined)
      .sort(causalOrder);
  }

  /** Names are resolved when the naming occurrence is placed. */
  #evidence(c: Placed, object: Node, h: bigint): Evidence | undefined {
    return this.#know.names(c, c.t, c.placedAt ?? max(h, c.t), object);
  }

  #isLive(c: Placed, e: Placed): boolean {
    return this.#traces.isLive(this.#place(c).trace, e);
  }

  /** Until when may a cause follow that is written after its effect? */
  #waitedUntil(e: Placed, path: Node[], direction: string, cause: Cause | undefined): bigint {
    if (e.late) return 0n;
    if (cause) return cause.by.t;
    return isWaitedFor(path, direction) ? e.t + slackFor(path[0]!.kind)! + skewOf(e) : 0n;
  }

  #ofOwner(e: Placed, path: Node[], direction: string, h: bigint): Parent | undefined {
    const namers = path[1] ? this.#namers(e, path[1], direction, h) : [];
    const by = namers.findLast((c) => causalOrder(c, e) < 0 && this.#isLive(c, e));
    return by && { span: this.#place(by), evidence: 'owner' };
  }

  #ofTermination(e: Placed, path: Node[], h: bigint): Parent | undefined {
    const scaledDown = this.#ofOwner(e, path, 'down', h);
    if (scaledDown) return scaledDown;
    const top = path.findLastIndex((node) => isDeleted(node.known, e.t));
    if (top < 0) return undefined;
    const traces = this.#traces.of(e, path[top]!, 'delete');
    const live = traces.findLast((trace) => this.#traces.isLive(trace, e));
    const isEpisode = traces.length > 0;
    const span = live?.root ?? this.#traces.open(e, path.slice(top), undefined, isEpisode);
    return { span, evidence: 'deletion' };
  }

  /** The span under which everything hangs that belongs to the same change as `e`. */
  #head(e: Placed, path: Node[]): Span {
    const { node, change } = this.#know.whichChange(path, e, e.t);
    const traces = this.#traces.of(e, node, change.number);
    const live = traces.findLast((trace) => this.#traces.isLive(trace, e));
    if (live) return live.heads.get(change.number)!;
    const above = path.slice(path.indexOf(node));
    const changes = node.known?.generations ?? [];
    const before = changes[changes.indexOf(change) - 1];
    const scaled =
      before && this.#traces.of(e, node, before.number).findLast((t) => this.#traces.isLive(t, e));
    if (scaled && traces.length === 0 && isAutoscaled(change))
      return e.late
        ? scaled.heads.get(before.number)!
        : this.#traces.scale(e, scaled, above, change);
    return this.#traces.open(e, above, change, traces.length > 0 || !isFresh(change, e.t));
  }

  /** A trace that is too old does not grow: its object's next episode does. */
  #notTooOld(e: Placed, parent: Parent): Parent {
    const age = e.late ? undefined : this.#traces.isTooOld(parent.span, e);
    if (age === undefined) return parent;
    const { trace } = parent.span;
    if (age === 'anywhere') this.#traces.close(trace, e.t);
    const others = this.#traces.of(e, trace.path[0]!, trace.change?.number ?? 'delete');
    const live = others.findLast((other) => other !== trace && this.#traces.isLive(other, e));
    const span = live?.root ?? this.#traces.open(e, trace.path, trace.change, true);
    return { span, evidence: 'root' };
  }
}

/** In causal time: by time, then rank, resourceVersion, uid and count. */
function causalOrder(a: Placed, b: Placed): number {
  return (
    compare(a.t, b.t) ||
    RANKS.indexOf(a.reason) - RANKS.indexOf(b.reason) ||
    compare(a.version, b.version) ||
    compare(a.uid, b.uid) ||
    a.count - b.count
  );
}

/** A late occurrence is placed when it arrives, before what the watermark has not passed yet. */
function byRelease(a: Placed, b: Placed): number {
  const turn = (e: Placed): bigint => (e.late ? e.watermark : e.t);
  const inTurn = compare(turn(a), turn(b)) || Number(b.late) - Number(a.late);
  return inTurn || (a.late ? 0 : causalOrder(a, b));
}

/** Is the object of a kind that rows name, and not known to come from nobody? */
function isWaitedFor([object, owner]: Node[], direction: string): boolean {
  const isMade = owner !== undefined || !object!.known;
  return slackFor(object!.kind) !== undefined && (direction === 'down' || isMade);
}

/** How far the emitter's clock was behind the API server's. */
function skewOf(e: Placed): bigint {
  return e.first && e.created !== undefined ? max(0n, e.created - e.t) : 0n;
}

function isAutoscaled({ byScale, manager }: Generation): boolean {
  return byScale && (manager === 'kube-controller-manager' || manager.includes('keda'));
}

const compare = <T extends bigint | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
