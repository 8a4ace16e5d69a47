// `kspan watch` as a user runs it, against a server that plays a cluster: spans go out, a signal ends it
// with an even account and exit code 0.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeApiServer } from './support/fake-api-server.ts';
import { messages, outcomeOf, startKspan } from './support/kspan.ts';
import { decodeOtlp } from './support/otlp.ts';
import { scenario } from './support/scenarios.ts';
import { startTraceReceiver } from './support/trace-receiver.ts';

const { input, trace } = scenario('rollout');
const RESOURCES: Record<string, string> = {
  Event: 'events',
  Pod: 'pods',
  Node: 'nodes',
  Deployment: 'deployments.apps',
  ReplicaSet: 'replicasets.apps',
};

let server: FakeApiServer;

beforeEach(async () => {
  server = await FakeApiServer.start();
});

afterEach(() => server.close());

/** Lets what was recorded happen again, all times moved so that it ends now; it is known when read. */
async function happen(): Promise<void> {
  await isWatched();
  const lines = Buffer.from(input).toString().trim().split('\n');
  const last = Date.parse(JSON.parse(lines.at(-1)!).receivedAt);
  const moved = Math.floor((Date.now() - last) / 1000) * 1000;
  const times = /"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z"/g;
  const move = (_: string, seconds: string, rest = '') => {
    const at = new Date(Date.parse(`${seconds}Z`) + moved);
    return `"${at.toISOString().slice(0, 19)}${rest}Z"`;
  };
  for (const line of lines) {
    const { type, object } = JSON.parse(line.replaceAll(times, move));
    const resource = RESOURCES[object.kind];
    if (resource && type === 'DELETED') server.remove(resource, object);
    else if (resource) server.put(resource, object);
  }
  server.end();
  for (const resource of Object.values(RESOURCES)) await server.isRead(resource);
}

function isWatched(): Promise<unknown> {
  return server.asked(({ verb, path }) => verb === 'watch' && path.endsWith('/events'));
}

function startWatch(args: string[], env: Record<string, string> = {}) {
  // Nothing is late, wherever in the recording the clock of the stream begins.
  const window = ['--reorder-window-ms', '600000'];
  const kinds = ['--kinds', Object.values(RESOURCES).slice(1).join(',')];
  const child = startKspan(['--kubeconfig', server.kubeconfig, ...kinds, ...window, ...args], {
    env,
  });
  child.stdin.end();
  return { child, done: outcomeOf(child) };
}

/** What hangs where, without when. */
const shapeOf = (tree: string) =>
  tree
    .replaceAll(/ \[\+[^\]]*\]| \(\d+\)|\d+: |~ .*\n/g, '')
    .split('\n')
    .sort();

test('a rollout gives the traces of its recording, and SIGTERM exits with 0', async () => {
  const { child, done } = startWatch(['--format', 'tree']);
  await happen();
  child.kill('SIGTERM');
  const outcome = await done;
  expect(outcome).toMatchObject({
    exitCode: 0,
    summary: { received: '32', exported: '32', held: '0' },
  });
  expect(messages(outcome)).toEqual([]);
  expect(shapeOf(outcome.stdout)).toEqual(shapeOf(trace));
});

test('spans go to the OTLP back end unless told otherwise', async () => {
  const receiver = await startTraceReceiver();
  const { child, done } = startWatch([], { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint });
  await happen();
  child.kill('SIGTERM');
  const { exitCode, summary } = await done;
  const spans = receiver.bodies.flatMap(decodeOtlp);
  expect(exitCode).toBe(0);
  expect(spans).toHaveLength(Number(summary.exported) + Number(summary.synthetic));
  await receiver.close();
});
