// The naive oracle's knowledge of objects: metadata versions in; out, for any moment, every object
// known by then with its generations, owners and deletion. Computed anew at each question.
import { type Mark, markOf, type SpanContext, traceparentOf } from './naive-marks.ts';
import type { ObjectRef, Version } from './naive-model.ts';
import { floor, MINUTE, SECOND, stamp } from './naive-time.ts';

/** A spec as one writer left it. `changed`: start of the second, where it is known. */
export interface Generation {
  number: number;
  version: bigint;
  changed: bigint | undefined;
  /** It changed while somebody watched: after the version before was seen. */
  isSeen: boolean;
  manager: string;
  operation: string;
  byScale: boolean;
}

export interface KnownObject extends ObjectRef {
  created: bigint;
  creator: string | undefined;
  mirrors: string | undefined;
  owners: (ObjectRef & { controller?: boolean })[];
  generations: Generation[];
  deleting: boolean;
  deletedAt: bigint | undefined;
  mark: Mark | undefined;
  traceparent: SpanContext | undefined;
  scaleTarget: ObjectRef | undefined;
}

/** An entry of metadata.managedFields that may own f:spec. */
interface SpecEntry {
  who: string;
  manager: string;
  operation: string;
  byScale: boolean;
  time: bigint | undefined;
  fields: string;
}

/** All objects whose metadata had arrived when the stream clock was at `clock`. */
export function objectsKnownAt(clock: bigint, versions: Version[]): KnownObject[] {
  const uids = new Set(versions.filter((v) => v.seen <= clock).map((v) => v.ref.uid));
  return [...uids].map((uid) =>
    knownObject(versions.filter((v) => v.ref.uid === uid && v.seen <= clock)),
  );
}

/** Deleted or being deleted, as far as an occurrence at `t` may know. */
export function isDeleted(object: KnownObject | undefined, t: bigint): boolean {
  if (object === undefined) return false;
  return object.deleting || (object.deletedAt !== undefined && object.deletedAt <= t + 2n * SECOND);
}

/** Only soon after a change a trace may stand for the change itself. */
export function isFresh({ changed }: Generation, t: bigint): boolean {
  return changed === undefined || t - changed <= 10n * MINUTE;
}

/** It is known when it was made, or at least that it was made since the version before. */
export const isDated = ({ changed, isSeen }: Generation): boolean =>
  isSeen || changed !== undefined;

/** An autoscaler made it. */
export function isAutoscaled({ byScale, manager }: Generation): boolean {
  return byScale && (manager === 'kube-controller-manager' || manager.includes('keda'));
}

function knownObject(all: Version[]): KnownObject {
  const newer = all.filter((v, i) => all.slice(0, i).every((w) => versionOf(w) < versionOf(v)));
  const latest = newer[newer.length - 1]!;
  const { metadata } = latest;
  const entries = specEntries(all[0]!);
  const earliest = entries.reduce(
    (a, b) => ((b.time ?? MAX) < (a.time ?? MAX) ? b : a),
    entries[0]!,
  );
  return {
    ...latest.ref,
    created: createdOf(latest),
    creator: earliest?.manager,
    mirrors: metadata.annotations?.['kubernetes.io/config.mirror'],
    owners: (metadata.ownerReferences ?? []).map((owner: KnownObject['owners'][number]) => ({
      ...owner,
      namespace: latest.ref.namespace,
    })),
    generations: generationsOf(newer),
    deleting: all.some((v) => v.metadata.deletionTimestamp !== undefined),
    deletedAt: all.find((v) => v.isDelete)?.seen,
    mark: markOf(latest),
    traceparent: traceparentOf(metadata.annotations ?? {}),
    scaleTarget: latest.scaleTarget && {
      ...{ apiVersion: '', uid: '', namespace: latest.ref.namespace },
      ...{ kind: latest.scaleTarget.kind, name: latest.scaleTarget.name },
    },
  };
}

