// A cluster as one stream of frames, over the faults of its API server: nothing is lost, nothing is asked
// for needlessly, and time stands while something may be missing.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { resolveConfig } from '../src/config-load.ts';
import {
  body,
  bookmark,
  ERROR_410,
  FakeApiServer,
  type FakeObject,
  type FakeRequest,
  status,
} from './support/fake-api-server.ts';
import { follow, isOf } from './support/live-frames.ts';

const EVENTS = '/api/v1/events';
const PODS = '/api/v1/pods';

let server: FakeApiServer;

beforeEach(async () => {
  server = await FakeApiServer.start();
});

afterEach(() => server.close());

const pod = (name: string, more: object = {}): FakeObject => ({
  metadata: { name, namespace: 'shop', uid: `uid-${name}`, ...more },
  spec: { nodeName: 'node-1' },
});

const kubeEvent = (name: string, at = new Date()): FakeObject => ({
  metadata: { name, namespace: 'shop', uid: `uid-${name}`, creationTimestamp: at.toISOString() },
  involvedObject: { kind: 'Pod', name: 'web-1', resourceVersion: '3' },
  message: 'a "quoted" message',
});

const isWatchOf = (path: string) => (request: FakeRequest) =>
  request.verb === 'watch' && request.path === path;
const timesAsked = (holds: (request: FakeRequest) => boolean) =>
  server.requests.filter(holds).length;
const lastWatch = (path: string) => server.requests.findLast(isWatchOf(path))?.query;

/** Puts Events until one of them comes through, and returns when it has. */
async function passes(follower: Awaited<ReturnType<typeof follow>>, name: string): Promise<void> {
  await server.asked(isWatchOf(EVENTS));
  server.put('events', kubeEvent(name));
  await follower.until(isOf(name));
}

describe('a cluster', () => {
  test('is all metadata that there is, and then the Events that come from now on', async () => {
    for (const name of ['a', 'b']) server.put('pods', pod(name));
    server.put('events', kubeEvent('old'));
    await using live = await follow(server);
    await passes(live, 'new');
    expect(live.frames.map(({ object }) => object.metadata.name)).toEqual(['a', 'b', 'new']);
    const [first, , last] = live.frames;
    expect(first!.object).toEqual({
      kind: 'PartialObjectMetadata',
      apiVersion: 'meta.k8s.io/v1',
      metadata: expect.objectContaining({ name: 'a' }),
    });
    expect(first!.resource).toEqual({ group: '', version: 'v1', kind: 'Pod' });
    expect(last!.object.message).toBe('a "quoted" message');
    expect(Date.parse(last!.receivedAt)).not.toBeNaN();
  });

  test('of a server without WatchList is listed in pages', async () => {
    server.knowsWatchList = false;
    for (const name of ['a', 'b', 'c']) server.put('pods', pod(name));
    await using live = await follow(server, { listPageObjects: 2 });
    await passes(live, 'new');
    expect(live.frames.map(({ object }) => object.metadata.name)).toEqual(['a', 'b', 'c', 'new']);
    expect(timesAsked(({ verb, path }) => verb === 'list' && path === PODS)).toBe(2);
  });

  test('whose pages are too large is listed in smaller ones', async () => {
    server.knowsWatchList = false;
    const large = { annotations: { note: 'x'.repeat(20_000) } };
    for (const name of ['a', 'b', 'c', 'd']) server.put('pods', pod(name, large));
    await using live = await follow(server, { listPageBytesMax: 65_536 });
    await passes(live, 'new');
    expect(live.frames.map(({ object }) => object.metadata.name)).toEqual([
      ...['a', 'b', 'c', 'd'],
      'new',
    ]);
  });

  test('may begin with Events of the past, and time with them', async () => {
    const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000);
    server.put('events', kubeEvent('too old', ago(11)));
    server.put('events', kubeEvent('recent', ago(9)));
    await using live = await follow(server, { since: 600_000 });
    const { receivedAt } = await live.until(isOf('recent'));
    expect(Date.parse(receivedAt)).toBeLessThanOrEqual(ago(9).getTime());
    await passes(live, 'new');
    expect(live.frames.map(({ object }) => object.metadata.name)).toEqual(['recent', 'new']);
    expect(Date.parse(await live.tick())).toBeGreaterThan(ago(1).getTime());
  });

  test('is watched in the namespaces that were asked for, and nowhere else', async () => {
    await using live = await follow(server, { namespace: 'shop,bank', kinds: 'pods,nodes' });
    await server.asked(isWatchOf('/api/v1/namespaces/bank/events'));
    await live.tick();
    const paths = server.requests.filter(({ verb }) => verb !== 'get').map(({ path }) => path);
    const wanted = ['shop', 'bank'].flatMap((namespace) =>
      ['events', 'pods'].map((resource) => `/api/v1/namespaces/${namespace}/${resource}`),
    );
    expect(new Set(paths)).toEqual(new Set(wanted));
  });

  test('has autoscalers whole', async () => {
    const autoscaler = { ...pod('scaler'), spec: { scaleTargetRef: { name: 'web' } } };
    server.put('horizontalpodautoscalers.autoscaling', autoscaler);
    await using live = await follow(server, { kinds: 'horizontalpodautoscalers.autoscaling' });
    const { object, resource } = await live.until(isOf('scaler'));
    expect(object.spec).toEqual(autoscaler.spec);
    expect(resource).toEqual({
      group: 'autoscaling',
      version: 'v2',
      kind: 'HorizontalPodAutoscaler',
    });
  });

  test('costs no request for an Event', async () => {
    await using live = await follow(server);
    await passes(live, 'first');
    const before = server.requests.length;
    for (let index = 0; index < 500; index++) server.put('events', kubeEvent(`e${index}`));
    await live.until(isOf('e499'));
    expect(server.requests.length).toBe(before);
    expect(live.frames).toHaveLength(501);
  });
});

