// What the naive oracle knows about objects at a moment: names resolved, owners walked, the change that
// an occurrence belongs to. A moment `h` means: all frames that had arrived when the watermark was
// there. Every answer is computed from the whole recording.
import { keyOf } from './naive-ids.ts';
import type { ObjectRef, Occurrence, Placed, Version } from './naive-model.ts';
import { type Generation, isDeleted, type KnownObject, objectsKnownAt } from './naive-objects.ts';
import { byParking, max } from './naive-order.ts';
import { objectNamed, slackFor } from './naive-rules.ts';
import { floor } from './naive-time.ts';

const DEPTH = 16;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** An object as far as it is known; `uid` is '' when nobody said it. */
export type Node = ObjectRef & { known: KnownObject | undefined };
export type Evidence = 'rule' | 'related';
type Named = Node & { evidence: Evidence };

export class Knowledge {
  #versions: Version[];
  #occurrences: Occurrence[];
  #window: bigint;
  #objects = new Map<number, KnownObject[]>();
  #dates = new Map<string, bigint>();
  /** The uid of the kube-system namespace, '' when it was not seen. */
  clusterUid: string;

  constructor(versions: Version[], occurrences: Occurrence[], window: bigint) {
    this.#versions = versions;
    this.#occurrences = occurrences;
    this.#window = window;
    const system = versions.find(
      ({ ref }) => ref.kind === 'Namespace' && ref.name === 'kube-system',
    );
    this.clusterUid = system?.ref.uid ?? '';
  }

  /** The uid, or the text that stands for a missing one. */
  id(node: ObjectRef): string {
    return node.uid || [this.clusterUid, node.kind, node.namespace, node.name].join('/');
  }

  /**
   * The object of a reference, its owner, and so on up to the top. A cycle ends at its least uid.
   * `e`: what asks: names are looked up as of its time, and of what was written with it, what comes
   * after it says nothing.
   */
  path(ref: ObjectRef, h: bigint, e?: Occurrence): Node[] {
    const path = [this.resolve(ref, h, e?.at)];
    while (path.length < DEPTH) {
      const owner = this.#ownerOf(path.at(-1)!, h, e);
      if (!owner) break;
      const again = path.findIndex((node) => this.id(node) === this.id(owner));
      if (again >= 0) {
        const ids = path.map((node) => this.id(node));
        return path.slice(0, 1 + ids.indexOf(ids.slice(again).sort()[0]!));
      }
      path.push(owner);
    }
    return path;
  }

  /** Had an occurrence come when the watermark was there? */
  hasCome({ seen }: Occurrence, h: bigint): boolean {
    return seen <= h + this.#window;
  }

  /** The objects of an occurrence's path as its root knows them at another moment. */
  asOf(e: Placed, h: bigint): Node[] {
    const { path, regarding, root } = e;
    const now = this.path(regarding, h, e);
    const isSameRoot = this.id(now.at(-1)!) === root && this.id(now[0]!) === this.id(path[0]!);
    return (isSameRoot ? now : path).map((node) => {
      const known = this.#known(h).find((object) => object.uid === node.uid);
      return { ...node, known: known && this.#isTold(known, root, h) ? known : undefined };
    });
  }

  /** When the object with that id, or the next one with the name that it is, was deleted. */
  deletionOf(id: string, root: string, after: bigint, h: bigint): bigint | undefined {
    const ends = this.#versions.filter(
      ({ isDelete, ref, seen }) =>
        isDelete &&
        (ref.uid === id || (seen > after && this.id({ ...ref, uid: '' }) === id)) &&
        this.#isTold(ref, root, max(h, seen - this.#window)),
    );
    return ends[0]?.seen;
  }

  /** The key of an object's generation at a time: of its root span and trace. */
  changeKey(node: Node, t: bigint): Uint8Array {
    return keyOf(this.id(node), this.generationAt(node, t));
  }