function generationsOf(versions: Version[]): Generation[] {
  const generations: Generation[] = [];
  versions.forEach((v, i) => {
    const number: number = v.metadata.generation ?? 0;
    const before = versions[i - 1];
    if (!before) {
      const created = createdOf(v);
      const newest = newestOf(specEntries(v));
      const changed = newest?.time ?? created;
      const isOriginal = (entry: SpecEntry): boolean => (entry.time ?? MAX) <= created;
      // The listed object was changed before it was seen: the generation before existed, too.
      if (number >= 2 && changed > created)
        generations.push(
          generation(number - 1, 0n, created, newestOf(specEntries(v).filter(isOriginal)), false),
        );
      generations.push(generation(number, versionOf(v), changed, newest, false));
    } else if (number !== generations[generations.length - 1]!.number && isChange(v, before)) {
      const found = makerOf(v, before);
      const maker = found === 'nobody known' ? undefined : found;
      generations.push(generation(number, versionOf(v), maker?.time, maker, true));
    }
  });
  // The first is what all that an autoscaler did since goes back to.
  const [first, ...later] = generations;
  return first ? [first, ...later.slice(1 - GENERATIONS_MAX)] : [];
}

/** Without managedFields every new generation counts but a mere deletion. */
function isChange(v: Version, before: Version): boolean {
  if (v.metadata.managedFields) return makerOf(v, before) !== undefined;
  const isNew = v.metadata.generation !== before.metadata.generation;
  return isNew && !before.metadata.managedFields && !isDeletion(v, before);
}

/**
 * Who changed the spec between two versions. An entry of the scale subresource has no time; one that
 * only has other fields lost them to somebody who left no entry.
 */
function makerOf(v: Version, before: Version): SpecEntry | 'nobody known' | undefined {
  const [entries, old] = [specEntries(v), specEntries(before)];
  const was = (e: SpecEntry, isAlike: (o: SpecEntry) => boolean): boolean =>
    old.some((o) => o.who === e.who && isAlike(o));
  const scales = entries.filter((e) => e.byScale && e.time === undefined);
  const writers = [
    newestOf(entries.filter((e) => e.time !== undefined && !was(e, (o) => o.time === e.time))),
    newestOf(scales.filter((e) => !was(e, () => true))),
  ];
  const isRobbed = entries.some((e) => was(e, (o) => o.time === e.time && o.fields !== e.fields));
  const again = isDeletion(v, before) ? undefined : newestOf(scales);
  return writers[0] ?? writers[1] ?? (isRobbed ? 'nobody known' : again);
}

const isDeletion = (v: Version, before: Version): boolean =>
  v.metadata.deletionTimestamp !== undefined && before.metadata.deletionTimestamp === undefined;

function generation(
  number: number,
  version: bigint,
  changed: bigint | undefined,
  entry: SpecEntry | undefined,
  isSeen: boolean,
): Generation {
  const { manager = 'unknown', operation = 'Update', byScale = false } = entry ?? {};
  return { number, version, changed, isSeen, manager, operation, byScale };
}

function specEntries(v: Version): SpecEntry[] {
  const entries: SpecEntry[] = [];
  for (const entry of v.metadata.managedFields ?? []) {
    const { manager = '', operation = '', subresource = '', time, fieldsV1 = {} } = entry;
    if (!('f:spec' in fieldsV1) || !['', 'scale'].includes(subresource)) continue;
    const at = stamp(time)?.at;
    entries.push({
      ...{ manager, operation, byScale: subresource === 'scale' },
      ...{ who: `${manager} ${operation} ${subresource}`, fields: JSON.stringify(fieldsV1) },
      time: at === undefined ? undefined : floor(at),
    });
  }
  return entries;
}

/** The entry with the newest time, of equal ones the last in the list. */
function newestOf(entries: SpecEntry[]): SpecEntry | undefined {
  return entries.reduce<SpecEntry | undefined>(
    (a, b) => (a && (a.time ?? 0n) > (b.time ?? 0n) ? a : b),
    undefined,
  );
}

const MAX = 2n ** 63n;
const GENERATIONS_MAX = 32;
const versionOf = (v: Version): bigint => BigInt(v.metadata.resourceVersion ?? 0);
const createdOf = (v: Version): bigint => floor(stamp(v.metadata.creationTimestamp)?.at ?? 0n);
