// The naive oracle's knowledge of objects: metadata versions in; out, for any moment, every object
// known by then with its generations, owners and deletion. Computed anew at each question.
import type { ObjectRef, Version } from './naive-model.ts';
import { floor, MINUTE, SECOND, stamp } from './naive-time.ts';

/** A spec as one writer left it. `changed`: start of the second; unknown without managedFields. */
export interface Generation {
  number: number;
  version: bigint;
  changed: bigint | undefined;
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
}

/** An entry of metadata.managedFields that may own f:spec. */
interface SpecEntry {
  manager: string;
  operation: string;
  subresource: string;
  time: bigint;
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

function knownObject(all: Version[]): KnownObject {
  const newer = all.filter((v, i) => all.slice(0, i).every((w) => versionOf(w) < versionOf(v)));
  const latest = newer[newer.length - 1]!;
  const { metadata } = latest;
  const entries = specEntries(all[0]!);
  const earliest = entries.reduce((a, b) => (b.time < a.time ? b : a), entries[0]!);
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
  };
}

function generationsOf(versions: Version[]): Generation[] {
  const generations: Generation[] = [];
  versions.forEach((v, i) => {
    const number: number = v.metadata.generation ?? 0;
    const newest = newestOf(specEntries(v));
    if (i === 0) {
      const created = createdOf(v);
      const changed = newest?.time ?? created;
      const original = newestOf(specEntries(v).filter((entry) => entry.time <= created));
      // The listed object was changed before it was seen: the generation before existed, too.
      if (number >= 2 && changed > created)
        generations.push(generation(number - 1, 0n, created, original));
      generations.push(generation(number, versionOf(v), changed, newest));
    } else if (
      opensGeneration(v, versions[i - 1]!, number, generations[generations.length - 1]!.number)
    ) {
      generations.push(generation(number, versionOf(v), newest?.time, newest));
    }
  });
  return generations;
}

function opensGeneration(v: Version, before: Version, number: number, current: number): boolean {
  if (number === current) return false;
  const entries = specEntries(v);
  if (v.metadata.managedFields) return entries.length > 0 && !sameSet(entries, specEntries(before));
  const isDeletion = v.metadata.deletionTimestamp && !before.metadata.deletionTimestamp;
  return number !== before.metadata.generation && !before.metadata.managedFields && !isDeletion;
}

function generation(
  number: number,
  version: bigint,
  changed: bigint | undefined,
  entry: SpecEntry | undefined,
): Generation {
  const { manager = 'unknown', operation = 'Update', subresource = '' } = entry ?? {};
  return { number, version, changed, manager, operation, byScale: subresource === 'scale' };
}

function specEntries(v: Version): SpecEntry[] {
  return (v.metadata.managedFields ?? []).flatMap(
    ({ manager = '', operation = '', subresource = '', time = '', fieldsV1 = {} }) =>
      'f:spec' in fieldsV1 && ['', 'scale'].includes(subresource)
        ? [
            {
              manager,
              operation,
              subresource,
              time: floor(stamp(time)?.at ?? 0n),
              fields: JSON.stringify(fieldsV1),
            },
          ]
        : [],
  );
}

/** The entry with the newest time, of equal ones the last in the list. */
function newestOf(entries: SpecEntry[]): SpecEntry | undefined {
  return entries.reduce<SpecEntry | undefined>((a, b) => (a && a.time > b.time ? a : b), undefined);
}

function sameSet(a: SpecEntry[], b: SpecEntry[]): boolean {
  const text = (entries: SpecEntry[]): string =>
    entries
      .map((e) => JSON.stringify({ ...e, time: `${e.time}` }))
      .sort()
      .join();
  return text(a) === text(b);
}

const versionOf = (v: Version): bigint => BigInt(v.metadata.resourceVersion ?? 0);
const createdOf = (v: Version): bigint => floor(stamp(v.metadata.creationTimestamp)?.at ?? 0n);
