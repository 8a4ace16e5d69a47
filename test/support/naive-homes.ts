// Where the naive oracle hangs an occurrence whose object nobody named: by its owner, in the trace of a
// deletion, in that of a change; and where it goes when that trace is too old or too large.
import type { Causes, Direction, Parent } from './naive-causes.ts';
import type { Knowledge, Node } from './naive-knowledge.ts';
import { linkTo } from './naive-links.ts';
import type { Placed, Span, Trace } from './naive-model.ts';
import { isAutoscaled, isDeleted, isFresh } from './naive-objects.ts';
import { floor } from './naive-time.ts';
import type { Traces } from './naive-traces.ts';

export class Homes {
  #know: Knowledge;
  #traces: Traces;
  #causes: Causes;

  constructor(know: Knowledge, traces: Traces, causes: Causes) {
    this.#know = know;
    this.#traces = traces;
    this.#causes = causes;
  }

  /** `ends`: it is a part of the end of its object. */
  of(e: Placed, span: Span, path: Node[], way: Direction, ends: boolean, h: bigint): Parent {
    const found: Parent = (ends ? this.#ofTermination(e, path, h) : undefined) ??
      this.#causes.ofOwner(e, path, way, h) ?? {
        span: this.#made(e, path, ends) ?? this.#head(e, span, path),
        evidence: 'root',
      };
    const madeThere = ends ? undefined : found.span.trace.creates.get(this.#know.id(path[0]!));
    const parent = this.within(
      e,
      span,
      path,
      madeThere ? { span: madeThere, evidence: 'owner' } : found,
    );
    const isUnnamed =
      !madeThere && !ends && !e.late && this.#isUnnamed(e, path, parent.span.trace, h);
    if (!isUnnamed) return parent;
    const create = this.#traces.create(path, e.t, parent.span, parent.evidence);
    return { span: create, evidence: 'owner' };
  }

  /** A trace that is too old does not grow: its object's next episode does. */
  within(e: Placed, span: Span, path: Node[], parent: Parent): Parent {
    const { lives } = this.#traces;
    const age = e.late ? undefined : lives.isTooOld(parent.span, e);
    if (age === undefined) return parent;
    const { trace } = parent.span;
    if (age === 'anywhere') {
      lives.endPhases(e, path[0]!, e.t);
      lives.close(trace, e.t);
      span.links.push(...linkTo('parent', parent.span));
    }
    const others = this.#traces.of(e, trace.path[0]!, trace.change?.number ?? 'delete');
    const live = others.findLast((other) => other !== trace && lives.isLive(other, e));
    const root = live?.root ?? this.#traces.open(e, trace.path, trace.change, true);
    return { span: root, evidence: 'root' };
  }

  /**
   * The Create span of its object, even when the change has newer traces; the end of others stands
   * beside it.
   */
  #made(e: Placed, path: Node[], ends: boolean): Span | undefined {
    const { node, change } = this.#know.whichChange(path, e, e.t);
    const made = this.#traces.creationOf(e, path, node, change.number);
    return ends ? made?.trace.heads.get(change.number) : made;
  }

  /** Was the object of `e` created in this trace, by whom nobody said? */
  #isUnnamed(e: Placed, path: Node[], trace: Trace, h: bigint): boolean {
    const object = path[0]!.known;
    if (!object || path.length === 1 || trace.object === this.#know.id(path[0]!)) return false;
    if (object.created < (trace.since ?? floor(trace.first))) return false;
    const namers = this.#causes.namers(e, path[0]!, 'up', h);
    return !namers.some((c) => c.span && !this.#traces.lives.isForgotten(c.span.trace, e));
  }

  #ofTermination(e: Placed, path: Node[], h: bigint): Parent | undefined {
    const found = this.#causes.ofOwner(e, path, 'down', h) ?? this.#causes.ofSibling(e, path);
    const top = path.findLastIndex((node) => isDeleted(node.known, e.t));
    if (found || top < 0) return found;
    const traces = this.#traces.of(e, path[top]!, 'delete');
    const live = traces.findLast((trace) => this.#traces.lives.isLive(trace, e));
    const isEpisode = traces.length > 0;
    const span = live?.root ?? this.#traces.open(e, path.slice(top), undefined, isEpisode);
    return { span, evidence: 'deletion' };
  }

  /** The span under which everything hangs that belongs to the same change as `e`. */
  #head(e: Placed, span: Span, path: Node[]): Span {
    const { node, change } = this.#know.whichChange(path, e, e.t);
    const traces = this.#traces.of(e, node, change.number);
    const isLive = (trace: Trace): boolean => this.#traces.lives.isLive(trace, e);
    const live = traces.findLast(isLive);
    if (live) return live.heads.get(change.number)!;
    const above = path.slice(path.indexOf(node));
    const changes = node.known?.generations ?? [];
    const before = changes[changes.indexOf(change) - 1];
    const scaled = before && this.#traces.of(e, node, before.number).findLast(isLive);
    if (!scaled || traces.length > 0 || !isAutoscaled(change))
      return this.#traces.open(e, above, change, traces.length > 0 || !isFresh(change, e.t));
    if (e.late) return scaled.heads.get(before.number)!;
    const { trace } = this.within(e, span, path, { span: scaled.root!, evidence: 'root' }).span;
    return this.#traces.scale(trace, above, change);
  }
}
