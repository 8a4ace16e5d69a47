// kubectl as a function, and as a process whose output goes to a file. A command that fails throws
// what kubectl said.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 100;

export class Kubectl {
  readonly #binary: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(binary: string, env: NodeJS.ProcessEnv) {
    this.#binary = binary;
    this.#env = env;
  }

  /** `kubectl ARGS...` with its standard input, to its end; gives its standard output. */
  async run(args: string[], input = ''): Promise<string> {
    const child = spawn(this.#binary, args, { env: this.#env, stdio: 'pipe' });
    const exited = once(child, 'exit');
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const [exitCode] = await exited;
    if (exitCode !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr.trim()}`);
    return stdout;
  }

  /** Runs it until it succeeds, and says what it should. */
  async until(
    args: string[],
    isDone = (_stdout: string) => true,
    signal?: AbortSignal,
  ): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      const stdout = await this.run(args).catch(() => undefined);
      if (stdout !== undefined && isDone(stdout)) return;
      await pause(POLL_MS);
    }
  }

  /** `kubectl wait ARGS...`, however long it takes. */
  async wait(args: string[]): Promise<void> {
    await this.run(['wait', '--timeout=-1s', ...args]);
  }

  /** `kubectl ARGS...`, which goes on; its standard output goes to a file. */
  start(args: string[], outputFile: number): ChildProcess {
    return spawn(this.#binary, args, { env: this.#env, stdio: ['ignore', outputFile, 'pipe'] });
  }
}
