// The back end of a live run is killed and stays away for minutes, while Events go on. kspan keeps what it
// may, and leaves the rest where it is, in the cluster; when the back end is back everything arrives,
// faster than it came in.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { LiveKspan } from '../support/live-kspan.ts';
import { type Samples, total } from '../support/prometheus.ts';
import { shortened } from '../support/proof.ts';
import { accountOf, expectAllArrived } from './account.ts';
import { Collector } from './collector.ts';
import { LiveCluster } from './live-cluster.ts';

const EVENTS_PER_SECOND = 500;
/** Roots of their own are few. */
const SPANS_PER_EVENT = 1.2;
const RSS_MAX = 600 * 2 ** 20;
const SAMPLE_MS = 500;

test('a back end that is down for 5 minutes of a live run at 500 Events a second gets every span afterwards, and kspan stays below 600 MiB', async () => {
  await using collector = await Collector.start();
  await using cluster = await LiveCluster.start();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint };
  const live = await LiveKspan.start(['--kubeconfig', cluster.kubeconfig], { env });
  await live.readiness(200);
  const isOver = new AbortController();
  const happening = cluster.happen(EVENTS_PER_SECOND, Number.POSITIVE_INFINITY, isOver.signal);
  let rssMax = 0;
  /** What holds after it held, the size watched meanwhile. */
  const until = (holds: (samples: Samples) => boolean) =>
    live.until((samples) => {
      rssMax = Math.max(rssMax, total(samples, 'process_resident_memory_bytes'));
      return holds(samples);
    });
  const forSeconds = async (seconds: number) => {
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end) {
      await until(() => true);
      await pause(SAMPLE_MS);
    }
  };

  await forSeconds(shortened(30));
  await collector.kill();
  await forSeconds(shortened(300));
  const late = await live.scrape();
  const behind = cluster.written - total(late, 'kspan_events_total');
  const waiting = total(late, 'kspan_export_waiting_spans');
  await collector.startAgain();
  const deliveredPerSecond = await drained(until);
  isOver.abort();
  await happening;
  await until((samples) => total(samples, 'kspan_events_total') >= cluster.written);
  const outcome = await live.stop();
  expect(outcome.exitCode, outcome.stderr).toBe(0);
  const account = accountOf(outcome);
  const witness = await collector.witness();
  console.log(
    `${behind} Events were unread and ${waiting} spans waited when the back end came back; ` +
      `${Math.round(deliveredPerSecond)} spans a second arrived while ${EVENTS_PER_SECOND} Events ` +
      'a second came in; ' +
      `at most ${Math.round(rssMax / 2 ** 20)} MiB; the API server ended ${cluster.ended} watches; ` +
      `${witness.spans.size} spans, ${witness.repeated.size} of them twice`,
  );
  expect(account.received - account.duplicates).toBe(cluster.written);
  expectAllArrived(account, witness);
  expect([...witness.differing]).toEqual([]);
  expect(rssMax).toBeLessThan(RSS_MAX);
  expect(waiting).toBeGreaterThan(0);
  expect(deliveredPerSecond).toBeGreaterThan(SPANS_PER_EVENT * EVENTS_PER_SECOND);
});

/** Resolves when nothing is left of the outage, with how many spans a second arrived since it ended. */
async function drained(
  until: (holds: (samples: Samples) => boolean) => Promise<Samples>,
): Promise<number> {
  const delivered = (samples: Samples) => total(samples, 'kspan_export_delivered_spans_total');
  const before = await until(() => true);
  const first = await until((samples) => delivered(samples) > delivered(before));
  const since = performance.now();
  const last = await until(
    (samples) => total(samples, 'kspan_export_waiting_spans') <= EVENTS_PER_SECOND,
  );
  const seconds = Math.max((performance.now() - since) / 1000, 1);
  return (delivered(last) - delivered(first)) / seconds;
}