describe('custom resources', () => {
  test('are watched from when one is met, as an owner or in an Event', async () => {
    server.put('apps.example.com', pod('shop-app'));
    await using live = await follow(server);
    await passes(live, 'first');
    live.meet('example.com/v1 App');
    live.meet('batch/v1 Job');
    const { resource } = await live.until(isOf('shop-app'));
    expect(resource).toEqual({ group: 'example.com', version: 'v1', kind: 'App' });
    expect(timesAsked(({ path }) => path.startsWith('/apis/batch'))).toBe(0);
  });

  test('of a version that is no longer served are watched in the one that is', async () => {
    server.put('apps.example.com', pod('shop-app'));
    await using live = await follow(server);
    live.meet('example.com/v1alpha1 App');
    expect((await live.until(isOf('shop-app'))).resource.version).toBe('v1');
  });

  test('are no more than may be, and what is left out is told', async () => {
    await using live = await follow(server, { foundKindsMax: 1 });
    await passes(live, 'first');
    live.meet('example.com/v1 App');
    live.meet('example.com/v1 Tool');
    await server.asked(isWatchOf('/apis/example.com/v1/apps'));
    await live.tick();
    expect(live.notices).toEqual([expect.stringMatching(/^Tool .*--found-kinds-max$/)]);
    expect(timesAsked(isWatchOf('/apis/example.com/v1/tools'))).toBe(0);
  });
});

describe('a fault of the watch of Events', () => {
  test('that ends in the middle of a line costs and doubles no Event', async () => {
    await using live = await follow(server);
    await passes(live, 'first');
    const { resourceVersion } = live.frames[0]!.object.metadata;
    server.script('watch', EVENTS, body('{"type":"ADDED","object":{"metadata":{"na'));
    server.cut();
    server.put('events', kubeEvent('second'));
    await live.until(isOf('second'));
    expect(live.frames.filter(({ resource }) => resource.kind === 'Event')).toHaveLength(2);
    expect(lastWatch(EVENTS)?.get('resourceVersion')).toBe(resourceVersion);
  });

  for (const [title, answer] of [
    ['an ERROR frame that says 410', body(ERROR_410)],
    ['a status 410', status(410)],
  ] as const)
    test(`with ${title} lists what was missed, and nothing of before the start`, async () => {
      server.put('events', kubeEvent('old', new Date(Date.now() - 3_600_000)));
      await using live = await follow(server);
      await passes(live, 'first');
      server.script('watch', EVENTS, answer);
      server.cut();
      server.put('events', kubeEvent('missed'));
      await live.until(isOf('missed'));
      expect(live.frames.filter(isOf('old'))).toEqual([]);
      expect(live.restarts.map(({ cause }) => cause)).toContain('expired');
    });

  test('with empty answers, one after another, lists what was missed', async () => {
    await using live = await follow(server);
    await passes(live, 'first');
    for (let index = 0; index < 3; index++) server.script('watch', EVENTS, body(''));
    server.cut();
    server.put('events', kubeEvent('missed'));
    await live.until(isOf('missed'));
    const causes = live.restarts.filter(({ path }) => path === EVENTS).map(({ cause }) => cause);
    expect(causes).toEqual(['failed', 'empty', 'empty', 'empty']);
  });

  test('that forgets where a list goes on lists from the beginning', async () => {
    for (const name of ['a', 'b', 'c']) server.put('events', kubeEvent(name));
    server.script('list', EVENTS, (response) => {
      const metadata = { resourceVersion: '100', continue: 'gone' };
      response.end(JSON.stringify({ kind: 'EventList', metadata, items: [] }));
    });
    server.script('list', EVENTS, status(410));
    await using live = await follow(server, { since: 3_600_000 });
    await live.until(isOf('c'));
    expect(live.frames.map(({ object }) => object.metadata.name)).toEqual(['a', 'b', 'c']);
  });

  for (const code of [429, 503])
    test(`with status ${code} is asked for again when the server said`, async () => {
      await using live = await follow(server);
      await passes(live, 'first');
      const before = Date.now();
      server.script('watch', EVENTS, status(code, { 'Retry-After': '1' }));
      server.cut();
      server.put('events', kubeEvent('second'));
      await live.until(isOf('second'));
      expect(Date.now() - before).toBeGreaterThanOrEqual(1000);
    });

  test('with status 401 is met by credentials read anew', async () => {
    await using live = await follow(server);
    await passes(live, 'first');
    server.writeKubeconfig({ token: 'second' });
    server.script('watch', EVENTS, status(401));
    server.cut();
    server.put('events', kubeEvent('second'));
    await live.until(isOf('second'));
    const tokens = server.requests
      .filter(isWatchOf(EVENTS))
      .map(({ headers }) => headers.authorization);
    expect(tokens).toEqual(['Bearer first', 'Bearer first', 'Bearer second']);
  });

  test('that hides behind silence is found out', async () => {
    await using live = await follow(server, { watchTimeoutMs: 5000 });
    await passes(live, 'first');
    server.script('watch', EVENTS, body(bookmark(5), { open: true }));
    server.cut();
    await live.restarted('dead');
    server.put('events', kubeEvent('second'));
    await live.until(isOf('second'));
  });

  test('lets time stand until it works again', async () => {
    await using live = await follow(server);
    await passes(live, 'first');
    for (let index = 0; index < 3; index++) server.script('watch', EVENTS, status(500));
    const cutAt = Date.now();
    server.cut();
    server.put('events', kubeEvent('second'));
    const { receivedAt } = await live.until(isOf('second'));
    expect(Date.now() - cutAt).toBeGreaterThan(1700);
    expect(Date.parse(receivedAt) - cutAt).toBeLessThan(1000);
    await caughtUp(live);
  });
});

