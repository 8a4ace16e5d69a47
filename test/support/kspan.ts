// Runs the built command line in a process of its own, as a user would, with an environment that holds
// nothing but what a test puts there.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

export interface Outcome {
  exitCode: number | null;
  stdout: string;
  stderr: string;
  /** Of the summary line, by name; empty when there is none. */
  summary: Record<string, string>;
}

export interface RunOptions {
  /** For standard input, which is closed after it. */
  input?: string | Uint8Array;
  env?: Record<string, string>;
  cwd?: string;
  /** A command that runs what is appended to it, in the place of a plain start. */
  under?: string[];
}

/** `kspan ARGS...` to its end. */
export async function kspan(args: string[], options: RunOptions = {}): Promise<Outcome> {
  const child = startKspan(args, options);
  // A process that fails early does not read what it is given.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  return outcomeOf(child);
}

/** `kspan ARGS...` with its standard input left open. */
export function startKspan(args: string[], options: RunOptions = {}) {
  const { env = {}, cwd, under = [] } = options;
  const [command, ...rest] = [...under, process.execPath, cli, ...args];
  return spawn(command!, rest, {
    env: { PATH: process.env.PATH ?? '', ...env },
    ...(cwd !== undefined && { cwd }),
  });
}

export async function outcomeOf(child: ChildProcessWithoutNullStreams): Promise<Outcome> {
  const exited = once(child, 'exit');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [exitCode] = (await exited) as [number | null];
  return { exitCode, stdout, stderr, summary: summaryOf(stderr) };
}

/** The lines on stderr but the summary. */
export function messages({ stderr }: Outcome): string[] {
  return stderr.split('\n').filter((line) => line !== '' && !line.startsWith('frames='));
}

function summaryOf(stderr: string): Record<string, string> {
  const line = stderr.split('\n').find((candidate) => candidate.startsWith('frames='));
  return Object.fromEntries(line?.split(' ').map((pair) => pair.split('=')) ?? []);
}
