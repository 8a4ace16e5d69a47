// `npm run bench [-- --workload NAMES --rows NAMES --bytes N --seed N --iterations N --json FILE]`: how
// fast the layers are, and the engine at one and two shards, on the same generated recording; with
// `--compare A B`, two results beside each other. Every row runs in a process of its own, checks its
// answer, then is timed; spans that differ between rows end the run with exit code 1. Prints the
// machine, Node and the commit with the numbers; --json also writes them.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compare } from './compare.mjs';
import { machine } from './machine.mjs';

const option = (value) => ({ type: 'string', default: value });
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    workload: option('steady,mixed'),
    rows: option('limit,plain-js,route,crate,engine-1,engine-2'),
    bytes: option('64e6'),
    seed: option('1'),
    iterations: option('5'),
    json: { type: 'string' },
    compare: { type: 'boolean', default: false },
  },
});

if (values.compare) compare(...positionals);
else run();

function run() {
  console.log(Object.values(machine).join(' | '));
  const results = values.workload.split(',').flatMap(runWorkload);
  if (!values.json) return;
  const { compare: _, ...options } = values;
  const report = { date: new Date().toISOString(), machine, options, results };
  writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
}

function runWorkload(name) {
  const results = values.rows.split(',').map((scenario) => measure(scenario, name));
  const { bytes, frames, events } = results[0].workload;
  console.log(`${name}: ${bytes} bytes, ${frames} frames, ${events} Events, seed ${values.seed}`);
  const limit = results.find(({ scenario }) => scenario === 'limit');
  console.table(Object.fromEntries(results.map((it) => [it.scenario, row(it, limit)])));
  requireOneAnswer(results);
  return results;
}

function measure(scenario, workload) {
  const script = fileURLToPath(new URL('scenario.mjs', import.meta.url));
  const args = [script, scenario, workload, values.bytes, values.seed, values.iterations];
  const stdio = ['ignore', 'pipe', 'inherit'];
  return JSON.parse(execFileSync(process.execPath, args, { stdio, encoding: 'utf8' }));
}

/** Events/s and MB/s from the median run; the spread says how far the slowest was from it. */
function row({ workload, seconds, cpuSeconds, mainCpuSeconds, rssMiB }, limit) {
  return {
    'events/s': Math.round(workload.events / seconds.p50),
    'frames/s': Math.round(workload.frames / seconds.p50),
    'MB/s': Number((workload.bytes / 1e6 / seconds.p50).toFixed(1)),
    'bytes/event': Math.round(workload.bytes / workload.events),
    'CPU us/event': Number(((cpuSeconds * 1e6) / workload.events).toFixed(2)),
    'main us/event': Number(((mainCpuSeconds * 1e6) / workload.events).toFixed(2)),
    ...(limit && { 'times limit': Number((seconds.p50 / limit.seconds.p50).toFixed(1)) }),
    'slowest/median': Number((seconds.max / seconds.p50).toFixed(2)),
    'RSS MiB': rssMiB,
  };
}

/** Of the rows that make spans of ours. */
function requireOneAnswer(results) {
  const told = results.filter(({ answer }) => answer);
  const answers = new Set(told.map(({ answer }) => JSON.stringify(answer)));
  if (answers.size <= 1) return;
  for (const { scenario, answer } of told) console.error(scenario, JSON.stringify(answer));
  console.error('the scenarios disagree about the spans');
  process.exitCode = 1;
}
