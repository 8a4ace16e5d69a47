// Programs that tests need and that are built of Go modules, each program once. They stay in a folder of
// the user's cache that is named after all that decides them, so that they are built anew when that
// changes, and only then. Says on stderr what it does.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findGo } from './go-toolchain.ts';

const FLAGS = ['-trimpath', '-buildvcs=false', '-mod=readonly'];

export interface GoModuleOptions<Name extends string> {
  /** In messages, and of its folder in the cache. */
  name: string;
  /** With go.mod, go.sum and the module's own sources. */
  sources: URL;
  /** Program by Go package. */
  packages: Readonly<Record<Name, string>>;
  /** For the linker, beside those that leave symbols out. */
  linkerFlags?: readonly string[];
}

export class GoModule<Name extends string> {
  readonly #name: string;
  readonly #sources: string;
  readonly #packages: Readonly<Record<Name, string>>;
  readonly #args: readonly string[];
  readonly #folder: string;

  constructor({ name, sources, packages, linkerFlags = [] }: GoModuleOptions<Name>) {
    this.#name = name;
    this.#sources = fileURLToPath(sources);
    this.#packages = packages;
    this.#args = [...FLAGS, '-ldflags', ['-s', '-w', ...linkerFlags].join(' ')];
    this.#folder = join(homedir(), '.cache', 'kspan', name, this.#hash());
  }

  /** Where a program is once it is built. */
  pathOf(program: Name): string {
    return join(this.#folder, program);
  }

  /** Builds what is not there yet. */
  build(): void {
    const programs = Object.keys(this.#packages) as Name[];
    const missing = programs.filter((program) => !existsSync(this.pathOf(program)));
    if (missing.length === 0) return;
    mkdirSync(this.#folder, { recursive: true });
    this.#say(`building ${missing.length} of ${programs.length} programs into ${this.#folder}`);
    const go = findGo(this.#sources);
    for (const program of missing) this.#buildOne(go, program);
  }

  /** Builds aside and moves, so that a program that is there is whole. */
  #buildOne(go: string, program: Name): void {
    const began = performance.now();
    const aside = mkdtempSync(join(this.#folder, '.building-'));
    const built = join(aside, program);
    try {
      this.#run('nice', [go, 'build', ...this.#args, '-o', built, this.#packages[program]]);
      renameSync(built, this.pathOf(program));
    } finally {
      rmSync(aside, { recursive: true, force: true });
    }
    this.#say(`${program} took ${Math.round((performance.now() - began) / 1000)} s`);
  }

  #run(command: string, args: string[]): void {
    const { error, status } = spawnSync(command, args, {
      cwd: this.#sources,
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '' },
      stdio: ['ignore', 2, 2],
    });
    if (error) throw error;
    if (status !== 0) throw new Error(`failed: ${[command, ...args].join(' ')}`);
  }

  #hash(): string {
    const hash = createHash('sha256').update(JSON.stringify([this.#packages, this.#args]));
    const names = readdirSync(this.#sources, { recursive: true }).map((name) => `${name}`);
    for (const name of names.sort()) {
      const path = join(this.#sources, name);
      if (statSync(path).isFile()) hash.update(`${name}\n`).update(readFileSync(path));
    }
    return hash.digest('hex').slice(0, 16);
  }

  #say(what: string): void {
    process.stderr.write(`${this.#name}: ${what}\n`);
  }
}
