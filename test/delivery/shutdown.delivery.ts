// SIGTERM in the middle of a replay whose back end is slow: what was acknowledged is counted as exported and
// is there, what was not is told, and the process ends within its deadline. The slow way to a real
// Collector holds each request back; the Collector says what arrived.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Outcome, outcomeOf, startKspan } from '../support/kspan.ts';
import { accountOf } from './account.ts';
import { Collector } from './collector.ts';
import { recordingOf } from './recording.ts';
import type { Witness } from './witness.ts';

const SIGTERM_EXIT = 143;
/** Beside the deadline: to start, to be noticed, and to end. */
const SLACK_MS = 5000;

test('after SIGTERM a slow back end gets all that was read when the deadline leaves time for it', async () => {
  const { outcome, witness } = await stopUnderLoad({ delayMs: 100, deadlineMs: 600_000 });
  const account = accountOf(outcome);
  expect(account.received).toBeGreaterThan(0);
  expect({ held: account.held, undelivered: account.undelivered }).toEqual({
    held: 0,
    undelivered: 0,
  });
  expect(witness.spans.size).toBe(account.exported + account.synthetic);
  expect(witness.arrivals).toBe(witness.spans.size);
});

test('when the deadline passes first, all is acknowledged or accounted for', async () => {
  const deadlineMs = 2000;
  const { outcome, witness, tookMs } = await stopUnderLoad({ delayMs: 3000, deadlineMs });
  const account = accountOf(outcome);
  const { received, duplicates, dropped, exported, held, synthetic, undelivered } = account;
  expect(held + undelivered).toBeGreaterThan(0);
  // Of the spans that were not delivered some stand for no Event.
  const unaccounted = received - duplicates - dropped - exported - held;
  expect(unaccounted).toBeGreaterThanOrEqual(0);
  expect(unaccounted).toBeLessThanOrEqual(undelivered);
  // What was on its way at the end may have arrived without kspan having been told.
  expect(witness.spans.size).toBeGreaterThanOrEqual(exported + synthetic);
  expect(witness.arrivals).toBe(witness.spans.size);
  expect(tookMs).toBeLessThan(deadlineMs + SLACK_MS);
});

async function stopUnderLoad({ delayMs, deadlineMs }: { delayMs: number; deadlineMs: number }) {
  await using collector = await Collector.start();
  await using slow = await startSlowWay(collector.endpoint, delayMs);
  const args = ['replay', '-', '--format', 'otlp', '--shutdown-timeout-ms', `${deadlineMs}`];
  const child = startKspan(args, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: slow.endpoint } });
  const ended = outcomeOf(child);
  // It stops reading in the middle of this.
  const feeding = pipeline(Readable.from(recordingOf(1_000_000)), child.stdin).catch(() => {});
  await slow.answered(8);
  const began = performance.now();
  child.kill('SIGTERM');
  const outcome: Outcome = await ended;
  const tookMs = performance.now() - began;
  await feeding;
  await slow.isIdle();
  const witness: Witness = await collector.witness();
  const { seconds: _, ...account } = accountOf(outcome);
  console.log(
    `deadline ${deadlineMs} ms, ended after ${Math.round(tookMs)} ms, ` +
      `${witness.spans.size} spans arrived: ${JSON.stringify(account)}`,
  );
  expect(outcome.exitCode, outcome.stderr).toBe(SIGTERM_EXIT);
  return { outcome, witness, tookMs };
}

/** Hands every request on after a while, also when its sender has gone by then. */
async function startSlowWay(target: string, delayMs: number) {
  const underWay = new Set<Promise<void>>();
  let answers = 0;
  const forward = async (body: Uint8Array): Promise<void> => {
    await pause(delayMs);
    const headers = { 'Content-Type': 'application/x-protobuf' };
    const answer = await fetch(`${target}/v1/traces`, { method: 'POST', headers, body });
    if (!answer.ok) throw new Error(`the back end says ${answer.status}`);
  };
  const server = createServer(async (request, response) => {
    const forwarding = forward(await buffer(request));
    underWay.add(forwarding);
    await forwarding;
    underWay.delete(forwarding);
    response.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end();
    answers++;
    server.emit('answered');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async answered(count: number): Promise<void> {
      while (answers < count) await once(server, 'answered');
    },
    async isIdle(): Promise<void> {
      await Promise.all(underWay);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
