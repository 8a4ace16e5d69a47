// One call of `--format otlp` over gRPC, against a server of grpc-js: what each code, and each way of
// giving none, is taken for; and the whole command line with it.
import { EventEmitter, once } from 'node:events';
import {
  constants,
  createServer,
  type IncomingHttpHeaders as Headers,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { Metadata, status } from '@grpc/grpc-js';
import { parse } from 'protobufjs';
import { describe, expect, test } from 'vitest';
import type { OtlpEndpoint } from '../src/otlp-endpoint.ts';
import { type GrpcAnswer, startGrpcBackEnd } from './support/grpc-back-end.ts';
import { kspan, messages } from './support/kspan.ts';
import { decodeOtlp } from './support/otlp.ts';
import { batch, openTarget, outcomeOf, partialSuccess } from './support/otlp-batch.ts';
import { dump } from './support/spans.ts';

const recording = fileURLToPath(new URL('scenarios/rollout/events.ndjson', import.meta.url));

const DETAILS = parse(`
syntax = "proto3";
message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
message Any { string type_url = 1; bytes value = 2; }
message RetryInfo { Duration retry_delay = 1; }
message Duration { int64 seconds = 1; int32 nanos = 2; }
`).root;

/** As grpc servers attach it. */
function retryInfo(seconds: number, nanos: number): Metadata {
  const encode = (name: string, value: object) =>
    DETAILS.lookupType(name).encode(DETAILS.lookupType(name).fromObject(value)).finish();
  const value = encode('RetryInfo', { retryDelay: { seconds, nanos } });
  const details = [
    { typeUrl: 'type.googleapis.com/google.rpc.DebugInfo', value: Buffer.from('x') },
    { typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value },
  ];
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', Buffer.from(encode('Status', { code: 14, details })));
  return metadata;
}

/** Where gRPC itself is not enough. */
async function startHttp2(onStream: (stream: ServerHttp2Stream, headers: Headers) => unknown) {
  const server = createServer();
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    onStream(stream, headers);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions) session.destroy();
      server.close();
    },
  };
}

const grpcTarget = (address: string, endpoint: Partial<OtlpEndpoint> = {}, timeoutMs = 20_000) =>
  openTarget({ protocol: 'grpc', url: `http://${address}`, ...endpoint }, { timeoutMs });

