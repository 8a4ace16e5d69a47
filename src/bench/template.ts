// Turns a real recording into a template that can be written again and again as something that
// happened to other objects at another time. What differs from copy to copy (uids, names, times,
// resourceVersions) becomes a slot; the rest stays byte for byte. A copy ends with a DELETED frame
// for every object that the recording left alive, so that state can be let go.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** What a copy differs by. */
export interface Copy {
  /** Part of every name; unique, lower case, fit for a Kubernetes name. */
  id: string;
  /** Where a second of the recording goes. */
  moved: (second: number) => number;
  /** Added to every resourceVersion. */
  versionShift: number;
}

/** Of an object in a frame, what generators look at. */
interface RecordedObject {
  kind: string;
  apiVersion: string;
  metadata: { name: string; uid: string; resourceVersion: string; generation?: number };
  count?: number;
  series?: { count?: number };
}

export interface RecordedFrame {
  type: string;
  object: RecordedObject;
  receivedAt: string;
}

/** A frame and its text. */
export interface Line {
  line: string;
  frame: RecordedFrame;
}

/** First and last receivedAt (ms), lowest and highest resourceVersion. */
export interface Bounds {
  firstMs: number;
  lastMs: number;
  firstVersion: number;
  lastVersion: number;
}

/** What a copy holds. */
export interface CopyCounts {
  frames: number;
  /** Event occurrences: (uid, count) pairs. */
  occurrences: number;
}

export interface Template extends CopyCounts {
  /** Of the recording with its DELETED frames. */
  bounds: Bounds;
  /** The text of one copy. */
  render(copy: Copy): string;
}

type SlotKind = 'uid' | 'time' | 'nanos' | 'name' | 'version';

/** Reads an NDJSON recording and compiles it, or the lines that `select` makes of its frames. */
export function compileRecording(
  file: string,
  select: (frames: Line[]) => string[] = (frames) => frames.map(({ line }) => line),
): Template {
  const recorded = readFileSync(file, 'utf8').trimEnd().split('\n');
  const frames = withDeletions(recorded);
  const slots = new SlotTable();
  const pattern = slotPattern(frames);
  const selected = select(frames);
  const parts = selected.map((line) => cut(`${line}\n`, pattern, slots));
  return {
    bounds: boundsOf(frames),
    occurrences: countOccurrences(frames),
    frames: selected.length,
    render: (copy) => render(parts, slots.values(copy)),
  };
}

/** Every distinct slot once: a copy computes its value once and puts it in many places. */
class SlotTable {
  readonly #index = new Map<string, number>();
  readonly #slots: { kind: SlotKind; text: string }[] = [];

  add(kind: SlotKind, text: string): number {
    const key = `${kind} ${text}`;
    let index = this.#index.get(key);
    if (index === undefined) {
      index = this.#slots.push({ kind, text }) - 1;
      this.#index.set(key, index);
    }
    return index;
  }

  values(copy: Copy): string[] {
    return this.#slots.map(({ kind, text }) => copiedSlot[kind](text, copy));
  }
}

const SECOND = 1_000_000_000n;

/** What each kind of slot holds in a copy. */
const copiedSlot: Record<SlotKind, (text: string, copy: Copy) => string> = {
  uid: (text, { id }) => uuidOf(createHash('sha1').update(`${id} ${text}`).digest('hex')),
  time(text, { moved }) {
    const second = moved(Date.parse(`${text.slice(0, 19)}Z`) / 1000);
    return new Date(second * 1000).toISOString().slice(0, 19) + text.slice(19);
  },
  nanos(text, { moved }) {
    const nanos = BigInt(`0x${text}`);
    const second = BigInt(moved(Number(nanos / SECOND)));
    return (second * SECOND + (nanos % SECOND)).toString(16).padStart(16, '0');
  },
  name: (text, { id }) => `${id}-${text}`,
  version: (text, { versionShift }) => String(Number(text) + versionShift),
};

function uuidOf(hex: string): string {
  const group = (from: number, to: number) => hex.slice(from, to);
  return `${group(0, 8)}-${group(8, 12)}-4${group(13, 16)}-a${group(17, 20)}-${group(20, 32)}`;
}

