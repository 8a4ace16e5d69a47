// Run by vitest before the first test of the project `cluster`: builds what the test cluster consists
// of from Go modules, each program once. The programs stay in a folder of the user's cache that is
// named after all that decides them, so that they are built anew when that changes, and only then.
// Builds nothing when KUBECONFIG names a cluster to test against. Says on stderr what it does.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findGo } from './go-toolchain.ts';
import { GO_SOURCES, PACKAGES, PROGRAMS } from './programs.ts';

/** The control plane tells its version by these, and kubectl which one it expects. */
const VERSION = { gitVersion: 'v1.36.3', gitMajor: '1', gitMinor: '36' };

export default function buildPrograms(): void {
  if (process.env.KUBECONFIG) return;
  const missing = Object.entries(PACKAGES).filter(([name]) => !existsSync(join(PROGRAMS, name)));
  if (missing.length === 0) return;
  mkdirSync(PROGRAMS, { recursive: true });
  say(`building ${missing.length} programs into ${PROGRAMS}, about ten minutes the first time`);
  const go = findGo(GO_SOURCES);
  for (const [name, path] of missing) build(go, name, path);
}

/** Builds aside and moves, so that a program that is there is whole. */
function build(go: string, name: string, path: string): void {
  const began = performance.now();
  const aside = mkdtempSync(join(PROGRAMS, '.building-'));
  const version = Object.entries(VERSION).map(
    ([key, value]) => `-X k8s.io/component-base/version.${key}=${value}`,
  );
  const flags = ['-trimpath', '-buildvcs=false', '-mod=readonly', '-ldflags'];
  const args = ['build', ...flags, ['-s', '-w', ...version].join(' '), '-o', join(aside, name)];
  try {
    run('nice', [go, ...args, path]);
    renameSync(join(aside, name), join(PROGRAMS, name));
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
  say(`${name} took ${Math.round((performance.now() - began) / 1000)} s`);
}

function run(command: string, args: string[]): void {
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '' };
  const { error, status } = spawnSync(command, args, {
    cwd: GO_SOURCES,
    env,
    stdio: ['ignore', 2, 2],
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`failed: ${[command, ...args].join(' ')}`);
}

function say(what: string): void {
  process.stderr.write(`test cluster: ${what}\n`);
}
