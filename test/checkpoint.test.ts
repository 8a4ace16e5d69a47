// Checkpoints of a live run: whoever goes on from one gives the spans that an undisturbed run would
// have given, each once after an orderly end and at most doubled, to the byte, after a crash. kspan
// runs as a user would start it, against a server that plays a cluster.
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeApiServer, type FakeRequest, status } from './support/fake-api-server.ts';
import { endingNow, type HappeningFrame, isWatched, kindsArgs, play } from './support/happen.ts';
import { kspan } from './support/kspan.ts';
import { LiveKspan } from './support/live-kspan.ts';
import { decodeOtlp } from './support/otlp.ts';
import { type Samples, total } from './support/prometheus.ts';
import { scenario } from './support/scenarios.ts';
import type { PlainSpan } from './support/spans.ts';
import { startTraceReceiver, type TraceReceiver } from './support/trace-receiver.ts';

const { input } = scenario('rollout');
/** Nothing of the recording is late, however slow the machine is: it is over when a test says so. */
const TIMES = ['--reorder-window-ms', '600000', '--since', '60s'];
const LATER_MS = 1_200_000;

let server: FakeApiServer;
let receiver: TraceReceiver;
let folder: string;

beforeEach(async () => {
  server = await FakeApiServer.start();
  receiver = await startTraceReceiver();
  folder = mkdtempSync(join(tmpdir(), 'kspan-state-'));
});

afterEach(async () => {
  await Promise.all([server.close(), receiver.close()]);
  rmSync(folder, { recursive: true });
});

const file = () => join(folder, 'checkpoint');
const received = (samples: Samples) => samples.get('kspan_events_total') ?? 0;
const hasCheckpoint = (samples: Samples) => samples.get('kspan_checkpoint_bytes')! > 0;
const isDone = (now: Samples) => now.get('kspan_events_held') === 0;
/** Also where a run has only begun, and will read all of them again. */
const hasDone = (events: number) => (now: Samples) => received(now) === events && isDone(now);

function start(args: string[] = [], endpoint = receiver.endpoint): Promise<LiveKspan> {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint };
  return LiveKspan.start([...kindsArgs(server), ...TIMES, ...args], { env });
}

/** With checkpoints, as often as can be. */
function startKept(args: string[] = [], endpoint = receiver.endpoint): Promise<LiveKspan> {
  return start(['--state-dir', folder, '--checkpoint-interval-ms', '100', ...args], endpoint);
}

const byId = (a: PlainSpan, b: PlainSpan) => (a.spanId < b.spanId ? -1 : 1);
const eventsOf = (spans: PlainSpan[]) => spans.filter((span) => 'k8s.event.uid' in span.attributes);
const spansOf = ({ bodies }: TraceReceiver) => bodies.flatMap(decodeOtlp).sort(byId);

/** Lets time go on until every trace is closed. */
function letTimePass(): void {
  server.aheadMs = LATER_MS;
  server.end();
}

/** The spans of a run beside, which nothing disturbs. */
async function startBeside() {
  const own = await startTraceReceiver();
  const live = await start([], own.endpoint);
  await isWatched(server);
  return async () => {
    await live.until(isDone);
    await live.stop();
    await own.close();
    return spansOf(own);
  };
}

const countEvents = (frames: HappeningFrame[]) =>
  frames.filter(({ object }) => object.kind === 'Event').length;

/** Of what happened before anything was deleted: when that was, nobody knows who was not there. */
function halves() {
  const all = endingNow(input);
  const end = all.findIndex(({ object }) => object.metadata.deletionTimestamp);
  const middle = Math.floor(end / 2);
  const events = countEvents(all.slice(0, end));
  return { early: all.slice(0, middle), late: all.slice(middle, end), events };
}