/** One expression that finds all slots; the name of the group that matched is the slot's kind. */
function slotPattern(frames: Line[]): RegExp {
  const objects = frames.map(({ frame }) => frame.object).filter(({ kind }) => kind !== 'Event');
  const names = alternatives(objects.filter(({ kind }) => kind !== 'Namespace'));
  const namespaces = alternatives(objects.filter(({ kind }) => kind === 'Namespace'));
  // Namespaces of the recordings are everyday words ("batch"), so their surroundings must tell.
  const before = '"namespace":"|"kind":"Namespace"[^{]*"metadata":{"name":"|metadata\\.name":"';
  const namespace = [
    `(?<=${before})(?:${namespaces})(?=")`,
    `(?<![\\w./-])(?:${namespaces})(?=/(?:${names})(?!\\w))`,
    `(?<=_)(?:${namespaces})(?=_)`,
  ].join('|');
  const kinds: Record<SlotKind, string> = {
    uid: '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
    time: '(?<=")\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?Z(?=")',
    nanos: '(?<="metadata":{"name":"[^"]*\\.)[0-9a-f]{16}(?=")',
    version: '(?<="resourceVersion":")\\d+(?=")',
    name: `(?<![A-Za-z0-9-])(?:${names})(?![A-Za-z0-9]|-[^"])|${namespace}`,
  };
  const groups = Object.entries(kinds).map(([kind, source]) => `(?<${kind}>${source})`);
  return new RegExp(groups.join('|'), 'g');
}

/** Longest first, so that a pod's name is not taken for its owner's. */
function alternatives(objects: RecordedObject[]): string {
  const names = new Set(objects.map(({ metadata }) => metadata.name));
  return [...names].sort((a, b) => b.length - a.length || (a < b ? -1 : 1)).join('|');
}

/** Literal text and slot numbers in turn, beginning and ending with text. */
function cut(line: string, pattern: RegExp, slots: SlotTable): (string | number)[] {
  const parts: (string | number)[] = [];
  let end = 0;
  for (const match of line.matchAll(pattern)) {
    const [kind, text] = Object.entries(match.groups!).find(([, value]) => value !== undefined)!;
    parts.push(line.slice(end, match.index), slots.add(kind as SlotKind, text));
    end = match.index + text.length;
  }
  parts.push(line.slice(end));
  return parts;
}

function render(frames: (string | number)[][], values: string[]): string {
  let text = '';
  for (const parts of frames) {
    for (const part of parts) text += typeof part === 'string' ? part : values[part];
  }
  return text;
}

/** The recording's frames and, a second after the last, the deletions: last made, first deleted. */
function withDeletions(lines: string[]): Line[] {
  const frames: Line[] = lines.map((line) => ({ line, frame: JSON.parse(line) }));
  const alive = new Map<string, { object: RecordedObject }>();
  for (const { frame } of frames) {
    const { kind, metadata } = frame.object;
    if (kind === 'Event') continue;
    const known = alive.get(metadata.uid);
    if (frame.type === 'DELETED') alive.delete(metadata.uid);
    else if (known) known.object = frame.object;
    else alive.set(metadata.uid, { object: frame.object });
  }
  const { lastMs, lastVersion } = boundsOf(frames);
  const receivedAt = new Date(lastMs + 1000).toISOString();
  const deletions = [...alive.values()].reverse().map(({ object }, index) => {
    const metadata = { ...object.metadata, resourceVersion: String(lastVersion + 1 + index) };
    const frame = { type: 'DELETED', object: { ...object, metadata }, receivedAt };
    return { line: JSON.stringify(frame), frame };
  });
  return [...frames, ...deletions];
}

function boundsOf(frames: Line[]): Bounds {
  const times = frames.map(({ frame }) => Date.parse(frame.receivedAt));
  const versions = frames.map(({ frame }) => Number(frame.object.metadata.resourceVersion));
  return {
    firstMs: Math.min(...times),
    lastMs: Math.max(...times),
    firstVersion: Math.min(...versions),
    lastVersion: Math.max(...versions),
  };
}

/** How many (Event uid, count) pairs there are: what a correlator has to make a span of. */
function countOccurrences(frames: Line[]): number {
  const events = frames.map(({ frame }) => frame.object).filter(({ kind }) => kind === 'Event');
  const keys = events.map(
    (event) => `${event.metadata.uid} ${event.series?.count ?? event.count ?? 0}`,
  );
  return new Set(keys).size;
}
