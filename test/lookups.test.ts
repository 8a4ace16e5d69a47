// Objects of kinds that are not watched: each is looked up once, within a budget, and what comes of
// it is in time for the Event that it was asked for. Events wait for none of it, and nothing is
// asked for that a watch tells, nor a Secret.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KubeClient } from '../src/ingest/kube-client.ts';
import { Lookups } from '../src/ingest/lookups.ts';
import type { ObjectMet } from '../src/wasm.ts';
import { FakeApiServer, type FakeObject, status } from './support/fake-api-server.ts';
import { follow, isOf } from './support/live-frames.ts';
import { LiveKspan } from './support/live-kspan.ts';
import { decodeOtlp } from './support/otlp.ts';
import type { Samples } from './support/prometheus.ts';
import type { PlainSpan } from './support/spans.ts';
import { startTraceReceiver } from './support/trace-receiver.ts';

const INGRESSES = '/apis/networking.k8s.io/v1/namespaces/shop/ingresses';
const REPLICA_SETS = '/apis/apps/v1/namespaces/shop/replicasets';
const EVENTS = '/api/v1/events';

let server: FakeApiServer;

beforeEach(async () => {
  server = await FakeApiServer.start();
});

afterEach(() => server.close());

const uidOf = (name: string) =>
  `00000000-0000-4000-8000-${Buffer.from(name).toString('hex').padStart(12, '0')}`;

const objectMet = (apiVersion: string, kind: string, name: string): ObjectMet => {
  return { apiVersion, kind, namespace: 'shop', name, uid: uidOf(name) };
};
const ingress = (name: string) => objectMet('networking.k8s.io/v1', 'Ingress', name);

const fakeObject = (name: string, more: object = {}): FakeObject => ({
  metadata: { name, namespace: 'shop', uid: uidOf(name), ...more },
});

const MARKER = 'marker';

/** What single objects were asked for, in the order of the alphabet. */
const asked = () =>
  server.requests
    .flatMap(({ verb, path }) => (verb === 'get' && /shop/.test(path) ? [path] : []))
    .filter((path) => !path.includes(MARKER))
    .sort();

let markers = 0;

/** Resolves when all that was met before has been seen to, and what it could have led to. */
async function seenTo(live: Awaited<ReturnType<typeof follow>>): Promise<void> {
  for (let times = 0; times < 2; times++) {
    markers += 1;
    const name = `${MARKER}${markers}`;
    server.put('replicasets.apps', fakeObject(name));
    live.meetObject(objectMet('apps/v1', 'ReplicaSet', name));
    await live.until(isOf(name));
  }
}

describe('an object of a kind that is not watched', () => {
  test('comes as a frame of its metadata, by one request however often it is met', async () => {
    server.put('ingresses.networking.k8s.io', { ...fakeObject('web'), spec: { rules: [] } });
    await using live = await follow(server);
    for (let times = 0; times < 2; times++) live.meetObject(ingress('web'));
    const { type, object, resource, receivedAt } = await live.until(isOf('web'));
    expect({ type, resource }).toEqual({
      type: 'ADDED',
      resource: { group: 'networking.k8s.io', version: 'v1', kind: 'Ingress' },
    });
    expect(object).toEqual({
      kind: 'PartialObjectMetadata',
      apiVersion: 'meta.k8s.io/v1',
      metadata: expect.objectContaining({ name: 'web', uid: uidOf('web') }),
    });
    expect(Date.parse(receivedAt)).not.toBeNaN();
    live.meetObject(ingress('web'));
    await seenTo(live);
    expect(asked()).toEqual([`${INGRESSES}/web`]);
    expect(live.frames.filter(isOf('web'))).toHaveLength(1);
  });

  test('is not asked for again when it is gone, nor taken for another one of its name', async () => {
    server.put('ingresses.networking.k8s.io', fakeObject('new', { uid: uidOf('other') }));
    await using live = await follow(server);
    for (const name of ['gone', 'new', 'gone', 'new']) live.meetObject(ingress(name));
    await seenTo(live);
    for (const name of ['gone', 'new']) live.meetObject(ingress(name));
    await seenTo(live);
    expect(asked()).toEqual([`${INGRESSES}/gone`, `${INGRESSES}/new`]);
    expect(live.frames.filter(isOf('new'))).toEqual([]);
    expect(live.notices).toEqual([]);
  });

  test('that may not be read is told once, and others of its kind are left alone', async () => {
    server.script('get', `${INGRESSES}/one`, status(403));
    await using live = await follow(server);
    live.meetObject(ingress('one'));
    await server.asked(({ path }) => path === `${INGRESSES}/one`);
    await seenTo(live);
    for (const name of ['two', 'three']) live.meetObject(ingress(name));
    await seenTo(live);
    expect(asked()).toEqual([`${INGRESSES}/one`]);
    expect(live.notices).toEqual(['cannot look up ingresses.networking.k8s.io: forbidden (403)']);
  });

  test('of which the server does not know the kind costs discovery once', async () => {
    const isOfGroup = ({ path }: { path: string }) => path === '/apis/policy/v1';
    await using live = await follow(server);
    live.meetObject(objectMet('policy/v1', 'PodDisruptionBudget', 'one'));
    await seenTo(live);
    live.meetObject(objectMet('policy/v1', 'PodDisruptionBudget', 'two'));
    await seenTo(live);
    expect(server.requests.filter(isOfGroup)).toHaveLength(1);
    expect(live.notices).toEqual([]);
  });

  test('holds up neither Events nor time while its answer does not come', async () => {
    for (const name of ['a', 'b', 'c', 'd']) server.script('get', `${INGRESSES}/${name}`, () => {});
    await using live = await follow(server);
    for (const name of ['a', 'b', 'c', 'd']) live.meetObject(ingress(name));
    await server.asked(({ path }) => path === `${INGRESSES}/d`);
    const before = Date.parse(await live.tick());
    await server.asked(({ verb, path }) => verb === 'watch' && path === EVENTS);
    server.put('events', fakeObject('said'));
    await live.until(isOf('said'));
    expect(Date.parse(await live.tick())).toBeGreaterThan(before);
  });
});

