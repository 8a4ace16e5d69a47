// One request of `--format otlp` over HTTP: what each answer, and each way of giving none, is taken for.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { type DeliveryFailure, PersistentTarget } from '../src/export/persistent.ts';
import { batch, openTarget, outcomeOf, partialSuccess } from './support/otlp-batch.ts';

type Answer = (response: ServerResponse, index: number) => void;

interface Received {
  body: Buffer;
  request: IncomingMessage;
}

let end: (() => Promise<void>) | undefined;
afterEach(() => end?.());

async function backEnd(answer: Answer = (response) => response.end()) {
  const received: Received[] = [];
  const sockets = new Set<unknown>();
  const server = createServer(async (request, response) => {
    sockets.add(request.socket);
    const body = await buffer(request).catch(() => Buffer.alloc(0));
    received.push({ body, request });
    answer(response, received.length - 1);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  end = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    end = undefined;
  };
  const { port } = server.address() as AddressInfo;
  return { received, sockets, url: `http://127.0.0.1:${port}/v1/traces` };
}

const status = (code: number, headers: Record<string, string> = {}, body: string | Buffer = '') =>
  ((response) => response.writeHead(code, headers).end(body)) satisfies Answer;

describe('a request', () => {
  const classes = [
    { codes: [429, 502, 503, 504], retry: 'again', is: 'is sent again' },
    { codes: [400, 413], retry: 'in_parts', is: 'is sent in parts' },
    { codes: [301, 307, 401, 403, 404, 405, 408], retry: 'no', is: 'ends it' },
    { codes: [500, 501, 505], retry: 'drop', is: 'is dropped' },
  ];
  for (const { codes, retry, is } of classes)
    for (const code of codes)
      test(`that is answered with ${code} ${is}`, async () => {
        const { url, received } = await backEnd(status(code, { location: '/elsewhere' }));
        const { target } = openTarget({ url });
        expect(await outcomeOf(target)).toMatchObject({ retry, afterMs: undefined });
        expect(received).toHaveLength(1);
        await target.close();
      });

  test('that is refused tells the words of the back end on one line', async () => {
    // google.rpc.Status { message }
    const words = 'bad\nspan';
    const { url } = await backEnd(
      status(400, {}, Buffer.from([18, words.length, ...Buffer.from(words)])),
    );
    const failure = await outcomeOf(openTarget({ url }).target);
    expect(failure).toMatchObject({ message: 'HTTP 400 Bad Request: bad span' });
  });

  test('is sent again not sooner than Retry-After says, in seconds or as a date', async () => {
    const inAMinute = new Date(Date.now() + 60_000).toUTCString();
    const headers = ['3', inAMinute, 'soon', new Date(0).toUTCString()];
    const { url } = await backEnd((response, index) =>
      status(503, { 'retry-after': headers[index]! })(response),
    );
    const { target } = openTarget({ url });
    expect(await outcomeOf(target)).toMatchObject({ afterMs: 3000 });
    const { afterMs } = (await outcomeOf(target)) as DeliveryFailure;
    expect(afterMs).toBeGreaterThan(30_000);
    expect(afterMs).toBeLessThanOrEqual(60_000);
    expect(await outcomeOf(target)).toMatchObject({ afterMs: undefined });
    expect(await outcomeOf(target)).toMatchObject({ afterMs: 0 });
  });

  test('whose answer broke off is sent again, for the spans may not have been taken', async () => {
    const { url } = await backEnd((response) => {
      response.writeHead(200, { 'content-length': 100 }).write('x');
      setImmediate(() => response.destroy());
    });
    const failure = await outcomeOf(openTarget({ url }).target);
    expect(failure).toMatchObject({ retry: 'again', message: 'the answer broke off' });
  });

  test('whose connection is reset is sent again', async () => {
    const { url } = await backEnd((response) => response.socket?.resetAndDestroy());
    expect(await outcomeOf(openTarget({ url }).target)).toMatchObject({ retry: 'again' });
  });

  test('that finds nobody is sent again', async () => {
    const { url } = await backEnd();
    await end?.();
    const failure = await outcomeOf(openTarget({ url }).target);
    expect(failure).toMatchObject({ retry: 'again', message: 'connection refused' });
  });

  test('that hangs, before the answer or within it, is over in time and sent again', async () => {
    const { url } = await backEnd((response, index) => {
      if (index > 0) response.writeHead(200, { 'content-length': 100 }).write('x');
    });
    const { target } = openTarget({ url }, { timeoutMs: 200 });
    for (const message of ['no answer within 200 ms', 'the answer broke off'])
      expect(await outcomeOf(target)).toMatchObject({ retry: 'again', message });
  });

  test('that is taken with words that mean nothing is taken, however many they are', async () => {
    const html = `<html>${'x'.repeat(1 << 20)}</html>`;
    const { url } = await backEnd(status(200, { 'content-type': 'text/html' }, html));
    const { target } = openTarget({ url });
    expect(await outcomeOf(target)).toEqual({ refused: 0 });
    expect(await outcomeOf(target)).toEqual({ refused: 0 });
  });

  test('that is taken in part says how many spans were not, and never more than there were', async () => {
    const { url } = await backEnd((response, index) =>
      response.end(partialSuccess(index === 0 ? 3 : 120, 'too\told')),
    );
    const { target, lines } = openTarget({ url });
    expect(await outcomeOf(target)).toEqual({ refused: 3, reason: 'too old' });
    expect(await outcomeOf(target)).toEqual({ refused: batch.spanCount, reason: 'too old' });
    expect(lines).toEqual([]);
  });

  test('that is taken with a warning loses nothing, and the warning is told once', async () => {
    const { url } = await backEnd((response) => response.end(partialSuccess(0, 'use TLS')));
    const { target, lines } = openTarget({ url: `${url}?key=secret` });
    expect(await outcomeOf(target)).toEqual({ refused: 0 });
    expect(await outcomeOf(target)).toEqual({ refused: 0 });
    expect(lines).toEqual([`${url} warns: use TLS`]);
  });
});

describe('requests', () => {
  test('use connections again', async () => {
    const { url, received, sockets } = await backEnd();
    const { target } = openTarget({ url });
    for (let index = 0; index < 20; index++) await target.send(batch);
    expect(received).toHaveLength(20);
    expect(sockets.size).toBeLessThanOrEqual(4);
  });

  test('are as many at a time as may be, each with its own connection', async () => {
    const { url, sockets } = await backEnd();
    const { target } = openTarget({ url }, { inFlight: 3 });
    await Promise.all(Array.from({ length: 30 }, () => target.send(batch)));
    expect(sockets.size).toBeLessThanOrEqual(3);
  });

  test('that are sent again are the same to the byte, compressed', async () => {
    const { url, received } = await backEnd((response, index) =>
      status(index === 0 ? 503 : 200)(response),
    );
    const { target } = openTarget({ url, compression: 'gzip', headers: { 'x-key': 'k' } });
    await outcomeOf(target);
    expect(await outcomeOf(target)).toEqual({ refused: 0 });
    const [one, other] = received as [Received, Received];
    expect(one.request.headers).toMatchObject({
      'content-type': 'application/x-protobuf',
      'content-encoding': 'gzip',
      'content-length': `${one.body.length}`,
      'x-key': 'k',
    });
    expect(one.body.equals(other.body)).toBe(true);
    expect(gunzipSync(one.body).equals(batch.bytes)).toBe(true);
  });
});

describe('a back end that says when', () => {
  const persistent = (url: string, giveUpMs: number, lines: string[] = []) =>
    new PersistentTarget(openTarget({ url }).target, {
      giveUpMs,
      onNotice: (line) => lines.push(line),
    });

  test('is asked again after that, and told of once', async () => {
    const times: number[] = [];
    const { url } = await backEnd((response, index) => {
      times.push(performance.now());
      status(index < 2 ? 429 : 200, { 'retry-after': '2' })(response);
    });
    const lines: string[] = [];
    expect(await persistent(url, 0, lines).send(batch)).toEqual({ refused: 0 });
    expect(times[1]! - times[0]!).toBeGreaterThan(1990);
    expect(times[2]! - times[1]!).toBeGreaterThan(1990);
    expect(lines).toEqual([`spans do not get to ${url}: HTTP 429 Too Many Requests`]);
  });

  test('is given up at once when that is too late', async () => {
    const { url, received } = await backEnd(status(503, { 'retry-after': '3600' }));
    await expect(persistent(url, 60_000).send(batch)).rejects.toThrow(
      'HTTP 503 Service Unavailable, to be sent again in 3600 s, which is too late',
    );
    expect(received).toHaveLength(1);
  });

  test('is left when kspan gives up meanwhile', async () => {
    const { url } = await backEnd(status(503, { 'retry-after': '3600' }));
    const target = persistent(url, 0);
    const sent = target.send(batch).catch((error: Error) => error);
    setTimeout(() => target.abandon(), 500);
    expect(await sent).toMatchObject({ name: 'AbortError' });
  });
});