describe('a call', () => {
  const { OK, ...codes } = status;
  const again = 'CANCELLED DEADLINE_EXCEEDED ABORTED OUT_OF_RANGE UNAVAILABLE DATA_LOSS'.split(' ');
  const inParts = ['INVALID_ARGUMENT', 'RESOURCE_EXHAUSTED'];
  const no = ['NOT_FOUND', 'PERMISSION_DENIED', 'UNIMPLEMENTED', 'UNAUTHENTICATED'];
  const retryOf = (name: string) => {
    if (again.includes(name)) return 'again';
    if (inParts.includes(name)) return 'in_parts';
    return no.includes(name) ? 'no' : 'drop';
  };
  for (const [name, code] of Object.entries(codes).filter(([, value]) => typeof value === 'number'))
    test(`that ends with ${name} is taken for: ${retryOf(name)}`, async () => {
      await using backEnd = await startGrpcBackEnd(() => ({
        code: Number(code),
        details: 'it\nis',
      }));
      const { target } = grpcTarget(backEnd.address);
      expect(await outcomeOf(target)).toMatchObject({
        retry: retryOf(name),
        message: `gRPC ${name}: it is`,
        afterMs: undefined,
      });
      expect(backEnd.calls).toHaveLength(1);
      await target.close();
    });

  test('is sent again not sooner than RetryInfo says, also when something is exhausted', async () => {
    const refusals = [status.UNAVAILABLE, status.RESOURCE_EXHAUSTED].map((code) => ({
      code,
      metadata: retryInfo(2, 500_000_000),
    }));
    await using backEnd = await startGrpcBackEnd((_, index) => refusals[index]);
    const { target } = grpcTarget(backEnd.address);
    for (const _ of refusals)
      expect(await outcomeOf(target)).toMatchObject({ retry: 'again', afterMs: 2500 });
  });

  test('whose details are nothing known has its code', async () => {
    const metadata = new Metadata();
    metadata.set('grpc-status-details-bin', Buffer.alloc(9, 255));
    await using backEnd = await startGrpcBackEnd(() => ({ code: status.UNAVAILABLE, metadata }));
    const failure = await outcomeOf(grpcTarget(backEnd.address).target);
    expect(failure).toMatchObject({ retry: 'again', afterMs: undefined });
  });

  test('larger than a server takes is sent in parts', async () => {
    const server = { 'grpc.max_receive_message_length': 1000 };
    await using backEnd = await startGrpcBackEnd(undefined, { server });
    expect(await outcomeOf(grpcTarget(backEnd.address).target)).toMatchObject({
      retry: 'in_parts',
    });
  });

  test('that hangs is over in time, and the next has another connection', async () => {
    await using backEnd = await startGrpcBackEnd((_, index) =>
      index === 0 ? undefined : Buffer.alloc(0),
    );
    const { target } = grpcTarget(backEnd.address, {}, 1000);
    expect(await outcomeOf(target)).toMatchObject({ retry: 'again' });
    expect(await outcomeOf(target)).toEqual({ refused: 0 });
    const [one, other] = backEnd.calls;
    expect(one?.peer).not.toBe(other?.peer);
  });

  const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_REFUSED_STREAM } = constants;
  for (const reset of [NGHTTP2_INTERNAL_ERROR, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_REFUSED_STREAM])
    test(`that is reset with ${reset}, as proxies do, is sent again`, async () => {
      await using backEnd = await startHttp2((stream) => stream.close(reset));
      expect(await outcomeOf(grpcTarget(backEnd.address).target)).toMatchObject({ retry: 'again' });
    });

  test('whose connection is cut is sent again, and arrives when somebody is there', async () => {
    const cut = await startGrpcBackEnd(() => {
      setImmediate(() => cut.cut());
      return undefined;
    });
    const { target } = grpcTarget(cut.address);
    expect(await outcomeOf(target)).toMatchObject({ retry: 'again' });
    expect(await outcomeOf(target)).toMatchObject({ retry: 'again' });
    await using _ = await startGrpcBackEnd(undefined, { port: Number(cut.address.split(':')[1]) });
    await expect.poll(() => outcomeOf(target), { timeout: 600_000 }).toEqual({ refused: 0 });
  });

  test('that is taken in part, with a warning or with nonsense is told as over HTTP', async () => {
    const answers: GrpcAnswer[] = [partialSuccess(2, 'old'), partialSuccess(0, 'careful')];
    await using backEnd = await startGrpcBackEnd(
      (_, index) => answers[index] ?? Buffer.alloc(9, 255),
    );
    const { target, lines } = grpcTarget(backEnd.address);
    expect(await outcomeOf(target)).toEqual({ refused: 2, reason: 'old' });
    expect(await outcomeOf(target)).toEqual({ refused: 0 });
    expect(await outcomeOf(target)).toEqual({ refused: 0 });
    expect(lines).toEqual([`http://${backEnd.address} warns: careful`]);
  });
});

