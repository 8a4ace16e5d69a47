// The published package, from bundle to use: bundled, packed and installed into an empty folder, it
// must run with nothing but Node. No registry is asked for anything.
import { execFileSync, type StdioOptions } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const scenario = join(root, 'test', 'scenarios', 'rollout');

let folder: string;
let installed: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kspan-package-'));
  const staged = join(folder, 'staged');
  stage(staged);
  npm(staged, 'pack', '--ignore-scripts', '--pack-destination', folder);
  const user = join(folder, 'user');
  mkdirSync(user);
  const tarball = join(folder, `${name}-${version}.tgz`);
  npm(
    user,
    'install',
    '--offline',
    '--no-audit',
    '--no-fund',
    '--cache',
    join(folder, 'cache'),
    tarball,
  );
  installed = join(user, 'node_modules');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the prepack hook makes of the checkout, made elsewhere: other tests are using dist. */
function stage(target: string): void {
  mkdirSync(target);
  run('scripts/bundle.mjs', join(target, 'dist'));
  for (const entry of [
    'package.json',
    'LICENSE',
    'README.md',
    'CHANGELOG.md',
    'crates/correlate/pkg',
  ]) {
    if (existsSync(join(root, entry)))
      cpSync(join(root, entry), join(target, entry), { recursive: true });
  }
}

function run(script: string, ...args: string[]): string {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe'];
  return execFileSync(process.execPath, [script, ...args], { cwd: root, encoding: 'utf8', stdio });
}

function npm(cwd: string, ...args: string[]): void {
  execFileSync('npm', args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
}

function kspan(...args: string[]): string {
  return run(join(installed, '.bin', name), ...args);
}

test('the package brings no other package', () => {
  expect(readdirSync(installed).filter((entry) => !entry.startsWith('.'))).toEqual([name]);
});

test('the installed command says its version', () => {
  expect(kspan('--version')).toContain(version);
});

test('the installed command replays a recording through its workers', () => {
  const recording = join(scenario, 'events.ndjson');
  const tree = kspan('replay', recording, '--format', 'tree', '--shards', '2');
  expect(tree).toBe(readFileSync(join(scenario, 'trace.txt'), 'utf8'));
});

test('the installed library exports createEngine', () => {
  const program = `import { createEngine } from '${name}'; console.log(typeof createEngine)`;
  const args = ['--input-type=module', '--eval', program];
  const cwd = join(folder, 'user');
  expect(execFileSync(process.execPath, args, { cwd, encoding: 'utf8' }).trim()).toBe('function');
});
