// What every npm script runs first, so that it works as the first command in a fresh clone:
// installs the packages when node_modules is missing or older than the lock file, and compiles src
// to dist when dist was made from other sources. Needs Node and npm only; says nothing when nothing
// is to be done, and writes to stderr only. `--build` compiles in any case. Exit code 1 when a step
// fails.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = join(root, 'dist', '.sources');

try {
  requireNode(20, 19);
  if (packagesAreStale()) installPackages();
  const sources = hashSources();
  if (process.argv.includes('--build') || builtFrom() !== sources) compile(sources);
} catch (error) {
  console.error(`prepare: ${error.message}`);
  process.exit(1);
}

function requireNode(major, minor) {
  const [haveMajor, haveMinor] = process.versions.node.split('.').map(Number);
  if (haveMajor > major || (haveMajor === major && haveMinor >= minor)) return;
  throw new Error(`kspan needs Node ${major}.${minor} or newer, this is ${process.version}`);
}

/** npm writes node_modules/.package-lock.json last, so its time is that of the installation. */
function packagesAreStale() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return true;
  return statSync(installed).mtimeMs < statSync(join(root, 'package-lock.json')).mtimeMs;
}

function installPackages() {
  console.error('prepare: installing packages (npm ci)');
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  // Under `npm run` this is the npm that is running; PATH may have another one, or none.
  const npm = process.env.npm_execpath;
  run(npm ? process.execPath : 'npm', npm ? [npm, ...args] : args);
}

/** A hash over everything that decides what dist holds. Times would not do: git sets them anew. */
function hashSources() {
  const files = readdirSync(join(root, 'src'), { recursive: true })
    .map((name) => join('src', String(name)))
    .filter((name) => name.endsWith('.ts'))
    .concat('tsconfig.json', 'tsconfig.build.json', 'package-lock.json')
    .sort();
  const hash = createHash('sha256');
  for (const name of files) hash.update(`${name}\0`).update(readFileSync(join(root, name)));
  return hash.digest('hex');
}

function builtFrom() {
  return existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
}

/** Compiles beside dist and swaps, so that dist never holds files of sources that are gone. */
function compile(sources) {
  console.error('prepare: compiling src to dist (tsc)');
  const fresh = join(root, 'target', `dist-${process.pid}`);
  const old = `${fresh}-old`;
  mkdirSync(fresh, { recursive: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  try {
    run(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', fresh]);
    chmodSync(join(fresh, 'cli.js'), 0o755);
    writeFileSync(join(fresh, '.sources'), sources);
    if (existsSync(join(root, 'dist'))) renameSync(join(root, 'dist'), old);
    renameSync(fresh, join(root, 'dist'));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
}

function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`failed: ${[command, ...args].join(' ')}`);
}