describe('nothing is asked for', () => {
  test('of a kind that is watched', async () => {
    await using live = await follow(server);
    live.meetObject(objectMet('v1', 'Pod', 'web-1'));
    await seenTo(live);
    expect(asked()).toEqual([]);
  });

  test('of a custom resource, which is watched from then on', async () => {
    server.put('apps.example.com', fakeObject('shop-app'));
    await using live = await follow(server);
    live.meetObject(objectMet('example.com/v1', 'App', 'shop-app'));
    await live.until(isOf('shop-app'));
    await seenTo(live);
    expect(asked()).toEqual([]);
  });

  test('but of a custom resource that is one more than may be watched', async () => {
    server.put('apps.example.com', fakeObject('shop-app'));
    await using live = await follow(server, { foundKindsMax: 0 });
    live.meetObject(objectMet('example.com/v1', 'App', 'shop-app'));
    await live.until(isOf('shop-app'));
    expect(asked()).toEqual(['/apis/example.com/v1/namespaces/shop/apps/shop-app']);
  });

  test('of a Secret', async () => {
    server.put('secrets', fakeObject('password'));
    await using live = await follow(server);
    live.meetObject(objectMet('v1', 'Secret', 'password'));
    await seenTo(live);
    expect(asked()).toEqual([]);
  });

  test('outside of the namespaces that are watched', async () => {
    await using live = await follow(server, { namespace: 'shop' });
    for (const namespace of ['bank', '']) live.meetObject({ ...ingress('web'), namespace });
    await seenTo(live);
    const ofIngresses = server.requests.filter(({ path }) => path.includes('ingresses'));
    expect(ofIngresses).toEqual([]);
  });
});

