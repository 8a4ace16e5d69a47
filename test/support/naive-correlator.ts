// The naive oracle: the bytes of a recording in, its spans out, by the rules of the model and nothing
// else. The whole recording is in memory; occurrences are sorted and decided one by one, each by
// looking through all the others. It shares nothing with the crate but the rule files, and is meant
// for recordings that a person could read.
import { occurrenceAttributes } from './naive-attributes.ts';
import { type Cause, Causes, type Direction } from './naive-causes.ts';
import { isSent } from './naive-finish.ts';
import { Homes } from './naive-homes.ts';
import { readRecording } from './naive-input.ts';
import { Knowledge, type Node } from './naive-knowledge.ts';
import { linksOfCarrier, RowLinks } from './naive-links.ts';
import type { Placed, Span } from './naive-model.ts';
import { isDeleted } from './naive-objects.ts';
import { byRelease, max, min } from './naive-order.ts';
import { duration, rfc3339, SECOND_END } from './naive-time.ts';
import { Traces } from './naive-traces.ts';
import type { PlainSpan } from './spans.ts';

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
  #causes: Causes;
  #homes: Homes;
  #rowLinks: RowLinks;
  #horizons = new Map<string, bigint>();

  constructor(input: Uint8Array, { reorderWindowMs = 5000, clusterName = '' }: NaiveOptions) {
    const window = BigInt(reorderWindowMs) * 1_000_000n;
    const { versions, occurrences } = readRecording(input, window);
    this.#know = new Knowledge(versions, occurrences, window);
    this.#traces = new Traces(this.#know, clusterName);
    this.#all = occurrences.map((e) => {
      const releasedAt = max(e.watermark, e.at);
      const path = this.#know.path(e.regarding, releasedAt, e);
      const root = this.#know.id(path.at(-1)!);
      return { ...e, t: e.at, releasedAt, path, root, isBeingPlaced: false };
    });
    const place = (e: Placed): Span => this.#place(e);
    this.#causes = new Causes(this.#know, this.#traces.lives, this.#all, place);
    this.#homes = new Homes(this.#know, this.#traces, this.#causes);
    this.#rowLinks = new RowLinks(this.#know, this.#all);
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
    e.isBeingPlaced = true;
    this.#traces.lives.passTo(e);
    let h = max(this.#horizons.get(e.root) ?? 0n, this.#turn(e));
    let path = this.#know.asOf(e, h);
    let direction: Direction = e.rule.names.includes('regarding') ? 'up' : e.rule.direction;
    let cause: Cause | undefined;
    const isRoot =
      e.topLevel || (e.rule.opens === 'trace' && !this.#traces.lives.goesOn(e, path, h));
    const lookFor = (way: Direction): void => {
      direction = way;
      this.#placeLate(e, h);
      const found = this.#causes.find(e, path, way, h);
      const until = max(
        this.#causes.waitedUntil(e, path, way, found),
        this.#horizons.get(e.root) ?? 0n,
      );
      if (until > h) {
        h = until;
        path = this.#know.asOf(e, h);
        this.#placeLate(e, h);
      }
      cause = this.#causes.of(e, path, way, h);
      // A cause may wait for its own.
      const placedAt = cause?.by.placedAt;
      if (e.late || placedAt === undefined || placedAt <= h) return;
      h = placedAt;
      path = this.#know.asOf(e, h);
    };
    if (!isRoot) lookFor(direction);
    const isNamer = e.rule.names.length > 0;
    const ends = e.rule.termination === true && (isNamer || isDeleted(path[0]!.known, e.t));
    if (!isRoot && !cause && e.rule.termination && !ends) lookFor('up');
    this.#horizons.set(e.root, max(h, this.#horizons.get(e.root) ?? 0n));
    e.placedAt = h;

    const span = this.#newSpan(e, path);
    if (isRoot) this.#openOwn(e, span, path);
    else if (cause) this.#hangUnderCause(e, span, path, cause);
    else {
      const parent = this.#homes.of(e, span, path, direction, ends, h);
      this.#traces.hang(e, span, parent.span, parent.evidence);
    }
    span.links.push(...this.#rowLinks.of(e), ...linksOfCarrier(this.#know, span.trace, path));
    this.#traces.lives.endPhases(e, path[0]!, span.start!);
    this.#traces.lives.beginPhases(e, span, path, h);
    this.#know.date(path[0]!, e);
    e.span = span;
    e.isBeingPlaced = false;
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
    if (e.reason === 'Pulled' && total && !this.#traces.lives.isPulling(e, path[0]!))
      span.start = e.t - duration(total);
    return span;
  }

  #openOwn(e: Placed, span: Span, path: Node[]): void {
    const { node, change } = this.#know.whichChange(path, e, e.t);
    this.#traces.openUnder(e, span, path.slice(path.indexOf(node)), change);
  }

  /** A cause that is later than its effect begins with it; one that is too late moves it. */
  #hangUnderCause(e: Placed, span: Span, path: Node[], { by, evidence }: Cause): void {
    const parent = this.#homes.within(e, span, path, { span: by.span!, evidence });
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
}
