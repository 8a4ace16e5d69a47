// The programs that the test cluster consists of, and one of them running: started on a leash (see
// go/leash), so that none outlives the process that started it, however that ends. Each writes to a
// log in the cluster's folder; the end of that log is told when a program ends that should not.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The module that names them all, with their versions. */
export const GO_SOURCES = fileURLToPath(new URL('go/', import.meta.url));

/** Program by Go package. */
export const PACKAGES = {
  leash: './leash',
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
  'hollow-kubelet': './hollow-kubelet',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
} as const;

export type ProgramName = keyof typeof PACKAGES;

/** Where they are built to: build.ts decides how, the module's files decide what. */
export const PROGRAMS = join(homedir(), '.cache', 'kspan', 'cluster', hashSources());

function hashSources(): string {
  const hash = createHash('sha256').update(JSON.stringify(PACKAGES));
  const build = fileURLToPath(new URL('build.ts', import.meta.url));
  const names = readdirSync(GO_SOURCES, { recursive: true }).map((name) =>
    join(GO_SOURCES, `${name}`),
  );
  for (const name of [build, ...names.sort()])
    if (statSync(name).isFile()) hash.update(readFileSync(name));
  return hash.digest('hex').slice(0, 16);
}

const LOG_TAIL_LINES = 20;

/** A program that runs in a folder, which is removed with it. */
export class Program {
  readonly #name: string;
  readonly #log: string;
  readonly #leash: ChildProcess;
  readonly #exited: Promise<unknown>;
  #isEndWanted = false;

  constructor(program: ProgramName, args: string[], folder: string, name: string = program) {
    this.#name = name;
    this.#log = join(folder, `${name}.log`);
    const log = openSync(this.#log, 'a');
    this.#leash = spawn(
      join(PROGRAMS, 'leash'),
      [folder, join(PROGRAMS, program), ...args],
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