describe('calls', () => {
  test('bring the bytes as they are and the headers, compressed or not, over one connection', async () => {
    await using backEnd = await startGrpcBackEnd();
    const headers = { 'x-team': 'blue', 'trace-bin': Buffer.from('xyz').toString('base64') };
    const plain = grpcTarget(backEnd.address, { headers }).target;
    const gzip = grpcTarget(backEnd.address, { headers, compression: 'gzip' }).target;
    for (const target of [plain, plain, plain, gzip]) await target.send(batch);
    for (const { bytes, metadata } of backEnd.calls) {
      expect(bytes.equals(batch.bytes)).toBe(true);
      expect(metadata.get('x-team')).toEqual(['blue']);
      expect(metadata.get('trace-bin')).toEqual([Buffer.from('xyz')]);
      expect(String(metadata.get('user-agent'))).toMatch(/^kspan\/\d/);
    }
    expect(new Set(backEnd.calls.slice(0, 3).map(({ peer }) => peer)).size).toBe(1);
  });

  test('are compressed when they are to be', async () => {
    const received: [encoding: unknown, message: Buffer][] = [];
    await using backEnd = await startHttp2(async (stream, headers) => {
      received.push([headers['grpc-encoding'], (await buffer(stream)).subarray(5)]);
      const refusal = { 'content-type': 'application/grpc', 'grpc-status': 14 };
      stream.respond(refusal, { endStream: true });
    });
    for (const compression of ['none', 'gzip'] as const) {
      const { target } = grpcTarget(backEnd.address, { compression });
      expect(await outcomeOf(target)).toMatchObject({ retry: 'again' });
    }
    expect(received.map(([encoding]) => encoding)).toEqual([undefined, 'gzip']);
    expect(received[0]?.[1].equals(batch.bytes)).toBe(true);
    expect(gunzipSync(received[1]![1]).equals(batch.bytes)).toBe(true);
  });

  test('larger than four MiB are sent', async () => {
    const server = { 'grpc.max_receive_message_length': -1 };
    await using backEnd = await startGrpcBackEnd(undefined, { server });
    const large = { bytes: Buffer.alloc(6 << 20, 1), spanCount: 1 };
    expect(await grpcTarget(backEnd.address).target.send(large)).toEqual({ refused: 0 });
    expect(backEnd.calls[0]?.bytes).toHaveLength(6 << 20);
  });

  test('under way are left when kspan gives up', async () => {
    const calls = new EventEmitter();
    await using backEnd = await startGrpcBackEnd(() => {
      calls.emit('call');
      return undefined;
    });
    const called = once(calls, 'call');
    const { target } = grpcTarget(backEnd.address, {}, 600_000);
    const failure = outcomeOf(target);
    await called;
    target.abandon();
    expect(await failure).toMatchObject({ message: 'gRPC CANCELLED: Cancelled on client' });
  });
});

describe('kspan over gRPC', () => {
  const spans = dump(decodeOtlp(batch.bytes));

  test('delivers every span to where the standard variables say', async () => {
    await using backEnd = await startGrpcBackEnd();
    const outcome = await kspan(['replay', recording, '--format', 'otlp'], {
      env: {
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://${backEnd.address}/ignored`,
      },
    });
    expect(outcome).toMatchObject({ exitCode: 0, summary: { exported: '32' } });
    expect(dump(backEnd.calls.flatMap(({ bytes }) => decodeOtlp(bytes)))).toBe(spans);
  });

  test('takes the flags of its ancestor, also with one dash, before the variables', async () => {
    await using backEnd = await startGrpcBackEnd();
    const flags = ['--otlp-addr', backEnd.address, '-otlp-headers=x-key=k%20y,x-team=blue'];
    const outcome = await kspan(['replay', recording, '--format', 'otlp', ...flags], {
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' },
    });
    expect(messages(outcome)).toEqual([]);
    expect(outcome).toMatchObject({ exitCode: 0, summary: { exported: '32' } });
    expect(dump(backEnd.calls.flatMap(({ bytes }) => decodeOtlp(bytes)))).toBe(spans);
    const { metadata } = backEnd.calls[0]!;
    expect(metadata.get('x-key')).toEqual(['k y']);
    expect(metadata.get('x-team')).toEqual(['blue']);
  });

  test('warns of what a back end warns of, and says what was lost', async () => {
    await using backEnd = await startGrpcBackEnd((_, index) =>
      partialSuccess(index === 0 ? 0 : 1, 'careful'),
    );
    const env = {
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_INSECURE: 'true',
      OTEL_EXPORTER_OTLP_ENDPOINT: backEnd.address,
    };
    const args = ['replay', recording, '--format', 'otlp', '--export-batch-spans', '30'];
    const outcome = await kspan([...args, '--exports-in-flight', '1'], { env });
    expect(messages(outcome)).toEqual([
      `kspan: warning: http://${backEnd.address} warns: careful`,
      `kspan: warning: http://${backEnd.address} refuses spans: careful`,
      `kspan: 1 span was not delivered to http://${backEnd.address}: careful`,
    ]);
  });
});