/** Resolves when the clock of the stream is that of the host, but for the time since the server was heard. */
async function caughtUp(live: Awaited<ReturnType<typeof follow>>): Promise<void> {
  while (Date.now() - Date.parse(await live.tick()) > 2500);
}

test('a network that carries nothing lets time stand within the window, though no connection broke', async () => {
  const isProbe = ({ path }: FakeRequest) => path === '/livez';
  for (let index = 0; index < 10; index++) server.script('get', '/livez', () => {});
  await using live = await follow(server);
  await passes(live, 'first');
  const heardAt = Date.now();
  await server.asked(() => timesAsked(isProbe) === 3);
  const { reorderWindowMs } = resolveConfig({});
  expect(Date.parse(live.ticks.at(-1)!) - heardAt).toBeLessThan(reorderWindowMs);
  expect(Date.now() - Date.parse(live.ticks.at(-1)!)).toBeGreaterThan(3000);
  await passes(live, 'second');
  await caughtUp(live);
});

describe('a slow reader', () => {
  test('holds up the server, and what waited in the sockets is not late', async () => {
    await using live = await follow(server);
    await passes(live, 'first');
    live.pause();
    const told = Date.parse(await live.tick().catch(() => live.ticks.at(-1)!));
    const big = { ...kubeEvent('big'), message: 'x'.repeat(10_000) };
    for (let index = 0; index < 3000; index++) {
      server.put('events', { ...big, metadata: { ...big.metadata, uid: `u${index}` } });
    }
    const { reorderWindowMs } = resolveConfig({});
    await new Promise((resolve) => setTimeout(resolve, reorderWindowMs + 1000));
    live.resume();
    await live.until((frame) => frame.object.metadata.uid === 'u2999');
    const times = live.frames.filter(isOf('big')).map(({ receivedAt }) => Date.parse(receivedAt));
    expect(times).toHaveLength(3000);
    expect(Math.min(...times) - told).toBeLessThan(reorderWindowMs);
  });
});

describe('what is refused', () => {
  test('is told once and done without', async () => {
    server.script('watch', '/apis/apps/v1/deployments', status(403));
    await using live = await follow(server, { kinds: 'pods,deployments.apps,things.example.org' });
    await passes(live, 'first');
    expect(live.notices).toEqual([
      'there is nothing to watch called things.example.org',
      'cannot watch /apis/apps/v1/deployments: forbidden (403)',
    ]);
    await live.tick();
  });

  test('ends the stream when it is the Events', async () => {
    server.script('list', EVENTS, status(403));
    await using live = await follow(server);
    await expect(live.ended).rejects.toThrow('does not let Events be watched');
  });
});

test('a server that is not there is one line', async () => {
  const gone = await FakeApiServer.start();
  await gone.close();
  const { kubeconfig } = server;
  server.writeKubeconfig({});
  const { readFileSync, writeFileSync } = await import('node:fs');
  const text = readFileSync(kubeconfig, 'utf8').replace(/127\.0\.0\.1:\d+/, '127.0.0.1:1');
  writeFileSync(kubeconfig, text);
  await using live = await follow(server);
  await expect(live.ended).rejects.toThrow(
    'cannot ask http://127.0.0.1:1 for /apis: connection refused',
  );
});
