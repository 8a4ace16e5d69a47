// A live run sends its spans to a real Collector through a proxy that has faults, seeded and of every kind
// that a network and a back end have. Every span arrives; again comes only what had arrived unanswered,
// and it is the same. Prints what was met as the table that the README has.
import { expect, test } from 'vitest';
import { randomFrom } from '../../src/bench/random.ts';
import { LiveKspan } from '../support/live-kspan.ts';
import { total } from '../support/prometheus.ts';
import { shortened } from '../support/proof.ts';
import { accountOf, expectAllArrived } from './account.ts';
import { Collector } from './collector.ts';
import { FAULTS, type Fault, FaultProxy } from './fault-proxy.ts';
import { LiveCluster } from './live-cluster.ts';
import type { Witness } from './witness.ts';

const SEED = 1;
const EVENTS_PER_SECOND = 2000;

test('10 minutes of faults at 2,000 Events a second lose no span, and double only what was taken unanswered', async () => {
  await using collector = await Collector.start();
  await using proxy = await FaultProxy.start(collector.endpoint, randomFrom(SEED));
  await using cluster = await LiveCluster.start();
  const seconds = shortened(600);
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: proxy.endpoint };
  // Faults go on while it ends.
  const args = ['--kubeconfig', cluster.kubeconfig, '--shutdown-timeout-ms', '600000'];
  const live = await LiveKspan.start(args, { env });
  await live.readiness(200);
  await cluster.happen(EVENTS_PER_SECOND, seconds);
  await live.until((samples) => total(samples, 'kspan_events_total') >= cluster.written);
  const outcome = await live.stop();
  expect(outcome.exitCode, outcome.stderr).toBe(0);
  const account = accountOf(outcome);
  const witness = await collector.witness();
  console.log(`${cluster.written} Events in ${seconds} s, ${witness.spans.size} spans`);
  console.log(tableOf(proxy, witness));
  expect(account.received).toBe(cluster.written);
  expectAllArrived(account, witness);
  const unexplained = [...witness.repeated].filter(
    ([id, times]) => times > 1 + (proxy.unanswered.get(id)?.times ?? 0),
  );
  expect(unexplained).toEqual([]);
  expect([...witness.differing]).toEqual([]);
  expect([...proxy.met.keys()].sort()).toEqual(Object.keys(FAULTS).sort());
});

function tableOf({ met, unanswered }: FaultProxy, { repeated }: Witness): string {
  const rows = (Object.keys(FAULTS) as Fault[]).map((fault) => {
    const again = [...repeated.keys()].filter((id) => unanswered.get(id)?.fault === fault).length;
    const outcome = again === 0 ? 'every span once' : `${again} spans twice, the same to the byte`;
    return `| ${fault} | ${met.get(fault) ?? 0} | ${outcome} |`;
  });
  return ['| fault | times | outcome |', '|---|---|---|', ...rows].join('\n');
}
