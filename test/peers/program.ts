// A program that a test needs, running in a folder: started on a leash (see leash), so that it does not
// outlive the process that started it, however that ends. It writes to a log in its folder; the end of
// that log is told when it ends and should not.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { GoModule } from './go-module.ts';

/** To be built before the first program is started. */
export const LEASH = new GoModule({
  name: 'leash',
  sources: new URL('leash/', import.meta.url),
  packages: { leash: '.' },
});

const LOG_TAIL_LINES = 20;

/** A program that runs in a folder, which is removed with it. */
export class Program {
  readonly #name: string;
  readonly #log: string;
  readonly #leash: ChildProcess;
  readonly #exited: Promise<unknown>;
  #isEndWanted = false;

  /** `name` is that of its log. */
  constructor(path: string, args: string[], folder: string, name: string = basename(path)) {
    this.#name = name;
    this.#log = join(folder, `${name}.log`);
    const log = openSync(this.#log, 'a');
    this.#leash = spawn(
      LEASH.pathOf('leash'),
      [folder, path, ...args],
      // A group of its own: what a terminal sends to its programs must not end the leash.
      { cwd: folder, env: environment(folder), stdio: ['pipe', log, log], detached: true },
    );
    closeSync(log);
    this.#exited = once(this.#leash, 'exit');
    this.#exited.catch(() => {});
    // It may have ended before it is let go.
    this.#leash.stdin?.on('error', () => {});
  }

  /** Rejects with the end of the log when the program ends without being told to. */
  async failure(): Promise<never> {
    await this.#exited;
    if (this.#isEndWanted) return new Promise(() => {});
    const lines = readFileSync(this.#log, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES);
    throw new Error(`${this.#name} has ended:\n${lines.join('\n')}`);
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    this.#isEndWanted = true;
    this.#leash.kill('SIGTERM');
    await this.#exited;
  }

  /** Ends it at once, and the folder with it. */
  async release(): Promise<void> {
    this.#isEndWanted = true;
    this.#leash.stdin?.end();
    await this.#exited;
  }
}

/** Nothing of the user's: no proxy, no configuration, and all temporary files in the folder. */
export function environment(folder: string): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: folder, TMPDIR: folder };
}
