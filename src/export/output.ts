// Where text goes: standard output, or a file that is made anew and gzipped when its name ends in .gz.
// A write waits until the other side has taken it. A reader of standard output that has gone is an
// ExportError of its own (output_closed), since it is none for the user.
import { createWriteStream, openSync } from 'node:fs';
import { finished, pipeline, type Writable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { codeOf, ExportError, reasonOf } from '../errors.js';

export class Output {
  readonly #stream: Writable;
  readonly #name: string;
  readonly #isFile: boolean;
  #failure: Error | undefined;
  #done: Promise<void> = Promise.resolve();

  private constructor(stream: Writable, name: string, isFile: boolean) {
    this.#stream = stream;
    this.#name = name;
    this.#isFile = isFile;
    stream.on('error', (error) => {
      this.#failure ??= error;
    });
  }

  static stdout(): Output {
    return new Output(process.stdout, 'standard output', false);
  }

  /** Makes the file at once, empty; throws an ExportError when that is not possible. */
  static file(path: string): Output {
    let fd: number;
    try {
      fd = openSync(path, 'w');
    } catch (error) {
      const message = `cannot write to ${path}: ${reasonOf(error)}`;
      throw new ExportError('output_unwritable', message, error);
    }
    const file = createWriteStream(path, { fd });
    if (!path.endsWith('.gz')) return new Output(file, path, true).#finishingWith(file);
    const gzip = createGzip();
    const output = new Output(gzip, path, true).#finishingWith(file);
    pipeline(gzip, file, (error) => {
      if (error) output.#failure ??= error;
    });
    return output;
  }

  async write(data: string | Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#stream.write(data, (error) => (error ? reject(this.#error(error)) : resolve()));
    });
  }

  /** Resolves when all is written. */
  async close(): Promise<void> {
    if (!this.#isFile) return this.write('');
    this.#stream.end();
    await this.#done.catch((error: Error) => {
      throw this.#error(error);
    });
  }

  #finishingWith(file: Writable): this {
    this.#done = new Promise((resolve, reject) => {
      finished(file, (error) => (error ? reject(error) : resolve()));
    });
    // Whoever closes hears of it.
    this.#done.catch(() => {});
    return this;
  }

  #error(error: Error): ExportError {
    const first = this.#failure ?? error;
    if (codeOf(first) === 'EPIPE') {
      return new ExportError('output_closed', `the reader of ${this.#name} has gone`, first);
    }
    const message = `cannot write to ${this.#name}: ${reasonOf(first)}`;
    return new ExportError('output_failed', message, first);
  }
}
