// Spans on disk that a back end has not taken: a folder with one file for each batch, named by its
// number and how many spans it has, with the OTLP bytes as they are sent. A file is whole or not there,
// and goes when its spans have arrived; what an earlier run has left is sent first. Belongs to one
// process at a time. A disk that fails is told, and counts as full for a while.
import { readdirSync, rmSync, statSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { reasonOf } from '../errors.js';
import { ownFolder } from '../own-folder.js';
import { countSpans } from './decode.js';

/** A batch on disk. */
export interface SpooledBatch {
  file: string;
  size: number;
  spanCount: number;
}

export interface SpoolOptions {
  /** Of all files together. */
  bytesMax: number;
  /** Told a line for a person. */
  onNotice: (line: string) => void;
}

const NAME = /^(\d{12})-(\d+)\.otlp(.*)$/;
/** A disk that has failed is not tried again sooner. */
const PAUSE_MS = 10_000;

export class Spool {
  readonly #path: string;
  readonly #options: SpoolOptions;
  readonly #left: SpooledBatch[];
  #bytes: number;
  #number: number;
  #failedAt = Number.NEGATIVE_INFINITY;

  private constructor(path: string, options: SpoolOptions) {
    this.#path = path;
    this.#options = options;
    this.#left = filesOf(path);
    this.#bytes = this.#left.reduce((sum, { size }) => sum + size, 0);
    this.#number = Number(NAME.exec(this.#left.at(-1)?.file ?? '')?.[1] ?? 0);
  }

  /** Makes the folder in its parent where there is none. Throws a ConfigError when it cannot be used. */
  static open(path: string, options: SpoolOptions): Spool {
    return ownFolder(path, 'spans', () => new Spool(path, options));
  }

  /** Of all files. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What an earlier run has left, oldest first; once. */
  takeLeft(): SpooledBatch[] {
    return this.#left.splice(0);
  }

  /** Resolves with the file when it would outlast a loss of power; undefined: there is no place. */
  async put(bytes: Uint8Array, spanCount: number): Promise<string | undefined> {
    if (!this.#hasPlace(bytes)) return undefined;
    const file = this.#claim(bytes, spanCount);
    return writeFileAtomic(join(this.#path, file), asBuffer(bytes), MODE).then(
      () => file,
      (error: unknown) => this.#fail(bytes, error),
    );
  }

  /** The same at once, for a process that is about to end. */
  putNow(bytes: Uint8Array, spanCount: number): string | undefined {
    if (!this.#hasPlace(bytes)) return undefined;
    const file = this.#claim(bytes, spanCount);
    try {
      writeFileAtomic.sync(join(this.#path, file), asBuffer(bytes), MODE);
      return file;
    } catch (error) {
      return this.#fail(bytes, error);
    }
  }

  /** Rejects, and tells so, when the file is there no more or does not have these spans. */
  async read(file: string, spanCount: number): Promise<Uint8Array> {
    try {
      const bytes = await readFile(join(this.#path, file));
      if (hasSpans(bytes, spanCount)) return bytes;
      throw new Error('it is damaged');
    } catch (error) {
      const { onNotice } = this.#options;
      onNotice(`${spanCount} spans in ${join(this.#path, file)} are lost: ${reasonOf(error)}`);
      throw error;
    }
  }

  /** They have arrived. A file that stays all the same is sent again by the next run. */
  remove(file: string, size: number): void {
    this.#bytes -= size;
    rm(join(this.#path, file), { force: true }).catch((error: unknown) => this.#tell(error));
  }

  #hasPlace({ length }: Uint8Array): boolean {
    const isWell = performance.now() - this.#failedAt >= PAUSE_MS;
    return isWell && this.#bytes + length <= this.#options.bytesMax;
  }

  #claim({ length }: Uint8Array, spanCount: number): string {
    this.#bytes += length;
    this.#number += 1;
    return `${String(this.#number).padStart(12, '0')}-${spanCount}.otlp`;
  }

  #fail({ length }: Uint8Array, error: unknown): undefined {
    this.#bytes -= length;
    this.#failedAt = performance.now();
    this.#tell(error);
  }

  #tell(error: unknown): void {
    this.#options.onNotice(`cannot keep spans in ${this.#path}: ${reasonOf(error)}`);
  }
}

/** Readable for its owner: messages may say what others should not know. */
const MODE = { mode: 0o600 };

function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

function hasSpans(bytes: Uint8Array, spanCount: number): boolean {
  try {
    const { occurrences, synthetic } = countSpans(bytes);
    return occurrences + synthetic === spanCount;
  } catch {
    return false;
  }
}

/** Oldest first; what a crash has left of one that was being written is removed. */
function filesOf(path: string): SpooledBatch[] {
  const batches: SpooledBatch[] = [];
  for (const file of readdirSync(path).sort()) {
    const [, , spanCount, rest] = NAME.exec(file) ?? [];
    if (spanCount === undefined) continue;
    if (rest) rmSync(join(path, file), { force: true });
    else
      batches.push({ file, spanCount: Number(spanCount), size: statSync(join(path, file)).size });
  }
  return batches;
}
