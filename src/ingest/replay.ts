// Recordings as one stream of bytes: files and standard input in the order given, each plain or gzipped,
// told apart by their first bytes. JSON in any form goes on as it is, since the Router cuts it into
// frames; the YAML that the ancestor of kspan captured becomes JSON frames here. Chunks are pulled, so
// a slow consumer slows the reading, and reading never blocks the thread. An input that cannot be opened
// is an InputError before anything is read; one that breaks off is one after all that could be read.
import { closeSync, constants, fstatSync, openSync, open as openWithCallback } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { addAbortSignal } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip, type Gunzip } from 'node:zlib';
import { InputError, reasonOf } from '../errors.js';
import { captureFrames, isCapture } from './capture.js';

/** The name of standard input among the inputs. */
export const STDIN = '-';

export interface InputOptions {
  /** Bytes to read at a time. */
  chunkBytes: number;
  /** Of one frame; a larger document of a capture is skipped. */
  frameBytesMax: number;
  /** Ends the stream early and without an error. */
  signal?: AbortSignal | undefined;
  /** Told of bytes read, before they are unzipped. */
  onRead?: ((bytes: number) => void) | undefined;
}

type Chunks = AsyncIterable<Uint8Array>;

const NEWLINE = Buffer.from('\n');
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const GZIP_MAGIC = [0x1f, 0x8b];
/** Enough to tell a capture from JSON, unless white space goes before. */
const HEAD_BYTES = 64;

/**
 * Bytes in all inputs together, or undefined when one of them has no size that could be known. Rejects
 * with an InputError when one cannot be opened.
 */
export async function measureInputs(paths: readonly string[]): Promise<number | undefined> {
  const sizes = await Promise.all(paths.map(measure));
  return sizes.reduce(
    (sum, size) => (sum !== undefined && size !== undefined ? sum + size : undefined),
    0,
  );
}

