// What an API server sends, as frames: the lines of a watch and the pages of a list, each with the time
// of its receipt and the resource it belongs to written into its text. Bytes in, bytes out: no object is
// made of an Event. Promises that only whole frames come out, that bookmarks and errors come out apart,
// and that a frame larger than one may be is stood for by one that the Router counts as too large.

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const CLOSE_BRACE = 0x7d;

/** Of the objects of a stream. */
export interface ResourceKind {
  group: string;
  version: string;
  kind: string;
}

/** What a server says beside frames. */
export interface Bookmark {
  version: string;
  /** What there was when the watch began has been sent. */
  initialEnd: boolean;
}

export interface WatchFrames {
  /** Whole lines. */
  frames: Buffer;
  /** resourceVersion of the last one; empty: there was none. */
  version: string;
  bookmark?: Bookmark;
  /** Code of an ERROR frame, which is the last thing that counts. */
  errorCode?: number;
}

export interface ListFrames {
  frames: Buffer;
  version: string;
  continueToken: string;
}

/** The end of a frame: who it is about and when it came. */
export function frameEnd(resource: ResourceKind, receivedAt: string): Buffer {
  const { group, version, kind } = resource;
  const told = JSON.stringify({ receivedAt, resource: { group, version, kind } });
  return Buffer.from(`,${told.slice(1)}\n`);
}

/** An object by itself as a frame. */
export function addedFrame(object: object, resource: ResourceKind, receivedAt: string): Buffer {
  const text = Buffer.from(JSON.stringify(object));
  return Buffer.concat([FRAME_START, text, frameEnd(resource, receivedAt)]);
}

/** A frame that tells nothing but the time. */
export function tickFrame(receivedAt: string): Buffer {
  return Buffer.from(`{"type":"BOOKMARK","object":{},"receivedAt":"${receivedAt}"}\n`);
}

/** Whether a chunk that a live source yielded is such a frame: it then is nothing else. */
export function isTick(chunk: Buffer): boolean {
  return isControl(chunk, 0);
}

/** Cuts a watch's stream into lines. */
export class WatchLines {
  readonly #frameBytesMax: number;
  #rest: Buffer = Buffer.alloc(0);
  /** The line that is under way was too large. */
  #lost = false;

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
  }

  /** The lines that this chunk completes, each with `end` in place of its closing brace. */
  push(chunk: Uint8Array, end: Buffer): WatchFrames {
    const bytes = this.#joined(chunk);
    const cut = bytes.lastIndexOf(NEWLINE) + 1;
    // A copy: chunks are views of a buffer that is used again.
    this.#rest = Buffer.from(bytes.subarray(cut));
    const found = finished(bytes.subarray(0, cut), end);
    return this.#rest.length > this.#frameBytesMax ? this.#lose(found) : found;
  }

  #joined(chunk: Uint8Array): Buffer {
    const added = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (!this.#lost) return this.#rest.length === 0 ? added : Buffer.concat([this.#rest, added]);
    const end = added.indexOf(NEWLINE);
    this.#lost = end < 0;
    return end < 0 ? Buffer.alloc(0) : added.subarray(end + 1);
  }

  #lose(found: WatchFrames): WatchFrames {
    const standIn = Buffer.alloc(this.#frameBytesMax + 3, ' ');
    standIn.write('{', 0);
    standIn.write('}\n', standIn.length - 2);
    this.#rest = Buffer.alloc(0);
    this.#lost = true;
    return { ...found, frames: Buffer.concat([found.frames, standIn]) };
  }
}

function finished(lines: Buffer, end: Buffer): WatchFrames {
  const frames = Buffer.allocUnsafe(lines.length + countLines(lines) * end.length);
  const found: WatchFrames = { frames, version: '' };
  let written = 0;
  let last = 0;
  for (let start = 0; start < lines.length; ) {
    const newline = lines.indexOf(NEWLINE, start);
    if (!isControl(lines, start)) {
      last = written;
      written = writeFrame(lines, start, newline, frames, written, end);
    } else if (readControl(lines.toString('utf8', start, newline), found)) break;
    start = newline + 1;
  }
  found.frames = frames.subarray(0, written);
  found.version = versionIn(found.frames, last);
  return found;
}

