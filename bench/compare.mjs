// `npm run bench -- --compare A B`: two results of run.mjs row by row: how many times as fast B is as A,
// and by how much its CPU time and size differ. Rows that one of them does not have are left out.
import { readFileSync } from 'node:fs';

export function compare(fileA, fileB) {
  const [a, b] = [fileA, fileB].map((file) => JSON.parse(readFileSync(file, 'utf8')));
  for (const { machine } of [a, b]) console.log(Object.values(machine).join(' | '));
  const rows = b.results.flatMap((after) => {
    const same = ({ scenario, workload }) =>
      scenario === after.scenario && workload.name === after.workload.name;
    const before = a.results.find(same);
    return before ? [[`${after.workload.name} ${after.scenario}`, ratios(before, after)]] : [];
  });
  console.table(Object.fromEntries(rows));
}

function ratios(before, after) {
  const speed = ({ workload, seconds }) => workload.events / seconds.p50;
  const perEvent = ({ workload, cpuSeconds }) => cpuSeconds / workload.events;
  const ratio = (of) => Number((of(after) / of(before)).toFixed(3));
  return {
    'events/s': ratio(speed),
    'CPU us/event': ratio(perEvent),
    'RSS MiB': ratio(({ rssMiB }) => rssMiB),
  };
}
