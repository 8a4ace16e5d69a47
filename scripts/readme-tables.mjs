// The tables of README.md that say what stands elsewhere: settings (config.ts) and metrics
// (ops/metrics.ts), from the compiled sources, and the numbers of the benchmark, from its result. Each
// is found by the beginning of its header.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './wasm-sources.mjs';

/** The README with these tables as the code has them. */
export async function withTables(readme) {
  const [{ SETTINGS, flagOf, variableOf }, { METRICS }] = await Promise.all(
    ['config.js', 'ops/metrics.js'].map(
      (file) => import(pathToFileURL(join(root, 'dist', file)).href),
    ),
  );
  const settings = Object.entries(SETTINGS).map(([key, setting]) => {
    const { fallback, unit, expects, says, atLimit, standard } = setting;
    const variables = [variableOf(key), ...standard].map((name) => `\`${name}\``).join(', ');
    const range = expects.replace(/^a whole number from (\d+) to (\d+)$/, `$1 to $2 ${unit}`);
    const values = range.replaceAll('"', '`').trim();
    return row([`\`${flagOf(key)}\``, variables, `${fallback}`, values, says, atLimit]);
  });
  const metrics = Object.entries(METRICS).map(([name, { type, labels, help }]) =>
    row([`\`${name}\``, type, labels.join(', '), help.slice(0, -1)]),
  );
  const told = withTable(withTable(readme, '| flag |', settings), '| metric |', metrics);
  return withTable(told, '| workload |', numbers());
}

/** `npm run bench -- --json bench/results/numbers.json`. */
function numbers() {
  const file = join(root, 'bench', 'results', 'numbers.json');
  const { results } = JSON.parse(readFileSync(file, 'utf8'));
  const speed = ({ workload, seconds }) => workload.events / seconds.p50;
  return results.map((result) => {
    const { scenario, workload, seconds, cpuSeconds, mainCpuSeconds } = result;
    const rowOf = (name) =>
      results.find((other) => other.scenario === name && other.workload.name === workload.name);
    const megabytes = workload.bytes / 1e6 / seconds.p50;
    const numbers = [speed(result), megabytes].map((value) => rounded(value));
    const perEvent = (spent) => ((spent * 1e6) / workload.events).toFixed(1);
    const cpu = [cpuSeconds, mainCpuSeconds].map(perEvent);
    const times = (speed(result) / speed(rowOf('plain-js'))).toFixed(1);
    const share = ((speed(result) / speed(rowOf('limit'))) * 100).toFixed(1);
    return row([workload.name, `\`${scenario}\``, ...numbers, ...cpu, times, share]);
  });
}

/** To three digits. */
function rounded(value) {
  return Number(value.toPrecision(3)).toLocaleString('en');
}

function row(cells) {
  return `| ${cells.join(' | ')} |`.replaceAll(/ {2,}/g, ' ');
}

function withTable(readme, header, rows) {
  const start = readme.indexOf(`\n${header}`) + 1;
  if (start === 0) throw new Error(`README.md has no table that begins with ${header}`);
  const end = readme.indexOf('\n\n', start);
  const head = readme.slice(start, end).split('\n').slice(0, 2);
  return readme.slice(0, start) + [...head, ...rows].join('\n') + readme.slice(end);
}
