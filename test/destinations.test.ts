// Several back ends, as a user has them: each gets the spans of its namespaces and no others, and one that
// is dead, refuses or hangs costs no other anything. kspan runs as a command against HTTP servers.
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Outbox } from '../src/checkpoint/outbox.ts';
import { loadConfig } from '../src/config-load.ts';
import { DestinationsSink } from '../src/export/destinations.ts';
import type { SpanSink } from '../src/export/sink.ts';
import { kspan, messages } from './support/kspan.ts';
import { decodeOtlp } from './support/otlp.ts';
import { dump, type PlainSpan } from './support/spans.ts';
import { namespaceFrame, tenantsRecording } from './support/tenants.ts';
import { correlateInProcess } from './support/wasm-correlator.ts';

const input = tenantsRecording(
  ['shop', 'pay-eu', 'bank'],
  [namespaceFrame('bank', 0, { team: 'money' })],
);
const namespaceOf = ({ attributes }: PlainSpan) => attributes['k8s.namespace.name'];
const all = decodeOtlp(correlateInProcess(input));
const expected = (namespace: string) => dump(all.filter((span) => namespaceOf(span) === namespace));
const EACH = all.length / 3;

let folder: string;
let recording: string;
const closers: (() => void)[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kspan-destinations-'));
  recording = join(folder, 'tenants.ndjson');
  writeFileSync(recording, input);
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Answers with `status`, once `opened` is there. */
async function backEnd({ status = 200, opened = Promise.resolve() as Promise<unknown> } = {}) {
  const spans: PlainSpan[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const waiting: (() => void)[] = [];
  const server = createServer(async (request, response: ServerResponse) => {
    spans.push(...decodeOtlp(await buffer(request)));
    headers.push(request.headers);
    for (const look of waiting.splice(0)) look();
    await opened;
    response.writeHead(status).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const has = async (count: number) => {
    while (spans.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  return { url: `http://127.0.0.1:${port}`, spans, headers, has };
}

/** Replays with these destinations, given as YAML flow maps; `url` is the ordinary back end's. */
function replay(url: string, destinations: string[], ...flags: string[]) {
  const config = join(folder, 'kspan.yaml');
  writeFileSync(config, ['destinations:', ...destinations.map((one) => `  - ${one}`)].join('\n'));
  const args = ['replay', recording, '--format', 'otlp', '--config', config, ...flags];
  return kspan(args, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: url } });
}

const payments = (url: string) => `{ name: payments, namespaces: [pay-*], endpoint: "${url}" }`;
const money = (url: string) => `{ name: money, labels: { team: money }, endpoint: "${url}" }`;

describe('several back ends', () => {
  test('get the spans of their namespaces, with headers of their own', async () => {
    const [rest, one, two] = [await backEnd(), await backEnd(), await backEnd()];
    const headed = (line: string, tenant: string) =>
      line.replace(' }', `, headers: { X-Tenant: ${tenant} } }`);
    const outcome = await replay(rest.url, [
      headed(payments(one.url), 'a'),
      money(two.url).replace(/ }$/, ', headers: { X-Tenant: b } }'),
    ]);
    expect(messages(outcome)).toEqual([]);
    expect(outcome.exitCode).toBe(0);
    expect(dump(rest.spans)).toBe(expected('shop'));
    expect(dump(one.spans)).toBe(expected('pay-eu'));
    expect(dump(two.spans)).toBe(expected('bank'));
    const tenants = [rest, one, two].map(({ headers }) => headers[0]?.['x-tenant']);
    expect(tenants).toEqual([undefined, 'a', 'b']);
  });

  test('of which one is dead: the others are complete, and the loss is told by name and number', async () => {
    const [rest, two] = [await backEnd(), await backEnd()];
    const dead = 'http://127.0.0.1:1';
    const destinations = [payments(dead), money(two.url)];
    const outcome = await replay(rest.url, destinations, '--export-give-up-ms', '1');
    expect(outcome.exitCode).toBe(1);
    expect(messages(outcome)).toEqual([
      `kspan: warning: destination payments: spans do not get to ${dead}/v1/traces: connection refused`,
      `kspan: destination payments: ${EACH} spans were not delivered to ${dead}/v1/traces: connection refused`,
    ]);
    expect(outcome.summary.undelivered).toBe(`${EACH}`);
    expect(dump(rest.spans)).toBe(expected('shop'));
    expect(dump(two.spans)).toBe(expected('bank'));
  });

  test('of which one refuses for good: it loses its spans, the run goes on', async () => {
    const [rest, one] = [await backEnd(), await backEnd({ status: 401 })];
    const outcome = await replay(rest.url, [payments(one.url)], '--export-batch-spans', '1');
    expect(outcome.exitCode).toBe(1);
    const lost = new RegExp(`^kspan: destination payments: ${EACH} spans were not .*HTTP 401`);
    expect(messages(outcome)).toEqual([expect.stringMatching(lost)]);
    expect(rest.spans).toHaveLength(2 * EACH);
  });

  test('of which the ordinary one refuses for good: the others are complete', async () => {
    const [rest, one] = [await backEnd({ status: 403 }), await backEnd()];
    const outcome = await replay(rest.url, [payments(one.url)]);
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stderr).toContain(`destination default: ${2 * EACH} spans were not delivered`);
    expect(dump(one.spans)).toBe(expected('pay-eu'));
  });

  test('of which one hangs: the others get all there is while its room lasts', async () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const [rest, one] = [await backEnd(), await backEnd({ opened })];
    const outcome = replay(rest.url, [payments(one.url)], '--export-batch-spans', '1');
    await Promise.all([rest.has(2 * EACH), one.has(1)]);
    // Nothing of it was answered.
    expect(one.spans.length).toBeLessThan(EACH);
    open();
    expect(await outcome).toMatchObject({ exitCode: 0 });
    expect(dump(one.spans)).toBe(expected('pay-eu'));
  });

  test('of which one hangs with its room full: all get there when it goes on', async () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const [rest, one] = [await backEnd(), await backEnd({ opened })];
    const small = ['--export-batch-spans', '1', '--export-queue-spans', '1'];
    const narrow = ['--source-chunk-bytes', '2000', '--shard-batch-bytes', '1'];
    const inFlight = ['--batches-in-flight', '1', '--exports-in-flight', '1', '--shards', '1'];
    const outcome = replay(rest.url, [payments(one.url)], ...small, ...narrow, ...inFlight);
    await one.has(1);
    open();
    expect(await outcome).toMatchObject({ exitCode: 0 });
    expect(dump([...rest.spans, ...one.spans])).toBe(dump(all));
  });

  test('are left out of account where there is one output', async () => {
    const config = join(folder, 'tree.yaml');
    writeFileSync(
      config,
      'destinations: [{ name: a, namespaces: [shop], endpoint: "http://a:1" }]',
    );
    const { exitCode, stdout } = await kspan(['replay', recording, '--config', config]);
    const plain = await kspan(['replay', recording]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: plain.stdout });
  });
});

