// Two destinations of one live run, of which one dies: the other gets its spans as it did before. The delay
// of a span is that from its Event to its arrival at a plain HTTP server. Only those of containers that
// started count, which wait for nothing but the window; the time of an Event is a whole second here.
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LiveKspan } from '../support/live-kspan.ts';
import { decodeOtlp } from '../support/otlp.ts';
import { total } from '../support/prometheus.ts';
import { shortened } from '../support/proof.ts';
import { accountOf } from './account.ts';
import { LiveCluster } from './live-cluster.ts';
import { idOf } from './witness.ts';

const EVENTS_PER_SECOND = 200;
const NANOS_PER_MS = 1_000_000n;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kspan-destinations-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('two destinations, one dead: the delay of the other does not change, and it loses nothing', async () => {
  const [alive, mortal] = [await BackEnd.start(), await BackEnd.start()];
  await using cluster = await LiveCluster.start();
  const config = join(folder, 'kspan.yaml');
  writeFileSync(
    config,
    `destinations: [{ name: mortal, namespaces: ['*-shop'], endpoint: '${mortal.endpoint}' }]`,
  );
  const live = await LiveKspan.start(
    // What kspan waits for by itself is short, so that one wait more would show.
    [
      ...['--kubeconfig', cluster.kubeconfig, '--config', config],
      ...['--reorder-window-ms', '1000', '--idle-ms', '2000', '--export-delay-ms', '500'],
      ...['--shutdown-timeout-ms', '5000'],
    ],
    { env: { OTEL_EXPORTER_OTLP_ENDPOINT: alive.endpoint } },
  );
  await live.readiness(200);
  const waiting = 'kspan_export_waiting_bytes{destination="default"}';
  /** p99 of the delays, in milliseconds. */
  const stretch = async () => {
    alive.delays.length = 0;
    await cluster.happen(EVENTS_PER_SECOND, shortened(120));
    await live.until(
      (samples) =>
        total(samples, 'kspan_events_total') >= cluster.written && samples.get(waiting) === 0,
    );
    return p99(alive.delays);
  };
  // What is compiled and connected for the first time is not what is measured.
  await stretch();
  const before = await stretch();
  await live.until((samples) => total(samples, 'kspan_export_waiting_bytes') === 0);
  const takenByMortal = mortal.ids.size;
  await mortal.close();
  const after = await stretch();
  const outcome = await live.stop();
  await alive.close();
  const { exported, synthetic, undelivered } = accountOf(outcome);
  console.log(
    `p99 of the delay: ${before} ms with both alive, ${after} ms with one dead; ` +
      `${alive.ids.size} spans at the one that lived, ${takenByMortal} at the one that died, ` +
      `${undelivered} not delivered to it`,
  );
  expect(takenByMortal).toBeGreaterThan(0);
  expect(undelivered).toBeGreaterThan(0);
  expect(alive.ids.size + takenByMortal).toBe(exported + synthetic);
  expect(after).toBeLessThanOrEqual(Math.max(1.5 * before, before + 500));
});

/** Takes whatever comes, and notes when. */
class BackEnd {
  readonly ids = new Set<string>();
  /** Milliseconds. */
  readonly delays: number[] = [];
  readonly #server = createServer(async (request, response) => {
    const spans = decodeOtlp(await buffer(request));
    const now = Date.now();
    response.end();
    for (const span of spans) {
      this.ids.add(idOf(span));
      if (span.name === 'Pod.Started') this.delays.push(now - Number(span.start / NANOS_PER_MS));
    }
  });

  static async start(): Promise<BackEnd> {
    const backEnd = new BackEnd();
    backEnd.#server.listen(0, '127.0.0.1');
    await once(backEnd.#server, 'listening');
    return backEnd;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function p99(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN;
}