describe('the budget', () => {
  const names = (count: number) => Array.from({ length: count }, (_, n) => ingress(`i${n}`));
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  /** Lookups on a clock of their own, whose answers come when they are let go. */
  function budgeted(lookupRate: number, lookupBurst: number) {
    const state = { now: 0, asked: 0, open: 0, openMax: 0 };
    const answers: (() => void)[] = [];
    const client = {
      async get(path: string) {
        state.asked += 1;
        state.open += 1;
        state.openMax = Math.max(state.openMax, state.open);
        await new Promise<void>((resolve) => answers.push(resolve));
        state.open -= 1;
        const uid = uidOf(path.slice(path.lastIndexOf('/') + 1));
        return { status: 200, body: [Buffer.from(JSON.stringify({ metadata: { uid } }))] };
      },
    } as unknown as KubeClient;
    const resource = { group: 'networking.k8s.io', version: 'v1', kind: 'Ingress' };
    const lookups = new Lookups({
      client,
      discovery: { byKind: async () => ({ ...resource, plural: 'ingresses', namespaced: true }) },
      config: { lookupRate, lookupBurst },
      signal: new AbortController().signal,
      time: () => '2026-03-01T10:00:00Z',
      onFound: async () => {},
      onNotice: () => {},
      elapsed: () => state.now,
    });
    /** Lets all answers come that can, and returns how many were asked for in all. */
    const answered = async () => {
      await settled();
      while (answers.length > 0) {
        answers.shift()!();
        await settled();
      }
      return state.asked;
    };
    return { lookups, state, answered };
  }

  test('is a burst, then the rate, then after a pause no more than the burst', async () => {
    const { lookups, state, answered } = budgeted(2, 6);
    lookups.add(names(100));
    expect(await answered()).toBe(6);
    for (const expected of [6, 7, 7, 8]) {
      state.now += 250;
      lookups.proceed();
      expect(await answered()).toBe(expected);
    }
    state.now += 3_600_000;
    lookups.proceed();
    expect(await answered()).toBe(14);
    expect(lookups.counts).toEqual({ found: 14, gone: 0, refused: 0, failed: 0, left_out: 0 });
  });

  test('lets no more than four be asked for at a time', async () => {
    const { lookups, state, answered } = budgeted(10, 50);
    lookups.add(names(20));
    expect(await answered()).toBe(20);
    expect(state.openMax).toBe(4);
  });

  test('lets no more than so many wait; one that was left out may be met again', async () => {
    const { lookups, state, answered } = budgeted(1000, 10_000);
    lookups.add(names(1001));
    expect(lookups.counts.left_out).toBe(1);
    await answered();
    lookups.add(names(1001));
    expect(await answered()).toBe(1001);
    expect(state.asked).toBe(1001);
  });

  test('of nothing asks for nothing', async () => {
    const { lookups, answered } = budgeted(0, 50);
    lookups.add(names(3));
    expect(await answered()).toBe(0);
  });
});

describe('kspan watch', () => {
  const received = (samples: Samples) => samples.get('kspan_events_total');
  const found = (samples: Samples) => samples.get('kspan_lookups_total{outcome="found"}');
  /** Everything is over by then. */
  const LATER_MS = 1_200_000;

  /** Times are of now. */
  function kubeEvent(name: string, kind: string, about: string): FakeObject {
    const at = new Date().toISOString().replace(/\.\d+/, '');
    return {
      ...fakeObject(name, { creationTimestamp: at }),
      involvedObject: {
        apiVersion: 'apps/v1',
        kind,
        namespace: 'shop',
        name: about,
        uid: uidOf(about),
      },
      type: 'Normal',
      reason: 'Said',
      message: name,
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    };
  }

  /**
   * By message, the traces of an Event about a Deployment that is watched, and of two about its
   * ReplicaSet, which is not. When `isReady` time passes, with what is known then.
   */
  async function watched(isReady: (samples: Samples) => boolean, args: string[] = []) {
    const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: uidOf('web') };
    server.put('deployments.apps', fakeObject('web'));
    server.put(
      'replicasets.apps',
      fakeObject('web-1', { ownerReferences: [{ ...owner, controller: true }] }),
    );
    const receiver = await startTraceReceiver();
    const kspan = ['--kubeconfig', server.kubeconfig, '--kinds', 'deployments.apps', ...args];
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint };
    const live = await LiveKspan.start([...kspan, '--reorder-window-ms', '600000'], { env });
    await live.readiness(200);
    server.put('events', kubeEvent('of the Deployment', 'Deployment', 'web'));
    server.put('events', kubeEvent('of the ReplicaSet', 'ReplicaSet', 'web-1'));
    server.put('events', kubeEvent('of it again', 'ReplicaSet', 'web-1'));
    await live.until(isReady);
    server.aheadMs = LATER_MS;
    server.end();
    await live.until((now) => now.get('kspan_events_held') === 0);
    await live.stop();
    await receiver.close();
    const spans = receiver.bodies.flatMap(decodeOtlp);
    const traceOf = (message: string) => spans.find(isAbout(message))!.traceId;
    return traceOf;
  }

  const isAbout = (message: string) => (span: PlainSpan) =>
    span.attributes['k8s.event.message'] === message;

  test('puts an Event about an object that it looked up in the trace of its owner', async () => {
    const traceOf = await watched((now) => received(now) === 3 && found(now) === 1);
    expect(traceOf('of the ReplicaSet')).toBe(traceOf('of the Deployment'));
    expect(traceOf('of it again')).toBe(traceOf('of the Deployment'));
    expect(asked()).toEqual([`${REPLICA_SETS}/web-1`]);
  });

  test('that looks up nothing knows of no owner', async () => {
    const traceOf = await watched((now) => received(now) === 3, ['--lookup-rate', '0']);
    expect(traceOf('of the ReplicaSet')).not.toBe(traceOf('of the Deployment'));
    expect(asked()).toEqual([]);
  });
});
