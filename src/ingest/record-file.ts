// One file of a recording, made new and for its owner's eyes only, gzipped (on libuv's threads) when its
// name ends in .gz. A write resolves when it was taken, so that whoever waits for it is held up by the
// disk. What is there under the name already is set aside under a name with its time, never overwritten.
// Whatever goes wrong is an ExportError of one line.
import {
  createWriteStream,
  existsSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  type WriteStream,
} from 'node:fs';
import type { Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { constants, createGzip, type Gzip } from 'node:zlib';
import { ExportError, reasonOf } from '../errors.js';

const OWNER_ONLY = 0o600;

export class RecordFile {
  readonly #path: string;
  readonly #file: WriteStream;
  readonly #gzip: Gzip | undefined;
  readonly #done: Promise<void>;
  #failure: unknown;

  /** Throws an ExportError when there can be no such file. */
  constructor(path: string) {
    this.#path = path;
    this.#file = createWriteStream(path, { fd: openNew(path) });
    this.#gzip = path.endsWith('.gz') ? createGzip() : undefined;
    this.#done = this.#gzip ? pipeline(this.#gzip, this.#file) : finished(this.#file);
    // Whoever writes or closes hears of it.
    this.#done.catch((error) => {
      this.#failure ??= error;
    });
  }

  /** On the disk. */
  get bytes(): number {
    return this.#file.bytesWritten;
  }

  /** Resolves when there is room for more. */
  async write(data: Uint8Array): Promise<void> {
    await this.#called((done) => this.#head.write(data, done));
  }

  /** What gzip holds back goes to the file, so that nothing is lost when the process is. */
  async flush(): Promise<void> {
    await this.#called((done) => this.#gzip?.flush(constants.Z_SYNC_FLUSH, done) ?? done());
  }

  /** Resolves when the file is complete. */
  async close(): Promise<void> {
    this.#head.end();
    await this.#done.catch((error) => this.#fail(error));
  }

  get #head(): Writable {
    return this.#gzip ?? this.#file;
  }

  #called(call: (done: (error?: Error | null) => void) => unknown): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      call((error) => (error ? reject(error) : resolve()));
    }).catch((error) => this.#fail(error));
  }

  #fail(error: unknown): never {
    const first = this.#failure ?? error;
    const message = `cannot write to ${this.#path}: ${reasonOf(first)}`;
    throw new ExportError('output_failed', message, first);
  }
}

function openNew(path: string): number {
  try {
    setAside(path);
    return openSync(path, 'wx', OWNER_ONLY);
  } catch (error) {
    const message = `cannot write to ${path}: ${reasonOf(error)}`;
    throw new ExportError('output_unwritable', message, error);
  }
}

function setAside(path: string): void {
  const info = statSync(path, { throwIfNoEntry: false });
  if (!info) return;
  if (!info.isFile()) throw new Error('it is no file');
  if (info.size === 0) rmSync(path);
  else renameSync(path, freeName(path, info.mtimeMs));
}

/** `shop-2026-11-23T10-00-00.123Z.ndjson.gz`: sorted by name, such files are in order. */
function freeName(path: string, time: number): string {
  const [suffix] = /(?<=[^/])(\.[^./]+)?(\.gz)?$/.exec(path)!;
  const stem = path.slice(0, path.length - suffix.length);
  for (let at = Math.floor(time); ; at++) {
    const name = `${stem}-${new Date(at).toISOString().replaceAll(':', '-')}${suffix}`;
    if (!existsSync(name)) return name;
  }
}
