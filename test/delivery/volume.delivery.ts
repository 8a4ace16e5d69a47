// Every span of a long replay reaches a real OpenTelemetry Collector, and none comes twice: the Collector
// writes down what it took, and that is compared with the account that kspan gives.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, test } from 'vitest';
import { outcomeOf, startKspan } from '../support/kspan.ts';
import { shortened } from '../support/proof.ts';
import { accountOf, expectAllArrived } from './account.ts';
import { Collector } from './collector.ts';
import { recordingOf } from './recording.ts';

test('1,000,000 spans of a replay reach a real Collector over HTTP, each once', async () => {
  await using collector = await Collector.start();
  await replayTo(collector, shortened(1_000_000), {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
  });
});

test('100,000 spans of a replay reach a real Collector over gRPC, each once', async () => {
  await using collector = await Collector.start();
  await replayTo(collector, shortened(100_000), {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.grpcEndpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
  });
});

async function replayTo(collector: Collector, events: number, env: Record<string, string>) {
  const child = startKspan(['replay', '-', '--format', 'otlp'], { env });
  const ended = outcomeOf(child);
  await pipeline(Readable.from(recordingOf(events)), child.stdin);
  const outcome = await ended;
  expect(outcome.exitCode, outcome.stderr).toBe(0);
  const account = accountOf(outcome);
  const witness = await collector.witness();
  console.log(
    `${account.exported} Events became ${witness.spans.size} spans, ` +
      `${witness.arrivals} arrived in ${account.seconds} s`,
  );
  expectAllArrived(account, witness);
  expect(account.received).toBeGreaterThanOrEqual(events);
  expect(witness.arrivals).toBe(witness.spans.size);
}