  /** A change without a time counts from the second of the first occurrence that had seen it. */
  date(node: Node, e: Placed): void {
    const change = seenBy(node.known?.generations ?? [], e);
    if (!change || change.changed !== undefined || e.late) return;
    const key = this.#keyOfChange(node, change.number);
    if (!this.#dates.has(key)) this.#dates.set(key, floor(e.t));
  }

  #keyOfChange(node: Node, number: number): string {
    return `${this.id(node)} ${number}`;
  }

  #since(node: Node, { number, changed }: Generation): bigint | undefined {
    return changed ?? this.#dates.get(this.#keyOfChange(node, number));
  }

  #isSince(node: Node, change: Generation, t: bigint): boolean {
    const since = this.#since(node, change);
    return since !== undefined && since <= t;
  }

  /** A root knows what is below its top object, and what has no namespace. */
  #isTold(object: ObjectRef, root: string, h: bigint): boolean {
    return object.namespace === '' || this.#topOf(object, h) === root;
  }

  #topOf(object: ObjectRef, h: bigint): string {
    return this.id(this.path(object, h).at(-1)!);
  }

  /**
   * A uid that no API server gives out is looked up by mirror annotation, then by name, among objects
   * whose metadata is known: a name that an Event gave may be another object's by then.
   */
  resolve(ref: ObjectRef, h: bigint, at = h): Node {
    const objects = this.#known(h);
    const isReal = UUID.test(ref.uid);
    const namesakes = objects.filter((object) => sameName(object, ref));
    const known = isReal
      ? objects.find((object) => object.uid === ref.uid)
      : (objects.find((object) => ref.uid !== '' && object.mirrors === ref.uid) ??
        newest(namesakes.filter((object) => object.created <= at)) ??
        newest(namesakes));
    return { ...ref, ...known, uid: known?.uid ?? (isReal ? ref.uid : ''), known };
  }

  /** How `e`, if it happened at `t` and what it names is looked up at `h`, names an object. */
  names(e: Placed, t: bigint, h: bigint, object: Node): Evidence | undefined {
    const named = this.namedBy(e, t, h).find((other) =>
      other.uid ? other.uid === object.uid : sameName(other, object),
    );
    return named?.evidence;
  }

  /** The objects that an occurrence names: by its message, and as related. */
  namedBy(e: Placed, t: bigint, h: bigint): Named[] {
    const named: Named[] = namedInText(e).map((ref) => {
      const object = sameName(ref, e.regarding)
        ? this.resolve(e.regarding, h)
        : this.#meant(ref, e, t, h);
      return { ...object, evidence: 'rule' };
    });
    if (e.related && !e.rule.links.includes('related'))
      named.push({ ...this.resolve(e.related, h), evidence: 'related' });
    return named;
  }

  /** The object on the path whose own change is the newest not after `e`, and that change. */
  whichChange(path: Node[], e: Occurrence, t: bigint): { node: Node; change: Generation } {
    let best: { node: Node; change: Generation; since: bigint } | undefined;
    path.toReversed().forEach((node, i) => {
      const own = (node.known?.generations ?? []).filter(
        (g) => i === 0 || (g.manager !== 'unknown' && g.manager !== node.known?.creator),
      );
      const byVersion = node === path[0] ? seenBy(own, e) : undefined;
      const change =
        byVersion ??
        own.findLast((g) => this.#isSince(node, g, t)) ??
        (i === 0 ? (own[0] ?? NO_GENERATION) : undefined);
      const since = (change && this.#since(node, change)) ?? (byVersion ? t : 0n);
      if (change && (!best || since > best.since)) best = { node, change, since };
    });
    return best!;
  }

  /** The number of the object's generation at `t`; 0 when it is not known. */
  generationAt(node: Node, t: bigint, e?: Occurrence): number {
    const all = node.known?.generations ?? [];
    const byTime = all.findLast((g) => this.#isSince(node, g, t));
    return ((e && seenBy(all, e)) ?? byTime ?? all[0])?.number ?? 0;
  }

  #known(h: bigint): KnownObject[] {
    const count = this.#versions.filter(({ seen }) => seen <= h + this.#window).length;
    if (!this.#objects.has(count))
      this.#objects.set(count, objectsKnownAt(h + this.#window, this.#versions));
    return this.#objects.get(count)!;
  }

  #ownerOf(node: Node, h: bigint, asker?: Occurrence): Node | undefined {
    if (node.known) {
      const find = (uid: string) => this.#known(h).find((object) => object.uid === uid);
      const { owners } = node.known;
      const owner =
        owners.find((o) => o.controller === true) ??
        owners.find((o) => o.kind !== 'Node' && find(o.uid)?.namespace !== '');
      return owner && this.resolve(owner, h);
    }
    const namers = this.#occurrences.filter(
      (e) =>
        e.seen <= h + this.#window &&
        e.at - (slackFor(node.kind) ?? 0n) <= h &&
        !sameName(e.regarding, node) &&
        namedInText(e).some((named) => sameName(named, node)),
    );
    // The newest by then; where all were written later, the first to arrive.
    const isHidden = (e: Occurrence): boolean => e.at > h || (e.at === h && isAfter(e, asker));
    const before = namers.filter((e) => !isHidden(e)).sort(byParking);
    const namer = before.at(-1) ?? namers[0];
    return namer && this.resolve(namer.regarding, h, namer.at);
  }

  /** Of its root's objects with the name: the one being created, or being deleted, at that time. */
  #meant(ref: ObjectRef, e: Placed, t: bigint, h: bigint): Node {
    const node = (known: KnownObject | undefined): Node => ({ ...ref, ...known, known });
    const objects = this.#known(h)
      .filter((object) => sameName(object, ref))
      .filter((object) => this.#topOf(object, h) === e.root);
    const distance = (object: KnownObject): bigint => {
      const d = object.created - floor(t);
      return d < 0n ? -d : d;
    };
    if (e.rule.direction === 'up')
      return node(
        objects.sort((a, b) => Number(distance(a) - distance(b)) || (a.uid < b.uid ? -1 : 1))[0],
      );
    const alive = objects.filter((object) => !isDeleted(object, t));
    const oldest = alive.reduce((a, b) => (b.created < a.created ? b : a), alive[0]!);
    return node(newest(objects.filter((object) => isDeleted(object, t))) ?? oldest);
  }
}

