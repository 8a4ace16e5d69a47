// What kspan tells of its own work: spans by OpenTelemetry's own SDK, apart from those of the Events.
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { kspan, messages } from './support/kspan.ts';
import { startTraceReceiver } from './support/trace-receiver.ts';

const recording = fileURLToPath(new URL('scenarios/rollout/events.ndjson', import.meta.url));
const replay = (endpoint: string, ...args: string[]) =>
  kspan(['replay', recording, '--format', 'otlp', ...args], {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
  });
const textOf = (bodies: Uint8Array[]) => Buffer.concat(bodies).toString('latin1');

test('with --self-traces each request is a span of the service kspan, at an endpoint of its own', async () => {
  const [backEnd, own] = await Promise.all([startTraceReceiver(), startTraceReceiver()]);
  const outcome = await replay(backEnd.endpoint, '--self-traces', `${own.endpoint}/v1/traces`);
  expect(outcome).toMatchObject({ exitCode: 0, summary: { exported: '32' } });
  expect(textOf(own.bodies)).toContain('export');
  expect(textOf(own.bodies)).toContain(backEnd.endpoint);
  expect(textOf(own.bodies)).not.toContain('Deployment');
  expect(textOf(backEnd.bodies)).toContain('Deployment');
  await Promise.all([backEnd.close(), own.close()]);
});

test('an endpoint for them that is away changes nothing', async () => {
  const backEnd = await startTraceReceiver();
  const outcome = await replay(backEnd.endpoint, '--self-traces', 'http://127.0.0.1:1/v1/traces');
  expect(messages(outcome)).toEqual([]);
  expect(outcome).toMatchObject({ exitCode: 0, summary: { exported: '32' } });
  await backEnd.close();
});

test('one that is no URL is one line', async () => {
  const outcome = await replay('http://127.0.0.1:1', '--self-traces', 'tempo:4318');
  expect(outcome.exitCode).toBe(2);
  expect(messages(outcome)).toEqual([
    'kspan: --self-traces must be an http or https URL, not "tempo:4318"',
  ]);
});
