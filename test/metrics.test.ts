// What a live run tells of itself: metrics that add up, readiness that follows the API server and the
// back end, and a log that has no text of an Event. kspan runs as a user would start it, against a server
// that plays a cluster.
import { once } from 'node:events';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../src/config-load.ts';
import { METRICS } from '../src/ops/metrics.ts';
import { FakeApiServer, type FakeObject } from './support/fake-api-server.ts';
import { kspan } from './support/kspan.ts';
import { LiveKspan } from './support/live-kspan.ts';
import { type Samples, total } from './support/prometheus.ts';
import { startTraceReceiver, type TraceReceiver } from './support/trace-receiver.ts';

const SECRET = 'what an Event says';
/** A reason is there from the first time on. */
const RARE = /_(skipped|dropped)_total$/;

let server: FakeApiServer;
let receiver: TraceReceiver;

beforeEach(async () => {
  server = await FakeApiServer.start();
  receiver = await startTraceReceiver();
});

afterEach(() => Promise.all([server.close(), receiver.close()]));

function startLive(args: string[] = [], backEnd = receiver.endpoint): Promise<LiveKspan> {
  const fast = ['--reorder-window-ms', '0', '--idle-ms', '1000', '--export-delay-ms', '0'];
  const own = ['--kubeconfig', server.kubeconfig, '--kinds', 'pods', ...fast];
  return LiveKspan.start([...own, ...args], { env: { OTEL_EXPORTER_OTLP_ENDPOINT: backEnd } });
}

