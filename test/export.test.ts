// Spans on their way out: trees, JSON lines, and a back end over HTTP that takes them, refuses them or
// is not there. The back end is a plain HTTP server, read with a decoder that is not kspan's.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { afterEach, describe, expect, test } from 'vitest';
import { BatchingSink, type BatchTarget } from '../src/export/batching.ts';
import { SpanDecoder } from '../src/export/decode.ts';
import { type SpanBytes, splitSpans } from '../src/export/split.ts';
import { formatTree } from '../src/export/tree.ts';
import { kspan, messages } from './support/kspan.ts';
import { decodeOtlp } from './support/otlp.ts';
import { SCENARIOS, scenario } from './support/scenarios.ts';
import { dump, type PlainSpan, readableSpan } from './support/spans.ts';
import { correlateInProcess } from './support/wasm-correlator.ts';

const rollout = scenario('rollout');
const recording = fileURLToPath(new URL('scenarios/rollout/events.ndjson', import.meta.url));
const rolloutBytes = correlateInProcess(rollout.input);
const rolloutSpans = decodeOtlp(rolloutBytes);

describe('a tree', () => {
  for (const { name, input, trace } of SCENARIOS)
    test(`${name}: is printed as a person wrote it`, () => {
      expect(formatTree(new SpanDecoder().decode(correlateInProcess(input)))).toBe(trace);
    });

  function span(
    id: string,
    parent: string | undefined,
    change: Partial<PlainSpan> = {},
  ): PlainSpan {
    return {
      traceId: 'a'.repeat(32),
      spanId: id.repeat(16),
      parentSpanId: parent?.repeat(16),
      name: 'Pod.Started',
      start: 0n,
      end: 0n,
      error: undefined,
      resource: { 'service.name': 'kubelet' },
      attributes: { 'k8s.event.reason': 'Started', 'k8s.event.message': 'up' },
      ...change,
    };
  }

  const tree = (...spans: PlainSpan[]) => formatTree(spans.map(readableSpan));

  test('rounds half a millisecond up', () => {
    const times = [499_999n, 500_000n, 1_499_999n, 1_500_000n, 59_999_500_000n];
    const spans = times.map((end, i) => span(String(i + 1), i ? '1' : undefined, { end }));
    expect(tree(...spans)).toBe(
      [
        '0: kubelet Pod.Started [+0.000 0.000] up\n',
        '  1: kubelet Pod.Started (0) [+0.000 0.001] up\n',
        '  2: kubelet Pod.Started (0) [+0.000 0.001] up\n',
        '  3: kubelet Pod.Started (0) [+0.000 0.002] up\n',
        '  4: kubelet Pod.Started (0) [+0.000 60.000] up\n',
      ].join(''),
    );
  });

  test('says how long before its root a span began', () => {
    const root = span('1', undefined, { start: 2_000_000_000n, end: 2_000_000_000n });
    const late = span('2', '1', { start: 1_499_500_000n, end: 1_499_500_000n });
    expect(tree(root, late)).toContain('  1: kubelet Pod.Started (0) [-0.500 0.000] up\n');
  });

  test('orders children by start, causal rank and span id', () => {
    const of = (id: string, reason: string, start: bigint) =>
      span(id, 'f', {
        attributes: { 'k8s.event.reason': reason },
        name: `Pod.${reason}`,
        start,
        end: start,
      });
    const spans = [
      of('5', 'Killing', 5n),
      of('4', 'Pulled', 5n),
      of('3', 'Scheduled', 5n),
      of('2', 'Pulled', 5n),
      of('1', 'Killing', 4n),
      span('f', undefined, { end: 10n }),
    ];
    const names = [...tree(...spans).matchAll(/Pod\.(\w+) \(/g)].map((match) => match[1]);
    expect(names).toEqual(['Killing', 'Scheduled', 'Pulled', 'Pulled', 'Killing']);
  });

  test('shows control characters escaped, and everything else as it is', () => {
    const message = 'a\nb\r\tc\u001b[31mred\u007f\u0085\u009b31m \\n ü 世界 \u2028';
    const attributes = { 'k8s.event.message': message };
    expect(tree(span('1', undefined, { attributes }))).toBe(
      '0: kubelet Pod.Started [+0.000 0.000] a\\nb\\r\\tc\\x1b[31mred\\x7f\\x85\\x9b31m \\n ü 世界 \u2028\n',
    );
  });

  test('shows a span whose parent is not there', () => {
    expect(tree(span('1', undefined), span('2', '9', { start: 1n, end: 1n }))).toBe(
      '0: kubelet Pod.Started [+0.000 0.000] up\n1: kubelet Pod.Started [+0.000 0.000] up\n',
    );
  });

  test('orders traces by their root, with an empty line between', () => {
    const of = (trace: string, start: bigint) =>
      span('1', undefined, { traceId: trace.repeat(32), start, end: start, name: `T.${trace}` });
    const lines = tree(of('c', 1n), of('b', 2n), of('a', 2n)).split('\n');
    expect(lines.map((text) => text.slice(0, 14))).toEqual([
      '0: kubelet T.c',
      '',
      '0: kubelet T.a',
      '',
      '0: kubelet T.b',
      '',
    ]);
  });
});

describe('spans cut into pieces', () => {
  const whole = { bytes: rolloutBytes, spanCount: rolloutSpans.length };

  test('are the same spans in the same order, in pieces within the limits', () => {
    for (const limits of [
      { spans: 1, bytes: 1 << 20 },
      { spans: 3, bytes: 1 << 20 },
      { spans: 1000, bytes: 2000 },
      { spans: 5, bytes: 1 },
    ]) {
      const pieces = [...splitSpans(whole, limits)];
      const spans = pieces.map(({ bytes }) => decodeOtlp(bytes));
      expect(spans.flat()).toEqual(rolloutSpans);
      for (const [index, { bytes, spanCount }] of pieces.entries()) {
        expect(spans[index]).toHaveLength(spanCount);
        expect(spanCount).toBeLessThanOrEqual(limits.spans);
        if (spanCount > 1) expect(bytes.length).toBeLessThanOrEqual(limits.bytes);
      }
    }
  });

  test('are left as they are when they fit, and nothing is no piece', () => {
    expect([...splitSpans(whole, { spans: 100, bytes: 1 << 20 })]).toEqual([whole]);
    expect([
      ...splitSpans({ bytes: new Uint8Array(), spanCount: 0 }, { spans: 1, bytes: 1 }),
    ]).toEqual([]);
  });

  test('that are none are an error', () => {
    const bytes = new Uint8Array(100).fill(255);
    expect(() => [...splitSpans({ bytes, spanCount: 9 }, { spans: 1, bytes: 1 })]).toThrow(
      'no OTLP',
    );
  });
});

describe('batches', () => {
  const limits = {
    batchSpans: 10,
    batchBytes: 1 << 20,
    queueSpans: 1000,
    delayMs: 60_000,
    inFlight: 3,
  };

  /** Answers when it is told to. */
  class HeldTarget implements BatchTarget {
    readonly name = 'nowhere';
    readonly sent: SpanBytes[] = [];
    readonly answers: (() => void)[] = [];
    async send(batch: SpanBytes) {
      this.sent.push(batch);
      await new Promise<void>((resolve) => this.answers.push(resolve));
      return { refused: 0 };
    }
    async close() {}
  }

  test('go when they are full, a few at a time, in order and all', async () => {
    const target = new HeldTarget();
    const sink = new BatchingSink(target, limits);
    for (let i = 0; i < 4; i++) await sink.write(rolloutBytes, rolloutSpans.length);
    expect(target.sent).toHaveLength(3);
    const flushed = sink.flush();
    let done = false;
    void flushed.then(() => {
      done = true;
    });
    while (!done) {
      target.answers.shift()?.();
      await new Promise(setImmediate);
      expect(target.answers.length).toBeLessThanOrEqual(3);
    }
    const counts = target.sent.map(({ spanCount }) => spanCount);
    expect(Math.max(...counts)).toBeLessThanOrEqual(10);
    const spans = target.sent.flatMap(({ bytes }) => decodeOtlp(bytes));
    expect(spans).toEqual([rolloutSpans, rolloutSpans, rolloutSpans, rolloutSpans].flat());
  });

  test('that wait hold up whoever writes', async () => {
    const target = new HeldTarget();
    const sink = new BatchingSink(target, { ...limits, queueSpans: 10, inFlight: 1 });
    let written = false;
    const writing = sink.write(rolloutBytes, rolloutSpans.length).then(() => {
      written = true;
    });
    while (target.answers.length === 0) await new Promise(setImmediate);
    expect(written).toBe(false);
    while (!written) {
      target.answers.shift()?.();
      await new Promise(setImmediate);
    }
    await writing;
    expect(target.sent.length).toBeGreaterThan(1);
  });

  test('that are not full go after a time', async () => {
    const target = new HeldTarget();
    const sink = new BatchingSink(target, { ...limits, batchSpans: 1000, delayMs: 1 });
    await sink.write(rolloutBytes, rolloutSpans.length);
    while (target.sent.length === 0) await new Promise(setImmediate);
    expect(target.sent[0]?.spanCount).toBe(rolloutSpans.length);
  });

  test('given up are counted as lost, wherever they were', async () => {
    const target = new HeldTarget();
    const sink = new BatchingSink(target, { ...limits, inFlight: 1, queueSpans: 1000 });
    await sink.write(rolloutBytes, rolloutSpans.length);
    sink.abandon();
    expect(sink.lost).toEqual({ occurrences: 32, synthetic: 3, refused: 0 });
    target.answers.shift()?.();
    await new Promise(setImmediate);
    expect(sink.lost).toEqual({ occurrences: 32, synthetic: 3, refused: 0 });
  });
});

interface Received {
  spans: PlainSpan[];
  bytes: number;
  request: IncomingMessage;
}

let close: (() => void) | undefined;
afterEach(() => close?.());

/** A back end that keeps what it takes; `answer` says 200 unless it does something else. */
async function backEnd(answer: (response: ServerResponse, index: number) => void = (r) => r.end()) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    received.push({ spans: decodeOtlp(plain), bytes: plain.length, request });
    answer(response, received.length - 1);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  const { port } = server.address() as AddressInfo;
  return { received, url: `http://127.0.0.1:${port}` };
}