/** The whole recording happens, and becomes spans; returns how many Events that were. */
async function finishAll(live: LiveKspan): Promise<number> {
  await live.readiness(200);
  const frames = endingNow(input);
  const events = countEvents(frames);
  play(server, frames);
  await live.until((now) => received(now) === events);
  letTimePass();
  await live.until((now) => now.get('kspan_events_exported_total') === events);
  return events;
}

describe('a run that goes on from a checkpoint', () => {
  test('gives each span of an undisturbed run once, after an orderly end', async () => {
    const { early, late, events } = halves();
    const beside = await startBeside();
    const first = await startKept();
    await first.readiness(200);
    play(server, early);
    await first.until((now) => received(now) > 5);
    expect(await first.stop()).toMatchObject({ exitCode: 0 });
    play(server, late);
    const second = await startKept();
    await second.until((now) => received(now) === events);
    letTimePass();
    await second.until(isDone);
    const { summary } = await second.stop();
    expect(spansOf(receiver)).toEqual(await beside());
    const exported = String(events);
    expect(summary).toMatchObject({ received: exported, exported, duplicates: '0', late: '0' });
  });

  test('doubles spans to the byte after a crash, and leaves out none', async () => {
    // A checkpoint is taken when there are spans for one.
    const rare = ['--checkpoint-interval-ms', '3600000', '--outbox-bytes-max', '0'];
    const first = await startKept(rare);
    await first.readiness(200);
    const frames = endingNow(input);
    const events = countEvents(frames);
    play(server, frames);
    await first.until((now) => received(now) === events);
    letTimePass();
    await first.until((now) => isDone(now) && spansOf(receiver).length > 0);
    await first.kill();
    const sent = spansOf(receiver);
    const second = await startKept(rare);
    await second.until(
      (now) => hasDone(events)(now) && total(now, 'kspan_export_waiting_spans') === 0,
    );
    await second.stop();
    const spans = spansOf(receiver);
    const doubled = spans.filter((span, n) => span.spanId === spans[n - 1]?.spanId);
    expect(doubled.length).toBeGreaterThan(0);
    expect(sent).toEqual(expect.arrayContaining(doubled));
    expect(eventsOf(spans.filter((span) => !doubled.includes(span)))).toHaveLength(events);
  });

  test('knows what it had read, where the server has forgotten the version and lists all', async () => {
    const { early, late, events } = halves();
    const beside = await startBeside();
    const first = await startKept();
    await first.readiness(200);
    play(server, early);
    await first.until((now) => received(now) > 5);
    await first.stop();
    play(server, late);
    server.script('watch', '/api/v1/events', status(410));
    const second = await startKept();
    await second.until((now) => received(now) > events);
    letTimePass();
    await second.until(isDone);
    const { summary } = await second.stop();
    expect(spansOf(receiver)).toEqual(await beside());
    expect(summary.exported).toBe(String(events));
    expect(summary.duplicates).not.toBe('0');
  });

  test('makes the spans again that no back end had taken', async () => {
    const deaf = createServer(() => {}).listen(0, '127.0.0.1');
    await once(deaf, 'listening');
    const { port } = deaf.address() as AddressInfo;
    const first = await startKept(['--export-timeout-ms', '600000'], `http://127.0.0.1:${port}`);
    const events = await finishAll(first);
    await first.kill();
    deaf.close();
    const second = await startKept();
    await second.until(hasDone(events));
    await second.stop();
    expect(eventsOf(spansOf(receiver))).toHaveLength(events);
  });

  test('is taken too while a back end is away, and has all that this has not got', async () => {
    const first = await startKept([], 'http://127.0.0.1:1');
    const events = await finishAll(first);
    const finishedAt = performance.now();
    await first.until((now) => {
      const age = now.get('kspan_checkpoint_age_seconds') ?? Number.POSITIVE_INFINITY;
      return age * 1000 < performance.now() - finishedAt;
    });
    await first.kill();
    const second = await startKept();
    await second.until(hasDone(events));
    const { summary } = await second.stop();
    expect(summary).toMatchObject({ exported: String(events), duplicates: '0' });
    expect(eventsOf(spansOf(receiver))).toHaveLength(events);
  });

  test('watches the custom resources again that were met', async () => {
    const first = await startKept();
    await first.readiness(200);
    const owner = { apiVersion: 'example.com/v1', kind: 'App', name: 'shop', uid: 'uid-shop' };
    const metadata = { name: 'web', namespace: 'shop', uid: 'uid-web', ownerReferences: [owner] };
    server.put('deployments.apps', { metadata });
    await server.isWatched('apps.example.com');
    await first.until((now) => now.get('kspan_watch_up{path="/apis/example.com/v1/apps"}') === 1);
    await first.stop();
    server.requests.splice(0);
    const second = await startKept();
    await second.readiness(200);
    const isList = ({ verb, query }: FakeRequest) =>
      verb === 'list' || query.has('sendInitialEvents');
    expect(server.requests.filter(isList)).toEqual([]);
    await server.isWatched('apps.example.com');
    await second.stop();
  });
});