const NO_GENERATION: Generation = {
  ...{ number: 0, version: 0n, changed: undefined, isSeen: false },
  ...{ manager: 'unknown', operation: '', byScale: false },
};

/** Objects named by the row's expression. The note of a series is frozen and names nothing. */
function namedInText(e: Occurrence): ObjectRef[] {
  if (e.inSeries) return [];
  return e.rule.names.flatMap((named) =>
    named === 'regarding' ? [e.regarding] : objectNamed(named, e.captures, e.regarding),
  );
}

/** The newest generation that the emitter of a first occurrence had seen. */
function seenBy(generations: Generation[], e: Occurrence): Generation | undefined {
  const seen = BigInt(e.regarding.resourceVersion || 0);
  return e.first ? generations.findLast((g) => g.version > 0n && g.version <= seen) : undefined;
}

/** Written in the same instant, but after `e`. */
function isAfter(other: Occurrence, e: Occurrence | undefined): boolean {
  return e !== undefined && other.at === e.at && byParking(other, e) > 0;
}

function newest(objects: KnownObject[]): KnownObject | undefined {
  return objects.reduce((a, b) => (b.created >= a.created ? b : a), objects[0]!);
}

function sameName(a: ObjectRef, b: ObjectRef): boolean {
  return a.kind === b.kind && a.namespace === b.namespace && a.name === b.name;
}
