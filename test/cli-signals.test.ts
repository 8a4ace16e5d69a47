// SIGINT and SIGTERM: what was read is finished if there is time, and the exit code tells.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { messages, outcomeOf, startKspan } from './support/kspan.ts';
import { scenario } from './support/scenarios.ts';

const { input } = scenario('rollout');

describe('a signal', () => {
  /** A back end that never answers; `asked` resolves with the first request. */
  async function silentBackEnd() {
    const server = createServer();
    const asked = once(server, 'request');
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const close = () => {
      server.closeAllConnections();
      server.close();
    };
    const { port } = server.address() as AddressInfo;
    return { asked, close, env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` } };
  }

  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    test(`${signal} finishes what was read, says so and exits with ${exitCode}`, async () => {
      const child = startKspan(['replay', '-', '--format', 'otlp-json', '--export-delay-ms', '0']);
      child.stdin.write(input);
      // A frame of a year later: what went before is finished and comes out.
      child.stdin.write('{"type":"BOOKMARK","object":{},"receivedAt":"2027-11-22T00:00:00Z"}\n');
      child.stdin.write(
        '{"type":"ADDED","object":{"apiVersion":"v1","kind":"Pod","metadata":{"uid":"u","name":"n"}},"receivedAt":"2027-11-22T00:00:00Z"}\n',
      );
      const done = outcomeOf(child);
      await once(child.stdout, 'data');
      child.kill(signal);
      const outcome = await done;
      expect(outcome.exitCode).toBe(exitCode);
      expect(outcome.summary).toMatchObject({ received: '32', exported: '32', held: '0' });
      expect(messages(outcome)).toEqual([]);
    });

  test('a second one exits at once', async () => {
    const { asked, close, env } = await silentBackEnd();
    const child = startKspan(['replay', '-', '--format', 'otlp'], { env });
    const done = outcomeOf(child);
    child.stdin.end(input);
    await asked;
    child.kill('SIGINT');
    child.kill('SIGTERM');
    expect([130, 143]).toContain((await done).exitCode);
    close();
  });

  test('what cannot be finished in time is given up and counted', async () => {
    const { asked, close, env } = await silentBackEnd();
    const args = ['replay', '-', '--format', 'otlp', '--shutdown-timeout-ms', '10'];
    const child = startKspan(args, { env });
    const done = outcomeOf(child);
    child.stdin.end(input);
    await asked;
    child.kill('SIGINT');
    const outcome = await done;
    expect(outcome.exitCode).toBe(130);
    expect(outcome.summary).toMatchObject({ received: '32', exported: '0', undelivered: '35' });
    close();
  });
});