describe('a destination that is wrong', () => {
  const url = 'http://127.0.0.1:1';
  const own = 'namespaces: [a]';
  for (const [destination, line] of [
    [
      `{ name: a, ${own}, endpoint: "${url}", color: red }`,
      '2: destinations[0] (name a) has an unknown key "color"',
    ],
    [
      `{ name: a, namespaces: ["pay[1]"], endpoint: "${url}" }`,
      '2: destinations[0] (name a): namespaces[0] must be a namespace, or a pattern of some with * and ?',
    ],
    [
      `{ name: a, namespaces: [], endpoint: "${url}" }`,
      '2: destinations[0] (name a): namespaces must not be empty',
    ],
    [
      `{ name: a, labels: { tier: 1 }, endpoint: "${url}" }`,
      '2: destinations[0] (name a): labels.tier must be text',
    ],
    [
      `{ name: a, endpoint: "${url}" }`,
      '2: destinations[0] (name a) needs namespaces, labels or both',
    ],
    [`{ name: a, ${own} }`, '2: destinations[0] (name a): endpoint must be text'],
    [
      `{ name: a, ${own}, endpoint: "ftp://a" }`,
      '2: destinations[0] (name a): endpoint must be an http or https URL, not "ftp://a"',
    ],
    [
      `{ name: a, ${own}, endpoint: "${url}", protocol: thrift }`,
      '2: destinations[0] (name a): protocol must be http/protobuf or grpc, not "thrift"',
    ],
    [
      `{ name: A b, ${own}, endpoint: "${url}" }`,
      '2: destinations[0] (name A b): name must be small letters, digits and -',
    ],
    [
      `{ name: default, ${own}, endpoint: "${url}" }`,
      '2: destinations[0] (name default): name is that of the ordinary back end',
    ],
    [
      `{ name: a, ${own}, endpoint: "${url}" }\n  - { name: a, ${own}, endpoint: "${url}" }`,
      '3: destinations[1] (name a): name is that of another',
    ],
  ] as const)
    test(`is told in one line: ${line}`, async () => {
      const outcome = await replay(url, [destination]);
      expect(messages(outcome)).toEqual([`kspan: ${join(folder, 'kspan.yaml')}:${line}`]);
      expect(outcome.exitCode).toBe(2);
    });

  test('is told also when there are too many', async () => {
    const many = Array.from({ length: 65 }, (_, n) => payments(url).replace('payments', `a${n}`));
    const { exitCode, stderr } = await replay(url, many);
    expect(stderr).toMatch(/^kspan: .*: destinations must not be more than 64\n$/);
    expect(exitCode).toBe(2);
  });
});

