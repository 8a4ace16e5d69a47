// What a large cluster costs kspan before the first Event: how long until it is ready, and in how much
// memory. Prints the figures that the README has.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect } from 'vitest';
import { total } from '../support/prometheus.ts';
import { shortened } from '../support/proof.ts';
import { ownClusterTest as test } from './cluster.ts';
import { ControlPlane } from './control-plane.ts';
import { LiveProof } from './live-proof.ts';
import { type Named, podEvents } from './pod-events.ts';
import { populate } from './population.ts';

const DEPLOYMENTS = shortened(5000);
const PODS_OF_EACH = 4;
const OBJECTS = DEPLOYMENTS * (2 + PODS_OF_EACH);

let controlPlane: ControlPlane;

beforeAll(async () => {
  controlPlane = await ControlPlane.startApiServerOnly();
});

afterAll(() => controlPlane?.stop());

test('kspan knows 5000 Deployments with 20 000 Pods before the first Event', async () => {
  const { kubectl, kubeconfig } = controlPlane;
  await using proof = await LiveProof.start({ kubectl, kubeconfig });
  const empty = await startAnew(proof);
  await proof.kspan.stop();
  await populate(kubeconfig, { deployments: DEPLOYMENTS, podsOfEach: PODS_OF_EACH });
  const full = await startAnew(proof);
  console.log(`without objects: ${told(empty)}\n${OBJECTS} objects: ${told(full)}`);
  expect(full.objects - empty.objects).toBeGreaterThanOrEqual(OBJECTS);
  await kubectl.run(['create', '-f', '-'], JSON.stringify(podEvents(await lastPod(), 1)));
  const { spans, faults } = await proof.finish();
  const deployments = spans.map(({ attributes }) => attributes['k8s.deployment.name']);
  expect(deployments).toContain(`service-${DEPLOYMENTS - 1}`);
  expect(faults).toMatchObject({ missing: [] });
});

/** When it is ready. */
interface Look {
  seconds: number;
  cpuSeconds: number;
  rssMib: number;
  peakMib: number;
  /** In the index. */
  objects: number;
  /** Of the router and all shards. */
  indexMb: number;
}

async function startAnew(proof: LiveProof): Promise<Look> {
  await proof.kspan.stop();
  const startedAt = performance.now();
  await proof.startKspan();
  const seconds = (performance.now() - startedAt) / 1000;
  const samples = await proof.kspan.scrape();
  const status = readFileSync(`/proc/${proof.kspan.pid}/status`, 'utf8');
  return {
    seconds,
    cpuSeconds: samples.get('process_cpu_seconds_total')!,
    rssMib: samples.get('process_resident_memory_bytes')! / 2 ** 20,
    peakMib: Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) / 1024,
    objects: samples.get('kspan_owner_index_objects')!,
    indexMb: total(samples, 'kspan_memory_bytes') / 1e6,
  };
}

function told({ seconds, cpuSeconds, rssMib, peakMib, objects, indexMb }: Look): string {
  const times = `ready after ${seconds.toFixed(1)} s and ${cpuSeconds.toFixed(1)} s of CPU`;
  const memory = `${Math.round(rssMib)} MiB, at most ${Math.round(peakMib)} MiB`;
  return `${times}, ${memory}, ${objects} in the index, of ${indexMb.toFixed(1)} MB`;
}

async function lastPod(): Promise<Named> {
  const only = `--field-selector=metadata.name=service-${DEPLOYMENTS - 1}-5d59d67564-0`;
  const found = await controlPlane.kubectl.run(['get', 'pods', '-A', '-o', 'json', only]);
  return JSON.parse(found).items[0];
}
