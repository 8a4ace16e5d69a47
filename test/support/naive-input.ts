// The naive oracle's reading: the bytes of a recording in; every version of every object's metadata
// and every occurrence out, each with the stream clock at its arrival. The whole input is in memory,
// one JSON value a line or one JSON document (what `kubectl get -o json` prints).
import type { ObjectRef, Occurrence, Version } from './naive-model.ts';
import { findRule } from './naive-rules.ts';
import { floor, SECOND, SECOND_END, type Stamp, stamp } from './naive-time.ts';

// biome-ignore lint/suspicious/noExplicitAny: the input may be any JSON
type Json = any;

/** Reads a recording. Duplicates and Events without uid, object or time are left out. */
export function readRecording(
  input: Uint8Array,
  window: bigint,
): { versions: Version[]; occurrences: Occurrence[] } {
  const versions: Version[] = [];
  const occurrences: Occurrence[] = [];
  const highest = new Map<string, number>();
  let clock = 0n;
  for (const { type, object, receivedAt, resource } of framesOf(new TextDecoder().decode(input))) {
    const received = stamp(receivedAt)?.at ?? 0n;
    if (received > clock) clock = received;
    if (type === 'BOOKMARK' || type === 'ERROR' || !object?.metadata) continue;
    if (object.kind !== 'Event') {
      const kind: string = resource?.kind ?? object.kind;
      const group = resource?.group ? `${resource.group}/` : '';
      const apiVersion = resource ? group + resource.version : object.apiVersion;
      const ref = refOf({ apiVersion, kind, ...object.metadata });
      versions.push({
        seen: received && clock,
        isDelete: type === 'DELETED',
        ref,
        metadata: object.metadata,
        scaleTarget: object.spec?.scaleTargetRef,
      });
      continue;
    }
    const occurrence = type === 'DELETED' ? undefined : occurrenceOf(object);
    if (!occurrence || occurrence.count <= (highest.get(occurrence.uid) ?? -1)) continue;
    highest.set(occurrence.uid, occurrence.count);
    // Events with no time of arrival are read in the order of their own times.
    occurrence.seen = received ? clock : occurrence.at;
    occurrence.watermark = occurrence.seen - window;
    occurrence.late =
      (occurrence.precise ? occurrence.at : occurrence.at + SECOND_END) < occurrence.watermark;
    occurrences.push(occurrence);
  }
  return { versions, occurrences };
}

function framesOf(text: string): Json[] {
  let values: Json[];
  try {
    values = [JSON.parse(text)];
  } catch {
    values = text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line));
  }
  return values.flatMap((value) => {
    if (value.object !== undefined) return [value];
    if (!Array.isArray(value.items)) return [{ type: 'ADDED', object: value }];
    const kind = value.kind.replace(/List$/, '');
    return value.items.map((item: Json) => ({
      type: 'ADDED',
      object: { kind, apiVersion: value.apiVersion, ...item },
    }));
  });
}

function refOf(ref: Json): ObjectRef {
  const { apiVersion = '', kind = '', namespace = '', name = '', uid = '' } = ref;
  return {
    apiVersion,
    kind,
    namespace,
    name,
    uid,
    resourceVersion: ref.resourceVersion,
    fieldPath: ref.fieldPath,
  };
}

/** Both API groups in one shape: events.k8s.io/v1 renames the fields of core/v1. */
function occurrenceOf(event: Json): Occurrence | undefined {
  const { metadata, series, reason = '', type = '' } = event;
  const ref = event.regarding ?? event.involvedObject;
  const source = event.deprecatedSource ?? event.source ?? {};
  const count: number = series?.count ?? event.deprecatedCount ?? event.count ?? 0;
  const message: string = event.note ?? event.message ?? '';
  const component: string =
    source.component || event.reportingController || event.reportingComponent || '';
  const first = count <= 1 && !series;
  const time = timeOf(event, first);
  if (!metadata.uid || !(ref?.kind || ref?.name) || !time) return undefined;
  const regarding = refOf(ref);
  const { rule, captures } = findRule({ component, regarding, type, reason, message });
  const told = captures.related && { ...event.related, uid: captures.related };
  const related = event.related?.uid ? event.related : told || event.related;
  return {
    ...{
      uid: metadata.uid,
      name: metadata.name,
      count,
      reason,
      action: event.action ?? '',
      message,
      type,
    },
    ...{ version: BigInt(metadata.resourceVersion ?? 0), component, host: source.host ?? '' },
    ...{ regarding, related: related && refOf(related), ...time, first },
    instance: source.host || event.reportingInstance || '',
    topLevel: metadata.annotations?.topLevelSpan === 'true',
    inSeries: series !== undefined,
    created: stamp(metadata.creationTimestamp)?.at,
    ...{ rule, captures },
    ...{ seen: 0n, watermark: 0n, late: false },
  };
}

/** The best known time of an occurrence, never after the second in which the API server wrote it. */
function timeOf(event: Json, first: boolean): Stamp | undefined {
  const { metadata, series, eventTime } = event;
  const firstTimestamp = stamp(event.deprecatedFirstTimestamp ?? event.firstTimestamp);
  const last = stamp(event.deprecatedLastTimestamp ?? event.lastTimestamp);
  const created = stamp(metadata.creationTimestamp);
  const time =
    (first
      ? (stamp(eventTime, true) ?? suffixTime(metadata.name, firstTimestamp?.at))
      : (stamp(series?.lastObservedTime, true) ?? last)) ??
    firstTimestamp ??
    created;
  const newest: bigint | undefined =
    (metadata.managedFields ?? [])
      .map((entry: Json) => stamp(entry.time)?.at)
      .reduce((a?: bigint, b?: bigint) => (a === undefined || (b ?? 0n) > a ? b : a), undefined) ??
    (first ? created?.at : undefined);
  if (time && newest !== undefined && time.at > floor(newest) + SECOND_END)
    return { at: floor(newest), precise: false };
  return time;
}

/** Nanoseconds from the hex end of an Event's name, if they agree with its first timestamp. */
function suffixTime(name: string, firstTimestamp: bigint | undefined): Stamp | undefined {
  const [, hex] = /\.([0-9a-f]{16})$/i.exec(name) ?? [];
  if (hex === undefined || firstTimestamp === undefined) return undefined;
  const distance = BigInt(`0x${hex}`) - firstTimestamp;
  return distance >= -2n * SECOND && distance <= 2n * SECOND
    ? { at: BigInt(`0x${hex}`), precise: true }
    : undefined;
}