describe('a sink of several destinations', () => {
  test('lets a write wait for its own destination only', async () => {
    const order: string[] = [];
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const full = { ...sinkOf([]), write: () => opened };
    const sink = new DestinationsSink(
      [
        { name: 'default', sink: full },
        { name: 'a', sink: sinkOf([]) },
      ],
      () => {},
    );
    const held = sink.write(new Uint8Array(), 1, 0).then(() => order.push('full'));
    for (let n = 0; n < 3; n++)
      await sink.write(new Uint8Array(), 1, 1).then(() => order.push('a'));
    open();
    await held;
    expect(order).toEqual(['a', 'a', 'a', 'full']);
  });

  test('tells once of one that takes nothing any more, and has failed only with all', async () => {
    const lines: string[] = [];
    const [one, two] = [{ ...sinkOf([]), failed: true }, sinkOf([])];
    const sink = new DestinationsSink(
      [
        { name: 'default', sink: two },
        { name: 'a', sink: one },
      ],
      (line) => lines.push(line),
    );
    for (const destination of [0, 1, 1]) await sink.write(new Uint8Array(), 1, destination);
    expect(lines).toEqual(['destination a takes no spans any more: its spans are lost']);
    expect(sink.failed).toBe(false);
    Object.assign(two, { failed: true });
    expect(sink.failed).toBe(true);
  });
});

describe('the README', () => {
  test('shows a section that is right', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const [section = ''] = /^destinations:[\s\S]*?(?=^```$)/m.exec(readme) ?? [];
    const config = join(folder, 'readme.yaml');
    writeFileSync(config, section);
    const { destinations } = loadConfig({ config, format: 'otlp' }, {});
    expect(destinations.map(({ name }) => name)).toEqual(['payments', 'platform']);
  });
});

/** Keeps what it is given, and for which destination. */
function sinkOf(written: [string, number][]): SpanSink {
  return {
    write: async (bytes, _, destination = 0) =>
      void written.push([Buffer.from(bytes).toString(), destination]),
    flush: async () => {},
    close: async () => {},
    abandon: () => {},
    failed: false,
    lost: { occurrences: 0, synthetic: 0, refused: 0 },
  };
}

describe('spans that wait for a checkpoint', () => {
  test('are kept with the name of their destination, and go to the ordinary one when it has gone', async () => {
    const written: [string, number][] = [];
    const sink = sinkOf(written);
    const before = new Outbox(sink, [{ name: 'a' }, { name: 'b' }]);
    for (const destination of [0, 1, 2])
      await before.write(Buffer.from(`of ${destination}`), 1, destination);
    const after = new Outbox(sink, [{ name: 'b' }, { name: 'c' }]);
    after.restore(before.forCheckpoint());
    await after.release();
    expect(written).toEqual([
      ['of 0', 0],
      ['of 1', 0],
      ['of 2', 1],
    ]);
  });
});
