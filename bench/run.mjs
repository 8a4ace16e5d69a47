// `npm run bench [-- --bytes N --seed N --iterations N --json FILE]`: how fast the crate alone is,
// and the engine at one and two shards, on the same generated recording. Every scenario runs in a
// process of its own, checks its answer, then is timed; answers that differ between scenarios end
// the run with exit code 1. Prints the machine, Node and the commit with the numbers; --json also
// writes them.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machine } from './machine.mjs';

const scenarios = ['crate', 'engine-1', 'engine-2'];
const option = (value) => ({ type: 'string', default: value });
const { values } = parseArgs({
  options: {
    bytes: option('64e6'),
    seed: option('1'),
    iterations: option('7'),
    json: { type: 'string' },
  },
});

console.log(Object.values(machine).join(' | '));

const results = scenarios.map(measure);
const { bytes, frames, events } = results[0].workload;
console.log(`${bytes} bytes, ${frames} frames, ${events} Events, seed ${values.seed}`);
console.table(Object.fromEntries(results.map((result) => [result.scenario, row(result)])));
requireOneAnswer();
if (values.json) {
  const report = { date: new Date().toISOString(), machine, options: values, results };
  writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
}

function measure(scenario) {
  const script = fileURLToPath(new URL('scenario.mjs', import.meta.url));
  const args = [script, scenario, values.bytes, values.seed, values.iterations];
  const stdio = ['ignore', 'pipe', 'inherit'];
  return JSON.parse(execFileSync(process.execPath, args, { stdio, encoding: 'utf8' }));
}

/** Events/s and MB/s from the median run; the spread says how far the slowest was from it. */
function row({ workload, seconds, cpuSeconds, rssMiB }) {
  return {
    'events/s': Math.round(workload.events / seconds.p50),
    'frames/s': Math.round(workload.frames / seconds.p50),
    'MB/s': Number((workload.bytes / 1e6 / seconds.p50).toFixed(1)),
    'CPU us/event': Number(((cpuSeconds * 1e6) / workload.events).toFixed(2)),
    'slowest/median': Number((seconds.max / seconds.p50).toFixed(2)),
    'RSS MiB': rssMiB,
  };
}

function requireOneAnswer() {
  const answers = new Set(results.map(({ answer }) => JSON.stringify(answer)));
  if (answers.size === 1) return;
  for (const { scenario, answer } of results) console.error(scenario, JSON.stringify(answer));
  console.error('the scenarios disagree about the spans');
  process.exitCode = 1;
}