/** A back end that answers nothing until `open` is called. */
async function startSlowBackEnd() {
  const waiting: ServerResponse[] = [];
  let isOpen = false;
  const http = createHttpServer((request, response) => {
    request.resume();
    if (isOpen) response.end();
    else waiting.push(response);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const open = () => {
    isOpen = true;
    for (const response of waiting) response.end();
  };
  const { port } = http.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${port}`, open, close: () => http.close() };
}

/** The first scrape for which this holds; every one before it is valid, and adds up, too. */
function scrapeUntil(live: LiveKspan, holds: (samples: Samples) => boolean): Promise<Samples> {
  return live.until((samples) => {
    expectToAddUp(samples);
    return holds(samples);
  });
}

function expectToAddUp(samples: Samples): void {
  const of = (name: string) => total(samples, name);
  const became = ['exported_total', 'duplicates_total', 'dropped_total', 'held'];
  const sum = became.reduce((all, name) => all + of(`kspan_events_${name}`), 0);
  expect(of('kspan_events_total')).toBe(sum);
  expect(samples.get('kspan_frames_total{type="event"}') ?? 0).toBe(of('kspan_events_total'));
}

function kubeEvent(name: string, more: object = {}): FakeObject {
  const at = new Date().toISOString().replace(/\.\d+/, '');
  return {
    metadata: { name, namespace: 'shop', uid: `uid-${name}`, creationTimestamp: at },
    involvedObject: { kind: 'Pod', namespace: 'shop', name: 'web-1', uid: 'uid-web-1' },
    type: 'Normal',
    reason: 'Said',
    message: SECRET,
    firstTimestamp: at,
    lastTimestamp: at,
    count: 1,
    ...more,
  };
}

/** One that counts, the same again, and one that cannot be used. */
async function happen(live: LiveKspan): Promise<void> {
  await live.readiness(200);
  const said = kubeEvent('said');
  server.put('events', said);
  server.put('events', said);
  server.put('events', kubeEvent('nobody', { involvedObject: undefined }));
}

describe('/metrics', () => {
  test('is valid, and in every answer the account of Events adds up', async () => {
    const live = await startLive();
    await happen(live);
    const samples = await scrapeUntil(
      live,
      (now) =>
        total(now, 'kspan_events_total') === 3 &&
        now.get('kspan_export_requests_total{outcome="delivered",destination="default"}')! > 0,
    );
    const expected = {
      kspan_events_total: 3,
      kspan_events_exported_total: 1,
      kspan_events_duplicates_total: 1,
      'kspan_events_dropped_total{reason="no_involved_object"}': 1,
      kspan_events_held: 0,
      kspan_spans_undelivered_total: 0,
      'kspan_export_requests_total{outcome="failed",destination="default"}': 0,
      'kspan_watch_up{path="/api/v1/events"}': 1,
      'kspan_watch_up{path="/api/v1/pods"}': 1,
    };
    expect(Object.fromEntries(samples)).toMatchObject(expected);
    expect(samples.get('kspan_shard_busy_seconds_total{shard="0"}')).toBeGreaterThan(0);
    expect(samples.get('kspan_memory_bytes{of="router"}')).toBeGreaterThan(0);
    expect(samples.get('kspan_memory_bytes{of="0"}')).toBeGreaterThan(0);
    expect((await live.stop()).exitCode).toBe(0);
  });

  test('has every metric of the table once something has happened', async () => {
    const live = await startLive(['--watch-timeout-ms', '5000']);
    await happen(live);
    const samples = await scrapeUntil(live, (now) => {
      server.end();
      return total(now, 'kspan_watch_restarts_total') > 0;
    });
    const names = new Set([...samples.keys()].map((key) => key.split('{')[0]));
    const missing = Object.keys(METRICS).filter((name) => !names.has(name) && !RARE.test(name));
    expect(missing).toEqual([]);
    await live.stop();
  });

  test('names a counter _total, and says in a sentence what each one is', () => {
    for (const [name, { type, help }] of Object.entries(METRICS)) {
      expect(name).toMatch(/^(kspan|process)(_[a-z]+)+$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(help).toMatch(/^[A-Z].+\.$/);
    }
  });
});

describe('/readyz', () => {
  test('turns when the API server is gone, and again when it is back', async () => {
    const live = await startLive();
    await live.readiness(200);
    const { port } = server;
    await server.close();
    expect(await live.readiness(503)).toMatch(/^(\/api\/v1\/(events|pods) is not watched|the API)/);
    expect((await live.get('/healthz')).status).toBe(200);
    const down = await live.scrape();
    expect(down.get('kspan_watch_up{path="/api/v1/events"}')).toBe(0);
    expect(total(down, 'kspan_watch_restarts_total')).toBeGreaterThan(0);
    server = await FakeApiServer.start(port);
    expect(await live.readiness(200)).toBe('ok\n');
    expect((await live.stop()).exitCode).toBe(0);
  });

  test('turns when the back end answers nothing, and says so until the run has ended', async () => {
    const backEnd = await startSlowBackEnd();
    const one = [
      '--export-queue-spans',
      '1',
      '--export-batch-spans',
      '1',
      '--exports-in-flight',
      '1',
    ];
    const patient = ['--export-timeout-ms', '600000', '--shutdown-timeout-ms', '3600000'];
    const live = await startLive([...one, ...patient], backEnd.endpoint);
    await live.readiness(200);
    for (const name of ['a', 'b', 'c']) server.put('events', kubeEvent(name));
    expect(await live.readiness(503)).toMatch(/^the back end has not answered for \d+ s\n$/);
    const ended = live.stop();
    while (!(await (await live.get('/readyz')).text()).startsWith('the run is ending'));
    backEnd.open();
    expect(await ended).toMatchObject({ exitCode: 0, summary: { exported: '3', held: '0' } });
    backEnd.close();
  });
});

describe('the server', () => {
  test('answers nothing else, and only to be read', async () => {
    const live = await startLive();
    expect((await live.get('/')).status).toBe(404);
    expect((await live.get('/metrics?x=1')).status).toBe(200);
    await live.stop();
  });

  test('on an address that is taken is one line and exit code 2', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const args = ['--kubeconfig', server.kubeconfig, '--metrics-addr', `127.0.0.1:${port}`];
    const { exitCode, stderr } = await kspan(args);
    expect(exitCode).toBe(2);
    expect(stderr).toBe(
      `kspan: cannot listen on --metrics-addr 127.0.0.1:${port}: the port is in use\n`,
    );
    taken.close();
  });

  test('takes HOST:PORT, also of IPv6, and nothing else', () => {
    for (const metricsAddr of ['', '127.0.0.1:9090', ':8080', '[::1]:0', 'localhost:1']) {
      expect(loadConfig({ metricsAddr }, {})).toMatchObject({ metricsAddr });
    }
    for (const metricsAddr of ['9090', 'localhost', '::1:80', 'a:65536', 'http://a:1', 'a:1/x']) {
      expect(() => loadConfig({ metricsAddr }, {})).toThrow(/^--metrics-addr must be an address /);
    }
  });
});

describe('the log', () => {
  test('is JSON lines with time and level, and never has the text of an Event', async () => {
    const live = await startLive(['--log-level', 'debug']);
    await happen(live);
    await scrapeUntil(live, (now) => total(now, 'kspan_events_total') === 3);
    const { stderr } = await live.stop();
    const lines = stderr.split('\n').filter((line) => line && !/^(frames=|kspan: warn)/.test(line));
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ level: 'info', msg: 'watching', time: expect.any(String) }),
    );
    expect(stderr).not.toContain(SECRET);
  });
});