function countLines(lines: Buffer): number {
  let count = 0;
  for (let at = lines.indexOf(NEWLINE); at >= 0; at = lines.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}

/** Returns where the next one goes. What does not end as an object goes on as it is. */
function writeFrame(
  from: Buffer,
  start: number,
  newline: number,
  to: Buffer,
  at: number,
  end: Buffer,
): number {
  const isObject = from[newline - 1] === CLOSE_BRACE;
  const copied = from.copy(to, at, start, isObject ? newline - 1 : newline + 1);
  return at + copied + (isObject ? end.copy(to, at + copied) : 0);
}

const BOOKMARK = Buffer.from('{"type":"BOOKMARK"');
const ERROR = Buffer.from('{"type":"ERROR"');

function isControl(bytes: Buffer, start: number): boolean {
  const begins = (word: Buffer) => bytes.compare(word, 0, word.length, start, start + word.length);
  return begins(BOOKMARK) === 0 || begins(ERROR) === 0;
}

/** Returns whether nothing after it counts. */
function readControl(line: string, found: WatchFrames): boolean {
  const { type, object } = parsed(line);
  if (type === 'ERROR') {
    found.errorCode = Number(object?.code) || 500;
    return true;
  }
  const { resourceVersion = '', annotations } = object?.metadata ?? {};
  const isEnd = annotations?.['k8s.io/initial-events-end'] === 'true';
  // On a busy server a plain bookmark follows it at once.
  const initialEnd = isEnd || found.bookmark?.initialEnd === true;
  found.bookmark = { version: resourceVersion, initialEnd };
  return false;
}

interface Control {
  type?: string;
  object?: {
    code?: number;
    metadata?: { resourceVersion?: string; annotations?: Record<string, string> };
  };
}

function parsed(line: string): Control {
  try {
    return JSON.parse(line);
  } catch {
    return { type: 'ERROR' };
  }
}

const VERSION = Buffer.from('"resourceVersion":"');

/** The first one in a frame is that of its metadata: API servers write names, uid, then it. */
function versionIn(frames: Buffer, from: number): string {
  const found = frames.indexOf(VERSION, from);
  if (found < 0) return '';
  const start = found + VERSION.length;
  return frames.toString('latin1', start, frames.indexOf(QUOTE, start));
}

const FRAME_START = Buffer.from('{"type":"ADDED","object":');

/** The items of a page as ADDED frames; `isWanted` sees the text of each. */
export function listFrames(
  page: Buffer,
  end: Buffer,
  isWanted: (item: Buffer) => boolean = () => true,
): ListFrames {
  const pieces: Buffer[] = [];
  const { head, tail } = eachItem(page, (item) => {
    if (isWanted(item)) pieces.push(FRAME_START, item, end);
  });
  const { metadata } = JSON.parse(`${head}${tail}`) as { metadata?: ListMetadata };
  const { resourceVersion: version = '', continue: continueToken = '' } = metadata ?? {};
  return { frames: Buffer.concat(pieces), version, continueToken };
}

interface ListMetadata {
  resourceVersion?: string;
  continue?: string;
}

/** Calls back with each element of `items`, and returns what is around them. */
function eachItem(page: Buffer, onItem: (item: Buffer) => void): { head: string; tail: string } {
  let depth = 0;
  let key = '';
  let [begin, end, start] = [page.length, page.length, 0];
  for (let at = 0; at < page.length; at++) {
    const byte = page[at];
    if (byte === QUOTE) {
      const close = stringEnd(page, at);
      if (depth === 1) key = page.toString('latin1', at + 1, close);
      at = close;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth === 2 && key === 'items') begin = at + 1;
      if (depth === 3 && begin <= at && end === page.length) start = at;
    } else if (byte === CLOSE_BRACE || byte === 0x5d) {
      depth -= 1;
      if (begin > at || end < at) continue;
      if (depth === 2) onItem(page.subarray(start, at + 1));
      if (depth === 1) end = at;
    }
  }
  return { head: page.toString('utf8', 0, begin), tail: page.toString('utf8', end) };
}

function stringEnd(bytes: Buffer, start: number): number {
  let at = bytes.indexOf(QUOTE, start + 1);
  while (at > 0 && isEscaped(bytes, at)) at = bytes.indexOf(QUOTE, at + 1);
  return at < 0 ? bytes.length : at;
}

function isEscaped(bytes: Buffer, at: number): boolean {
  let before = at - 1;
  while (bytes[before] === BACKSLASH) before -= 1;
  return (at - before) % 2 === 0;
}

const TIMES =
  /"(?:time|creationTimestamp|firstTimestamp|lastTimestamp|eventTime|lastObservedTime)":"([^"]+)"/g;

/** The newest time that is written in an Event: about when it was written. NaN: none. */
export function newestTime(text: Buffer): number {
  let newest = Number.NaN;
  for (const [, time] of text.toString('latin1').matchAll(TIMES)) {
    const at = Date.parse(time!);
    if (!(at <= newest) && !Number.isNaN(at)) newest = at;
  }
  return newest;
}