describe('a checkpoint that is not one to go on from is told and set aside', () => {
  beforeEach(async () => {
    const first = await startKept();
    await first.until(hasCheckpoint);
    await first.stop();
  });

  const flipped = (bytes: Buffer) => {
    bytes[bytes.length - 1]! ^= 1;
    return bytes;
  };
  const cases: [title: string, change: (bytes: Buffer) => Buffer, args: string[], told: string][] =
    [
      ['damaged', flipped, [], 'it is damaged'],
      ['cut', (bytes) => bytes.subarray(0, 40), [], 'it is damaged'],
      ['empty', () => Buffer.alloc(0), [], 'it is no checkpoint'],
      ['another file', () => Buffer.from('a shopping list'), [], 'it is no checkpoint'],
      ['of other settings', (bytes) => bytes, ['--shards', '7'], 'shards'],
    ];
  test.each(cases)('%s', async (_, change, args, told) => {
    writeFileSync(file(), change(readFileSync(file())));
    const second = await startKept(args);
    await second.readiness(200);
    await second.until(hasCheckpoint);
    const { stderr, exitCode } = await second.stop();
    const lines = stderr.split('\n').filter((line) => line.includes('is not used'));
    expect(lines).toEqual([expect.stringContaining(told)]);
    expect(readdirSync(folder)).toEqual([
      'checkpoint',
      expect.stringMatching(/^checkpoint\.refused-\d+$/),
    ]);
    expect(exitCode).toBe(0);
  });

  test('of another cluster', async () => {
    const other = await FakeApiServer.start();
    const second = await startKept(['--kubeconfig', other.kubeconfig]);
    const { stderr } = await second.readiness(200).then(() => second.stop());
    await other.close();
    expect(stderr).toContain(`of another cluster, http://127.0.0.1:${server.port}`);
  });
});

describe('checkpoints that cannot be kept are one line and exit code 2:', () => {
  const watch = (...args: string[]) => kspan(['watch', ...kindsArgs(server), ...args]);

  test('of a tree, which is written at the end', async () => {
    const message = '--state-dir goes with --format otlp, otlp-json and none, not with tree';
    const outcome = await watch('--state-dir', folder, '--format', 'tree');
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '', stderr: `kspan: ${message}\n` });
  });

  test('in a folder whose parent is not there', async () => {
    const message = 'cannot keep checkpoints in /proc/nowhere/x: no such file';
    const outcome = await watch('--state-dir', '/proc/nowhere/x');
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '', stderr: `kspan: ${message}\n` });
  });

  test('in what is no folder', async () => {
    writeFileSync(file(), '');
    const message = `cannot keep checkpoints in ${file()}/x: a part of the path is not a directory`;
    const outcome = await watch('--state-dir', `${file()}/x`);
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '', stderr: `kspan: ${message}\n` });
  });
});