const replay = (env: Record<string, string>, ...args: string[]) =>
  kspan(['replay', recording, '--format', 'otlp', ...args], { env });

describe('--format otlp', () => {
  test('a back end gets every span, and the account says so', async () => {
    const { received, url } = await backEnd();
    const outcome = await replay({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
    expect(messages(outcome)).toEqual([]);
    expect(outcome).toMatchObject({ exitCode: 0, stdout: '' });
    expect(outcome.summary).toMatchObject({ received: '32', exported: '32', synthetic: '3' });
    expect(dump(received.flatMap(({ spans }) => spans))).toBe(dump(rolloutSpans));
    const [{ request } = {} as Received] = received;
    expect(request.method).toBe('POST');
    expect(request.url).toBe('/v1/traces');
    expect(request.headers['content-type']).toBe('application/x-protobuf');
    expect(request.headers['content-encoding']).toBeUndefined();
    expect(request.headers['user-agent']).toMatch(/^kspan /);
  });

  test('compression, headers and a path of its own are taken from the standard variables', async () => {
    const { received, url } = await backEnd();
    const outcome = await replay({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/api/traces`,
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-team=blue%20team,x-key=k',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-key=t',
    });
    expect(outcome.exitCode).toBe(0);
    expect(dump(received.flatMap(({ spans }) => spans))).toBe(dump(rolloutSpans));
    expect(received[0]?.request.url).toBe('/api/traces');
    expect(received[0]?.request.headers).toMatchObject({
      'content-encoding': 'gzip',
      'x-team': 'blue team',
      'x-key': 't',
    });
  });

  test('no request is larger than it may be', async () => {
    const { received, url } = await backEnd();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '7' };
    expect((await replay(env)).summary.exported).toBe('32');
    expect(Math.max(...received.map(({ spans }) => spans.length))).toBeLessThanOrEqual(7);
    received.length = 0;
    await replay({ OTEL_EXPORTER_OTLP_ENDPOINT: url }, '--export-batch-bytes', '2000');
    expect(received.length).toBeGreaterThan(5);
    for (const { bytes, spans } of received) {
      if (spans.length > 1) expect(bytes).toBeLessThanOrEqual(2000);
    }
    expect(dump(received.flatMap(({ spans }) => spans))).toBe(dump(rolloutSpans));
  });

  test('a back end that is busy is asked again', async () => {
    const { received, url } = await backEnd((response, index) => {
      response.statusCode = index === 0 ? 503 : 200;
      response.end();
    });
    const outcome = await replay({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
    expect(outcome.exitCode).toBe(0);
    expect(outcome.summary.exported).toBe('32');
    expect(received).toHaveLength(2);
    expect(dump(received[1]?.spans ?? [])).toBe(dump(rolloutSpans));
  });

  test('a back end that says no ends the run with the number of spans it did not take', async () => {
    const { received, url } = await backEnd((response) => {
      response.statusCode = 400;
      response.end('bad');
    });
    const outcome = await replay({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
    expect(outcome.exitCode).toBe(1);
    expect(received).toHaveLength(1);
    expect(messages(outcome)).toEqual([
      `kspan: 35 spans were not delivered to ${url}/v1/traces: HTTP 400 Bad Request`,
    ]);
    expect(outcome.summary).toMatchObject({ exported: '0', undelivered: '35', held: '0' });
  });

  test('an endpoint that refuses is tried again, then is one line with what was lost', async () => {
    const { url } = await backEnd();
    close?.();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_TIMEOUT: '1500' };
    const outcome = await replay(env);
    expect(outcome.exitCode).toBe(1);
    expect(messages(outcome)).toEqual([
      `kspan: 35 spans were not delivered to ${url}/v1/traces: connection refused`,
    ]);
    expect(Number(outcome.summary.seconds)).toBeGreaterThan(0.8);
  });

  test('spans that a back end takes only in part are counted', async () => {
    const { url } = await backEnd((response) => {
      // ExportTraceServiceResponse { partial_success { rejected_spans: 3, error_message: "no" } }
      response.end(Buffer.from([10, 6, 8, 3, 18, 2, 110, 111]));
    });
    const outcome = await replay({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
    expect(outcome.exitCode).toBe(1);
    expect(messages(outcome)).toEqual([
      `kspan: 3 spans were not delivered to ${url}/v1/traces: no`,
    ]);
    expect(outcome.summary).toMatchObject({ exported: '29', undelivered: '3' });
  });

  test('variables that are wrong are one line', async () => {
    const wrong: [Record<string, string>, string][] = [
      [
        { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
        'OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf, which is all this version speaks, not "grpc"',
      ],
      [
        { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' },
        'OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https URL, not "collector:4317"',
      ],
      [
        { OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'zip' },
        'OTEL_EXPORTER_OTLP_TRACES_COMPRESSION must be none or gzip, not "zip"',
      ],
      [
        { OTEL_EXPORTER_OTLP_CERTIFICATE: '/nowhere.pem' },
        'cannot read OTEL_EXPORTER_OTLP_CERTIFICATE /nowhere.pem: no such file',
      ],
      [
        { OTEL_EXPORTER_OTLP_TIMEOUT: 'soon' },
        'OTEL_EXPORTER_OTLP_TIMEOUT must be a whole number from 1 to 600000, not "soon"',
      ],
    ];
    for (const [env, message] of wrong) {
      const outcome = await replay(env);
      expect(outcome).toMatchObject({ exitCode: 2, stderr: `kspan: ${message}\n` });
    }
  });
});

describe('--format otlp-json', () => {
  test('each line is a request as OpenTelemetry writes it', async () => {
    const args = ['replay', recording, '--format', 'otlp-json', '--export-batch-spans', '10'];
    const outcome = await kspan(args);
    const lines = outcome.stdout
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text));
    expect(lines.length).toBeGreaterThan(3);
    const spans = lines.flatMap(spansOfJson);
    expect(spans.sort()).toEqual(rolloutSpans.map(jsonIdentity).sort());
    expect(outcome.summary.exported).toBe('32');
  });

  // biome-ignore lint/suspicious/noExplicitAny: the shape of OTLP JSON
  function spansOfJson(request: any): string[] {
    // biome-ignore lint/suspicious/noExplicitAny: the shape of OTLP JSON
    return request.resourceSpans.flatMap(({ resource, scopeSpans }: any) => {
      const service = resource.attributes[0].value.stringValue;
      // biome-ignore lint/suspicious/noExplicitAny: the shape of OTLP JSON
      return scopeSpans.flatMap(({ spans }: any) =>
        // biome-ignore lint/suspicious/noExplicitAny: the shape of OTLP JSON
        spans.map((s: any) =>
          [
            service,
            s.traceId,
            s.spanId,
            s.parentSpanId,
            s.name,
            s.startTimeUnixNano,
            s.endTimeUnixNano,
          ].join(),
        ),
      );
    });
  }

  function jsonIdentity({ resource, traceId, spanId, parentSpanId, name, start, end }: PlainSpan) {
    return [resource['service.name'], traceId, spanId, parentSpanId, name, start, end].join();
  }
});

describe('decoded spans', () => {
  test('share resource and scope, so that a serializer groups them', () => {
    const decoder = new SpanDecoder();
    const spans = [...decoder.decode(rolloutBytes), ...decoder.decode(rolloutBytes)];
    const distinct = new Set(rolloutSpans.map(({ resource }) => JSON.stringify(resource)));
    expect(new Set(spans.map(({ resource }) => resource)).size).toBe(distinct.size);
    expect(new Set(spans.map(({ instrumentationScope }) => instrumentationScope)).size).toBe(1);
    const again = ProtobufTraceSerializer.serializeRequest(spans.slice(0, rolloutSpans.length));
    expect(dump(decodeOtlp(again ?? new Uint8Array()))).toBe(dump(rolloutSpans));
  });
});
