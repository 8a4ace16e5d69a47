// What .ci/run does once the packages are installed: check, the long proofs, those of delivery and
// the tests on a live cluster, all shortened by one factor, a short run of the fuzzer, the TypeScript
// suites on Node 24, and the correlator suite over a WASM built anew from the sources. The last line of the output is
// `N passed, M failed`; exit code 0 only when nothing failed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { checkSteps } from './check-steps.mjs';
import { command, root, runSteps, vitestSuite } from './steps.mjs';

const otherNode = 24;
const freshTree = join(root, 'target', 'fresh');
const freshPkg = join(root, 'target', 'pkg');

const factor = process.env.KSPAN_PROOF_FACTOR ?? '0.25';
const steps = [
  ...checkSteps(),
  vitestSuite('long proofs', 'long', { env: { KSPAN_PROOF_FACTOR: factor } }),
  vitestSuite('proofs of delivery', 'delivery', { env: { KSPAN_PROOF_FACTOR: factor } }),
  vitestSuite('live cluster', 'cluster', { env: { KSPAN_PROOF_FACTOR: factor } }),
  ...fuzzer(),
  vitestSuite(`TypeScript suites on Node ${otherNode}`, 'suite', { node: installNode(otherNode) }),
  command('WASM built anew', process.execPath, 'scripts/build-wasm.mjs', freshPkg),
  command(
    'tree with the fresh WASM',
    process.execPath,
    'scripts/fresh-tree.mjs',
    freshPkg,
    freshTree,
  ),
  vitestSuite('correlator over the fresh WASM', 'suite', { cwd: freshTree, files: 'correlator' }),
];

const { passed, failed } = await runSteps(steps);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

/**
 * libFuzzer is C++. A machine without a compiler leaves the run out and says so: what the fuzzer
 * found before is replayed by the Rust suites all the same.
 */
function fuzzer() {
  const compiler = process.env.CXX ?? 'c++';
  if (spawnSync(compiler, ['--version']).status !== 0) {
    console.log(`no fuzzing: there is no C++ compiler (${compiler})`);
    return [];
  }
  const runs = String(Math.round(40_000 * Number(factor)));
  return [command('fuzz', process.execPath, 'scripts/fuzz.mjs', '--runs', runs, '--seed', '1')];
}

/** The path of a Node of another major, which npm brings as a package. */
function installNode(major) {
  const folder = join(homedir(), '.cache', 'kspan', `node${major}`);
  const name = `node-${process.platform}-${process.arch}`;
  const binary = join(folder, 'node_modules', name, 'bin', 'node');
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', `${name}@${major}`];
  spawnSync('npm', args, { cwd: folder, stdio: 'inherit' });
  return binary;
}
