// `npm run bench:live [-- --rate N --seconds N --json FILE]`: whether `kspan watch`
// keeps up with a storm of Events, or holds it back without growing. live-server.mjs writes N Events a
// second, and what they are about, over TLS; the real command line watches it, with a short memory (below), so that what is kept
// of the past does not hide what is kept of a queue. Prints what was offered, written and read, how
// long the server had to wait, and the size of kspan each second. Exit code 1 unless kspan says
// that it received every Event that was written, and what became of each.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machine } from './machine.mjs';

/** A trace is done a second after its last Event, and what came before is soon forgotten. */
const SHORT_MEMORY = ['--idle-ms', '1000', '--event-uids-max', '50000', '--objects-max', '20000'];

const option = (value) => ({ type: 'string', default: value });
const { values } = parseArgs({
  options: {
    rate: option('100000'),
    seconds: option('30'),
    json: { type: 'string' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'kspan-live-'));
try {
  const result = await run();
  console.log(Object.values(machine).join(' | '));
  console.table(result.samples);
  const { samples, ...summary } = result;
  console.table(summary);
  if (values.json) {
    const report = { date: new Date().toISOString(), machine, options: values, result };
    writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  }
} finally {
  rmSync(folder, { recursive: true });
}

async function run() {
  const serverPath = fileURLToPath(new URL('live-server.mjs', import.meta.url));
  const server = fork(serverPath, [values.rate, values.seconds]);
  const { port } = await messageWith(server, 'port');
  const kspan = startKspan(port);
  try {
    const metricsUrl = await kspan.metricsUrl;
    await messageWith(server, 'streaming');
    const end = messageWith(server, 'told');
    const samples = await sampleUntil(end, kspan.child.pid, metricsUrl);
    const { told } = await end;
    const afterMs = await drained(metricsUrl, told.written);
    kspan.child.kill('SIGTERM');
    const [exitCode] = await kspan.exited;
    const account = readAccount(await kspan.summary);
    requireEven(account, told.written, exitCode);
    return resultOf(told, samples, account, afterMs);
  } finally {
    kspan.child.kill('SIGKILL');
    server.kill();
  }
}

function startKspan(port) {
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify(kubeconfigFor(port)));
  const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
  const args = ['watch', '--kubeconfig', kubeconfig, '--format', 'none', ...SHORT_MEMORY];
  const child = spawn(process.execPath, [cli, ...args, '--metrics-addr', '127.0.0.1:0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  let summary = '';
  const metricsUrl = new Promise((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      const url = line.startsWith('{') && JSON.parse(line).url;
      if (url) resolve(url);
      if (line.startsWith('frames=')) summary = line;
    });
    child.on('exit', () => reject(new Error('kspan ended before it watched')));
  });
  const closed = once(child.stderr, 'close');
  return { child, exited, metricsUrl, summary: closed.then(() => summary) };
}

function kubeconfigFor(port) {
  const cert = readFileSync(new URL('tls/cert.pem', import.meta.url)).toString('base64');
  const cluster = { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': cert };
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'bench', cluster }],
    users: [{ name: 'bench', user: { token: 'none' } }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    'current-context': 'bench',
  };
}

async function messageWith(child, key) {
  for (;;) {
    const [message] = await once(child, 'message');
    if (key in message) return message;
  }
}

/** What kspan says and the system says of it, once a second. */
async function sampleUntil(end, pid, metricsUrl) {
  const samples = [];
  let done = false;
  end.then(() => {
    done = true;
  });
  const before = await look(pid, metricsUrl);
  for (let last = before; !done; ) {
    await sleep(1000);
    const now = await look(pid, metricsUrl);
    const passed = now.at - last.at;
    samples.push({
      second: Math.round(now.at - before.at),
      Events: now.events,
      'Events/s': Math.round((now.events - last.events) / passed),
      'CPU cores': Number(((now.cpuSeconds - last.cpuSeconds) / passed).toFixed(2)),
      'RSS MiB': now.rssMiB,
      held: now.held,
      'batches in flight': now.batches,
      'lag s': Number(now.lag.toFixed(1)),
    });
    last = now;
  }
  return samples;
}

async function look(pid, metricsUrl) {
  const text = await (await fetch(`${metricsUrl}/metrics`)).text();
  const values = (name) =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].map((found) =>
      Number(found[1]),
    );
  const sum = (name) => values(name).reduce((all, value) => all + value, 0);
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    at: performance.now() / 1000,
    events: sum('kspan_events_total'),
    held: sum('kspan_events_held'),
    batches: sum('kspan_shard_batches_in_flight'),
    lag: sum('kspan_watch_lag_seconds'),
    cpuSeconds: sum('process_cpu_seconds_total'),
    rssMiB: Math.round(Number(status.match(/VmRSS:\s+(\d+)/)[1]) / 1024),
  };
}

/** Milliseconds until all that was written has been read; what never comes shows in the account. */
async function drained(metricsUrl, written) {
  const from = performance.now();
  let before = -1;
  for (;;) {
    const text = await (await fetch(`${metricsUrl}/metrics`)).text();
    const events = Number(text.match(/^kspan_events_total (\S+)$/m)[1]);
    if (events >= written || events === before) return Math.round(performance.now() - from);
    before = events;
    await sleep(1000);
  }
}

function readAccount(line) {
  return Object.fromEntries(
    line.split(' ').map((pair) => {
      const [key, value] = pair.split('=');
      return [key, Number(value)];
    }),
  );
}

function requireEven(account, written, exitCode) {
  const { received, duplicates, dropped, exported, held } = account;
  if (exitCode !== 0) throw new Error(`kspan ended with ${exitCode}`);
  if (received !== written) throw new Error(`${written} Events written, ${received} received`);
  if (received !== duplicates + dropped + exported + held || held > 0) {
    throw new Error(`the account is not even: ${JSON.stringify(account)}`);
  }
}

function resultOf(told, samples, account, afterMs) {
  const sampleAt = (share) => samples[Math.ceil(samples.length * share) - 1];
  const at = (share) => sampleAt(share)['RSS MiB'];
  const grownEvents = sampleAt(1).Events - sampleAt(0.5).Events;
  const cpu = samples.reduce((sum, sample) => sum + sample['CPU cores'], 0) / samples.length;
  return {
    'Events/s offered': Number(values.rate),
    'Events/s taken': Math.round(told.written / told.seconds),
    'MB/s taken': Number((told.bytes / 1e6 / told.seconds).toFixed(1)),
    'share of time held back': Number((told.waitedMs / 1000 / told.seconds).toFixed(2)),
    'RSS MiB at a quarter': at(0.25),
    'RSS MiB at half': at(0.5),
    'RSS MiB at the end': at(1),
    'bytes grown per Event since half': Math.round(((at(1) - at(0.5)) * 2 ** 20) / grownEvents),
    'CPU cores': Number(cpu.toFixed(2)),
    'read after the last was written, ms': afterMs,
    Events: account.received,
    exported: account.exported,
    late: account.late,
    samples,
  };
}
