// What caused an occurrence, says the naive oracle: of the occurrences that name its object, in the same
// direction, the latest before it; else the first that was written so soon after it that it may be.
import type { Evidence, Knowledge, Node } from './naive-knowledge.ts';
import type { Lives } from './naive-lives.ts';
import type { Placed, Span } from './naive-model.ts';
import { causalOrder, max, skewOf } from './naive-order.ts';
import { slackFor } from './naive-rules.ts';
import { SECOND_END } from './naive-time.ts';

export type Direction = 'up' | 'down';
export type Cause = { by: Placed; evidence: Evidence };
export type Parent = { span: Span; evidence: string };

export class Causes {
  #know: Knowledge;
  #lives: Lives;
  #all: Placed[];
  #place: (e: Placed) => Span;

  /** `place` decides an occurrence now, if it was not decided before. */
  constructor(know: Knowledge, lives: Lives, all: Placed[], place: (e: Placed) => Span) {
    this.#know = know;
    this.#lives = lives;
    this.#all = all;
    this.#place = place;
  }

  /** As `find`, placed. */
  of(e: Placed, path: Node[], direction: Direction, h: bigint): Cause | undefined {
    const cause = this.find(e, path, direction, h);
    if (cause) this.#place(cause.by);
    return cause;
  }

  find(e: Placed, path: Node[], direction: Direction, h: bigint): Cause | undefined {
    const namers = this.namers(e, path[0]!, direction, h);
    const follows = (c: Placed): boolean =>
      causalOrder(c, e) > 0 && c.t <= e.t + c.rule.slack + skewOf(e);
    const by =
      this.#latest(e, namers) ??
      (e.late
        ? namers.find((c) => follows(c) && this.#isLive(c, e))
        : namers.find((c) => follows(c) && isWaitedFor(path, direction)));
    return by && { by, evidence: this.#evidence(by, path[0]!, h)! };
  }

  /** What named the owner of an object that nobody named. */
  ofOwner(e: Placed, path: Node[], direction: Direction, h: bigint): Parent | undefined {
    const by = path[1] && this.#latest(e, this.namers(e, path[1], direction, h));
    return by && { span: this.#place(by), evidence: 'owner' };
  }

  /** The end of another object of the same owner stands under what caused this one, too. */
  ofSibling(e: Placed, path: Node[]): Parent | undefined {
    const owner = path[1] && this.#know.id(path[1]);
    const ends = this.#candidates(e).filter(
      ({ rule, topLevel, late, path: [about] }) =>
        rule.termination &&
        !topLevel &&
        !late &&
        rule.names.length > 0 &&
        this.#know.id(about!) === owner,
    );
    const sibling = this.#latest(e, ends.sort(causalOrder));
    const span = sibling && this.#place(sibling).parent;
    return span && { span, evidence: 'owner' };
  }

  /** Occurrences of the same root that name an object in a direction, in causal order. */
  namers(e: Placed, object: Node, direction: Direction, h: bigint): Placed[] {
    return this.#candidates(e)
      .filter((c) => c.rule.direction === direction)
      .filter((c) => this.#evidence(c, object, h) !== undefined)
      .sort(causalOrder);
  }

  /** Until when may a cause follow that is written after its effect? */
  waitedUntil(e: Placed, path: Node[], direction: Direction, cause: Cause | undefined): bigint {
    if (e.late) return 0n;
    if (cause) return cause.by.precise ? cause.by.t : cause.by.at + SECOND_END;
    return isWaitedFor(path, direction) ? e.t + slackFor(path[0]!.kind)! + skewOf(e) : 0n;
  }

  #candidates(e: Placed): Placed[] {
    const others = this.#all.filter((c) => c !== e && c.root === e.root);
    return others.filter((c) => c.span || !(c.late || e.late || c.isBeingPlaced));
  }

  #latest(e: Placed, candidates: Placed[]): Placed | undefined {
    return candidates.findLast((c) => causalOrder(c, e) < 0 && this.#isLive(c, e));
  }

  /** Names are resolved when the naming occurrence is placed. */
  #evidence(c: Placed, object: Node, h: bigint): Evidence | undefined {
    return this.#know.names(c, c.t, c.placedAt ?? max(h, c.t), object);
  }

  #isLive(c: Placed, e: Placed): boolean {
    return this.#lives.isLive(this.#place(c).trace, e);
  }
}

/** Is the object of a kind that rows name, and not known to come from nobody? */
function isWaitedFor([object, owner]: Node[], direction: Direction): boolean {
  const isMade = owner !== undefined || !object!.known;
  return slackFor(object!.kind) !== undefined && (direction === 'down' || isMade);
}
