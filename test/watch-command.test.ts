// `kspan watch` as a user runs it, against a server that plays a cluster: spans go out, a signal ends it
// with an even account and exit code 0.
import { on } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeApiServer } from './support/fake-api-server.ts';
import { happen, shapeOf, watchArgs } from './support/happen.ts';
import { messages, outcomeOf, startKspan } from './support/kspan.ts';
import { decodeOtlp } from './support/otlp.ts';
import { scenario } from './support/scenarios.ts';
import { startTraceReceiver } from './support/trace-receiver.ts';

const { input, trace } = scenario('rollout');

let server: FakeApiServer;

beforeEach(async () => {
  server = await FakeApiServer.start();
});

afterEach(() => server.close());

function startWatch(args: string[], env: Record<string, string> = {}) {
  const child = startKspan([...watchArgs(server), '--log-level', 'warn', ...args], { env });
  child.stdin.end();
  return { child, done: outcomeOf(child) };
}

test('a rollout gives the traces of its recording, and SIGTERM exits with 0', async () => {
  const { child, done } = startWatch(['--format', 'tree']);
  await happen(server, input);
  child.kill('SIGTERM');
  const outcome = await done;
  expect(outcome).toMatchObject({
    exitCode: 0,
    summary: { received: '32', exported: '32', held: '0' },
  });
  expect(messages(outcome)).toEqual([]);
  expect(shapeOf(outcome.stdout)).toEqual(shapeOf(trace));
});

test('spans go to the OTLP back end unless told otherwise', async () => {
  const receiver = await startTraceReceiver();
  const { child, done } = startWatch([], { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint });
  await happen(server, input);
  child.kill('SIGTERM');
  const { exitCode, summary } = await done;
  const spans = receiver.bodies.flatMap(decodeOtlp);
  expect(exitCode).toBe(0);
  expect(spans).toHaveLength(Number(summary.exported) + Number(summary.synthetic));
  await receiver.close();
});

test('a back end that is away does not end a watch, and gets every span when it is back', async () => {
  const away = await startTraceReceiver();
  await away.close();
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: away.endpoint,
    OTEL_EXPORTER_OTLP_TIMEOUT: '100',
    OTEL_BSP_SCHEDULE_DELAY: '0',
  };
  const { child, done } = startWatch(['--shutdown-timeout-ms', '600000'], env);
  const told = lineOf(child, 'spans do not get to');
  await happen(server, input);
  child.kill('SIGTERM');
  expect(await told).toContain(
    `spans do not get to ${away.endpoint}/v1/traces: connection refused`,
  );
  const receiver = await startTraceReceiver(Number(new URL(away.endpoint).port));
  const { exitCode, summary } = await done;
  const spans = receiver.bodies.flatMap(decodeOtlp);
  expect(exitCode).toBe(0);
  expect(summary).toMatchObject({ received: '32', exported: '32', held: '0' });
  expect(spans).toHaveLength(Number(summary.exported) + Number(summary.synthetic));
  await receiver.close();
});

/** The first one on stderr with these words. */
async function lineOf({ stderr }: ReturnType<typeof startKspan>, words: string): Promise<string> {
  let text = '';
  for await (const [chunk] of on(stderr, 'data')) {
    text += chunk;
    const line = text.split('\n').find((one) => one.includes(words));
    if (line) return line;
  }
  return text;
}
