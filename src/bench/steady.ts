// The workload `steady`: what a cluster tells in which rollouts never stop, as a watch of Events and of
// metadata sees it. The lives of the five real recordings, each begun when its turn comes, overlap in
// time; 115 Events a second come to ten million a day. Every object is told as PartialObjectMetadata,
// one frame for two Events. In go a number of bytes and a seed, out come whole seconds as Buffers, in
// the order in which frames were received. The same seed gives the same bytes.
import { RECORDINGS } from '../recordings.js';
import { START_MS, type WorkloadOptions } from './mixed.js';
import { randomFrom } from './random.js';
import { compileRecording, type Line, type RecordedFrame } from './template.js';

/** A line and when it was received. */
interface Told {
  ms: number;
  line: string;
}

const EVENTS_PER_SECOND = 115;
const EVENTS_PER_METADATA_FRAME = 2;
const VERSIONS_PER_COPY = 1000;
const RECEIVED_AT = '"receivedAt":"';

/** Yields whole seconds; a copy is a life. */
export function* generateSteady({
  bytes,
  seed = 1,
  onCopy = () => {},
}: WorkloadOptions): Generator<Buffer> {
  const lives = RECORDINGS.map((file) => compileRecording(file, watched));
  const random = randomFrom(seed);
  const seconds = new Map<number, Told[]>();
  let copy = 0;
  let events = 0;
  let written = 0;
  for (let second = START_MS / 1000; written < bytes || seconds.size > 0; second += 1) {
    const due = (second - START_MS / 1000 + 1) * EVENTS_PER_SECOND;
    for (; written < bytes && events < due; copy += 1) {
      const life = lives[Math.floor(random() * lives.length)]!;
      const shiftS = second - Math.floor(life.bounds.firstMs / 1000);
      const versionShift = copy * VERSIONS_PER_COPY;
      const id = `s${seed}c${copy}`;
      place(life.render({ id, moved: (at: number) => at + shiftS, versionShift }), seconds);
      events += life.occurrences;
      onCopy(life);
    }
    const text = textOf(seconds.get(second) ?? []);
    seconds.delete(second);
    written += text.length;
    if (text.length > 0) yield text;
  }
}

/** Puts each line to its second. */
function place(text: string, seconds: Map<number, Told[]>): void {
  for (const line of text.trimEnd().split('\n')) {
    const at = line.lastIndexOf(RECEIVED_AT) + RECEIVED_AT.length;
    const received = line.slice(at, line.indexOf('"', at));
    const ms = Date.parse(received);
    const second = Math.floor(ms / 1000);
    const told = seconds.get(second);
    if (told) told.push({ ms, line });
    else seconds.set(second, [{ ms, line }]);
  }
}

function textOf(lines: Told[]): Buffer {
  lines.sort((a, b) => a.ms - b.ms);
  return Buffer.from(lines.map(({ line }) => `${line}\n`).join(''));
}

/** The Events of a life, and half as many frames of metadata: begins and ends of objects first. */
function watched(frames: Line[]): string[] {
  const isEvent = ({ frame }: Line) => frame.object.kind === 'Event';
  const metadata = frames.filter((it) => !isEvent(it) && it.frame.object.kind !== 'Node');
  const wanted = Math.round(frames.filter(isEvent).length / EVENTS_PER_METADATA_FRAME);
  const ranked = metadata.toSorted((a, b) => rank(a, metadata) - rank(b, metadata));
  const chosen = new Set(ranked.slice(0, wanted));
  const told = frames.filter((it) => isEvent(it) || chosen.has(it));
  return told.map((it) => (isEvent(it) ? it.line : partial(it.frame)));
}

function rank(it: Line, metadata: Line[]): number {
  const { type, object } = it.frame;
  if (type === 'ADDED') return 0;
  if (type === 'DELETED') return 1;
  const { uid, generation } = object.metadata;
  const before = metadata
    .slice(0, metadata.indexOf(it))
    .findLast(({ frame }) => frame.object.metadata.uid === uid);
  return before?.frame.object.metadata.generation === generation ? 3 : 2;
}

function partial({ type, object, receivedAt }: RecordedFrame): string {
  const [version, group = ''] = object.apiVersion.split('/').reverse();
  const resource = { group, version, kind: object.kind };
  const { metadata } = object;
  const known = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
  return JSON.stringify({ type, object: known, resource, receivedAt });
}
