// Runs the steps that `npm run check` and .ci/run consist of, shows each one's own output, and adds
// up what they report: a test suite counts by its cases, any other step as one. A suite that could
// not start, or failed without a failing case, is one failure.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');

/** A step that passes or fails as a whole. */
export function command(name, binary, ...args) {
  return { name, binary, args, count: (exitCode) => wholeStep(exitCode) };
}

/**
 * A vitest project as a step. `node` is the binary to run it with, `cwd` the tree it is run in,
 * `files` is what the names of the test files must contain.
 */
export function vitestSuite(
  name,
  project,
  { node = process.execPath, cwd = root, env, files = '' } = {},
) {
  const report = join(root, 'target', 'reports', `${name.replaceAll(/\W+/g, '-')}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  return {
    name,
    binary: node,
    args: [vitest, 'run', '--project', project, ...reporters, ...(files ? [files] : [])],
    cwd,
    env,
    before() {
      mkdirSync(dirname(report), { recursive: true });
      rmSync(report, { force: true });
    },
    count: (exitCode) => suite(exitCode, existsSync(report) ? readVitestReport(report) : nothing),
  };
}

/** `cargo test` as a step; it prints one line of totals per test binary. */
export function cargoSuite(name, ...args) {
  return {
    name,
    binary: 'cargo',
    args: ['test', '--no-fail-fast', ...args],
    count: (exitCode, output) => suite(exitCode, readCargoOutput(output)),
  };
}

/** What is shown again of a step that failed, in lines: the diffs of its failures, and its totals. */
const TAIL_LINES = 100;

/**
 * Runs the steps in order, all of them whatever fails, and resolves to the totals. How the steps
 * that failed ended is shown again behind all the output: a log may be cut to its end.
 */
export async function runSteps(steps) {
  const total = { passed: 0, failed: 0 };
  const endings = [];
  for (const step of steps) {
    console.log(`\n== ${step.name}: ${[step.binary, ...step.args].join(' ')}`);
    const { exitCode, output } = await runStep(step);
    const { passed, failed } = step.count(exitCode, output);
    total.passed += passed;
    total.failed += failed;
    if (failed > 0) endings.push(`\n== failed: ${step.name}\n${tail(output)}`);
  }
  for (const ending of endings) console.log(ending);
  return total;
}

const tail = (text) => text.trimEnd().split('\n').slice(-TAIL_LINES).join('\n');

/** A step whose preparation throws has failed like one that could not be started. */
async function runStep(step) {
  try {
    step.before?.();
    return await run(step);
  } catch (error) {
    console.error(`${step.name}: ${error.message}`);
    return { exitCode: 1, output: '' };
  }
}

const nothing = { passed: 0, failed: 0 };

function wholeStep(exitCode) {
  return exitCode === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

function suite(exitCode, { passed, failed }) {
  return { passed, failed: exitCode === 0 ? failed : Math.max(failed, 1) };
}

function readVitestReport(file) {
  const { testResults, numPassedTests } = JSON.parse(readFileSync(file, 'utf8'));
  const failed = testResults.map(({ status, assertionResults }) => {
    const cases = assertionResults.filter((result) => result.status === 'failed').length;
    return status === 'failed' ? Math.max(cases, 1) : cases;
  });
  return { passed: numPassedTests, failed: failed.reduce((sum, cases) => sum + cases, 0) };
}

function readCargoOutput(output) {
  const totals = { ...nothing };
  for (const [, passed, failed] of output.matchAll(
    /^test result: .* (\d+) passed; (\d+) failed;/gm,
  )) {
    totals.passed += Number(passed);
    totals.failed += Number(failed);
  }
  return totals;
}

/** Shows the step's output as it comes, and keeps it: what it counts, and how it ended. */
function run({ binary, args, cwd = root, env }) {
  return new Promise((resolve, reject) => {
    const stdio = ['ignore', 'pipe', 'pipe'];
    const child = spawn(binary, args, { cwd, env: { ...process.env, ...env }, stdio });
    const chunks = [];
    for (const [from, to] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ]) {
      from.on('data', (chunk) => {
        chunks.push(chunk);
        to.write(chunk);
      });
    }
    child.on('error', reject);
    child.on('close', (exitCode) => {
      resolve({ exitCode: exitCode ?? 1, output: Buffer.concat(chunks).toString() });
    });
  });
}