async function measure(path: string): Promise<number | undefined> {
  try {
    const info = path === STDIN ? fstatSync(process.stdin.fd) : await stat(path);
    if (info.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    if (!info.isFile()) return undefined;
    // Opened only where that cannot block: a pipe without a writer would.
    if (path !== STDIN) await (await open(path)).close();
    return info.size;
  } catch (error) {
    const message = `cannot read ${nameOf(path)}: ${reasonOf(error)}`;
    throw new InputError('input_unreadable', message, error);
  }
}

/** All inputs as one stream; a newline stands between two, so that neither runs into the other. */
export async function* readInputs(
  paths: readonly string[],
  options: InputOptions,
): AsyncGenerator<Uint8Array> {
  for (const path of paths) {
    try {
      yield* frameBytes(await openInput(path, options), options);
    } catch (error) {
      if (options.signal?.aborted) return;
      throw readError(path, error);
    }
    yield NEWLINE;
  }
}

/** The content of one input, unzipped and without a byte order mark. */
async function* frameBytes(raw: Chunks, options: InputOptions): AsyncGenerator<Uint8Array> {
  const counted = countRead(raw, options.onRead);
  const zipped = await takeHead(counted, GZIP_MAGIC.length);
  const isZipped = GZIP_MAGIC.every((byte, index) => zipped.head[index] === byte);
  const plain = isZipped ? gunzip(zipped.all, options.chunkBytes) : zipped.all;
  const text = await takeHead(withoutMark(plain), HEAD_BYTES);
  yield* isCapture(text.head) ? captureFrames(text.all, options.frameBytesMax) : text.all;
}

async function* withoutMark(chunks: Chunks): AsyncGenerator<Uint8Array> {
  const { head, all } = await takeHead(chunks, BYTE_ORDER_MARK.length);
  let skip = BYTE_ORDER_MARK.every((byte, index) => head[index] === byte) ? 3 : 0;
  for await (const chunk of all) {
    yield skip > 0 ? chunk.subarray(skip) : chunk;
    skip = 0;
  }
}

async function openInput(path: string, options: InputOptions): Promise<Chunks> {
  if (path !== STDIN && !(await stat(path)).isFIFO()) return readFile(path, options);
  const stream = path === STDIN ? process.stdin : await openPipeStream(path, options);
  return options.signal ? addAbortSignal(options.signal, stream) : stream;
}

/**
 * A file into two buffers by turns: while one chunk is used the next is read. A chunk is good until the
 * next is asked for. A stream would make a new buffer for each, and much work for the collector.
 */
async function* readFile(
  path: string,
  { chunkBytes, signal }: InputOptions,
): AsyncGenerator<Uint8Array> {
  const file = await open(path);
  const read = (into: Uint8Array) => {
    const reading = file.read(into, 0, chunkBytes, null);
    // Whoever waits for it hears of it; until then nobody does.
    reading.catch(() => {});
    return reading;
  };
  let [next, other] = [new Uint8Array(chunkBytes), new Uint8Array(chunkBytes)];
  let reading = read(next);
  try {
    for (;;) {
      const { bytesRead } = await reading;
      signal?.throwIfAborted();
      if (bytesRead === 0) return;
      const chunk = next.subarray(0, bytesRead);
      [next, other] = [other, next];
      reading = read(next);
      yield chunk;
    }
  } finally {
    await reading.catch(() => {});
    await file.close();
  }
}

/** Read as a file, a pipe would block a thread of the process, which then could not exit. */
async function openPipeStream(path: string, { signal }: InputOptions): Promise<Socket> {
  return new Socket({ fd: await openPipe(path, signal), readable: true, writable: false });
}

/** Waits until somebody opens the pipe to write; after `signal` that is this process itself. */
async function openPipe(path: string, signal: AbortSignal | undefined): Promise<number> {
  let isOpen = false;
  const release = () => {
    if (isOpen) return;
    try {
      closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
    } catch {
      // Nobody waits for it yet.
      setImmediate(release);
    }
  };
  const opening = promisify(openWithCallback)(path, 'r').finally(() => {
    isOpen = true;
  });
  if (signal?.aborted) release();
  signal?.addEventListener('abort', release);
  return opening.finally(() => signal?.removeEventListener('abort', release));
}

async function* countRead(
  chunks: Chunks,
  onRead: InputOptions['onRead'],
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    onRead?.(chunk.length);
    yield chunk;
  }
}

/** The first bytes, at least so many if there are as many, and everything with these bytes again. */
async function takeHead(
  chunks: Chunks,
  length: number,
): Promise<{ head: Uint8Array; all: Chunks }> {
  const iterator = chunks[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < length) {
    const { done, value } = await iterator.next();
    if (done) break;
    // A copy also of the first, which is good until the next only.
    head = Buffer.concat([head, value]);
  }
  const all = async function* () {
    if (head.length > 0) yield head;
    yield* { [Symbol.asyncIterator]: () => iterator };
  };
  return { head, all: all() };
}

async function* gunzip(zipped: Chunks, chunkBytes: number): AsyncGenerator<Uint8Array> {
  const unzip = createGunzip({ chunkSize: Math.max(chunkBytes, 64) });
  void feed(zipped, unzip);
  yield* unzip;
}

/**
 * Waits for each chunk to be unzipped before it says that there are no more: so all that a file holds
 * is read before its missing end is found.
 */
async function feed(zipped: Chunks, unzip: Gunzip): Promise<void> {
  try {
    for await (const chunk of zipped) {
      await new Promise<void>((resolve, reject) => {
        unzip.write(chunk, (error) => (error ? reject(error) : resolve()));
      });
    }
    unzip.end();
  } catch (error) {
    unzip.destroy(error as Error);
  }
}

function readError(path: string, error: unknown): InputError {
  const message = `cannot read ${nameOf(path)} to its end: ${reasonOf(error)}`;
  return new InputError('input_failed', message, error);
}

function nameOf(path: string): string {
  return path === STDIN ? 'standard input' : path;
}
