// Spans at their destination: a back end over HTTP that takes them, refuses them or is not there, and
// JSON lines. The back end is a plain HTTP server, read with a decoder that is not kspan's.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { kspan, messages } from './support/kspan.ts';
import { decodeOtlp } from './support/otlp.ts';
import { scenario } from './support/scenarios.ts';
import { dump, type PlainSpan } from './support/spans.ts';
import { correlateInProcess } from './support/wasm-correlator.ts';

const recording = fileURLToPath(new URL('scenarios/rollout/events.ndjson', import.meta.url));
const rolloutSpans = decodeOtlp(correlateInProcess(scenario('rollout').input));

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
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  const listen = async (port = 0) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const port = await listen();
  return { received, url: `http://127.0.0.1:${port}`, listen: () => listen(port) };
}

const spansOf = ({ spans }: Received) => spans;
const isUpdate = ({ name }: PlainSpan) => name === 'Deployment.Update';

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
    expect(request.headers['user-agent']).toMatch(/^kspan\/\d/);
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
      response.statusCode = 403;
      response.end('bad');
    });
    const outcome = await replay({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
    expect(outcome.exitCode).toBe(1);
    expect(received).toHaveLength(1);
    expect(messages(outcome)).toEqual([
      `kspan: 35 spans were not delivered to ${url}/v1/traces: HTTP 403 Forbidden`,
    ]);
    expect(outcome.summary).toMatchObject({ exported: '0', undelivered: '35', held: '0' });
  });

  test('a request that a back end fails at is dropped and counted, and the others arrive', async () => {
    const { received, url } = await backEnd((response, index) => {
      response.statusCode = index === 0 ? 500 : 200;
      response.end();
    });
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10' };
    const outcome = await replay(env);
    const [dropped, ...taken] = received;
    expect(messages(outcome)).toEqual([
      `kspan: warning: ${url}/v1/traces refuses spans: HTTP 500 Internal Server Error`,
      `kspan: ${dropped!.spans.length} spans were not delivered to ${url}/v1/traces: HTTP 500 Internal Server Error`,
    ]);
    expect(outcome).toMatchObject({
      exitCode: 1,
      summary: { undelivered: `${dropped!.spans.length}` },
    });
    expect(dump([...dropped!.spans, ...taken.flatMap(spansOf)])).toBe(dump(rolloutSpans));
  });

  test('a span that a back end will not take is found, and only that one is lost', async () => {
    const { received, url } = await backEnd((response) => {
      response.statusCode = received.at(-1)!.spans.some(isUpdate) ? 400 : 200;
      response.end();
    });
    const outcome = await replay({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
    expect(messages(outcome)).toEqual([
      `kspan: warning: ${url}/v1/traces refuses spans: HTTP 400 Bad Request`,
      `kspan: 1 span was not delivered to ${url}/v1/traces: HTTP 400 Bad Request`,
    ]);
    expect(outcome).toMatchObject({ exitCode: 1, summary: { exported: '32', undelivered: '1' } });
    const taken = received.filter(({ spans }) => !spans.some(isUpdate)).flatMap(spansOf);
    expect(dump(taken)).toBe(dump(rolloutSpans.filter((span) => !isUpdate(span))));
  });

  test('a request that is too large for a back end arrives in parts', async () => {
    const { received, url } = await backEnd((response) => {
      response.statusCode = received.at(-1)!.bytes > 4000 ? 413 : 200;
      response.end();
    });
    const outcome = await replay({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
    expect(outcome).toMatchObject({ exitCode: 0, summary: { exported: '32' } });
    const taken = received.filter(({ bytes }) => bytes <= 4000).flatMap(spansOf);
    expect(dump(taken)).toBe(dump(rolloutSpans));
  });

  test('a back end that does not answer in time is sent the same once more', async () => {
    const { received, url } = await backEnd((response, index) => {
      if (index > 0) response.end();
    });
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_TIMEOUT: '300' };
    const outcome = await replay(env);
    expect(outcome).toMatchObject({ exitCode: 0, summary: { exported: '32' } });
    expect(received.map(({ spans }) => dump(spans))).toEqual([
      dump(rolloutSpans),
      dump(rolloutSpans),
    ]);
  });

  test('a back end that is away for longer than a request may take gets every span', async () => {
    const { url, received, listen } = await backEnd();
    close?.();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_TIMEOUT: '100' };
    const running = replay(env);
    await pause(3000);
    await listen();
    expect(await running).toMatchObject({ exitCode: 0, summary: { exported: '32' } });
    expect(dump(received.flatMap(spansOf))).toBe(dump(rolloutSpans));
  });

  test('an endpoint that refuses is told, and tried again; then what was lost is', async () => {
    const { url } = await backEnd();
    close?.();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_TIMEOUT: '100' };
    const outcome = await replay(env, '--export-give-up-ms', '1500');
    expect(outcome.exitCode).toBe(1);
    expect(messages(outcome)).toEqual([
      `kspan: warning: spans do not get to ${url}/v1/traces: connection refused`,
      `kspan: 35 spans were not delivered to ${url}/v1/traces: connection refused`,
    ]);
    expect(Number(outcome.summary.seconds)).toBeGreaterThan(1.5);
  });

  test('spans that a back end takes only in part are counted', async () => {
    const { url } = await backEnd((response) => {
      // ExportTraceServiceResponse { partial_success { rejected_spans: 3, error_message: "no" } }
      response.end(Buffer.from([10, 6, 8, 3, 18, 2, 110, 111]));
    });
    const outcome = await replay({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
    expect(outcome.exitCode).toBe(1);
    expect(messages(outcome)).toEqual([
      `kspan: warning: ${url}/v1/traces refuses spans: no`,
      `kspan: 3 spans were not delivered to ${url}/v1/traces: no`,
    ]);
    expect(outcome.summary).toMatchObject({ exported: '29', undelivered: '3' });
  });

  test('variables that are wrong are one line', async () => {
    const wrong: [Record<string, string>, string][] = [
      [
        { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
        'OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf or grpc, not "http/json"',
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
        { OTEL_EXPORTER_OTLP_HEADERS: 'x-key=secret,secret' },
        'OTEL_EXPORTER_OTLP_HEADERS must be name=value pairs with commas between them, values percent-encoded; number 2 is not',
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
