// What a large cluster costs kspan before the first Event: how long until it is ready, and in how much
// memory. Prints the figures that the README has.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect } from 'vitest';
import type { LiveKspan } from '../support/live-kspan.ts';
import { shortened } from '../support/proof.ts';
import { ownClusterTest as test } from './cluster.ts';
import { ControlPlane } from './control-plane.ts';
import { LiveProof } from './live-proof.ts';
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
  const empty = await lookAt(proof.kspan);
  await proof.kspan.stop();
  await populate(kubeconfig, { deployments: DEPLOYMENTS, podsOfEach: PODS_OF_EACH });
  const startedAt = performance.now();
  await proof.startKspan();
  const readyMs = performance.now() - startedAt;
  const full = await lookAt(proof.kspan);
  const seconds = (readyMs / 1000).toFixed(1);
  console.log(
    `${OBJECTS} objects: ready after ${seconds} s, ${told(full)}; without them ${told(empty)}`,
  );
  expect(full.objects - empty.objects).toBeGreaterThanOrEqual(OBJECTS);
  await controlPlane.kubectl.run(['create', '-f', '-'], JSON.stringify(await eventOfLastPod()));
  const { spans, faults } = await proof.finish();
  expect(spans.map(({ attributes }) => attributes['k8s.deployment.name'])).toContain(
    `service-${DEPLOYMENTS - 1}`,
  );
  expect(faults).toMatchObject({ missing: [] });
});

interface Look {
  objects: number;
  rssMib: number;
  peakMib: number;
  cpuSeconds: number;
}

async function lookAt(kspan: LiveKspan): Promise<Look> {
  const samples = await kspan.scrape();
  const status = readFileSync(`/proc/${kspan.pid}/status`, 'utf8');
  return {
    objects: samples.get('kspan_owner_index_objects')!,
    rssMib: samples.get('process_resident_memory_bytes')! / 2 ** 20,
    peakMib: Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) / 1024,
    cpuSeconds: samples.get('process_cpu_seconds_total')!,
  };
}

function told({ objects, rssMib, peakMib, cpuSeconds }: Look): string {
  const memory = `${Math.round(rssMib)} MiB (at most ${Math.round(peakMib)} MiB)`;
  return `${objects} in the index, ${memory}, ${cpuSeconds.toFixed(1)} s of CPU`;
}

async function eventOfLastPod(): Promise<object> {
  const name = `service-${DEPLOYMENTS - 1}-5d59d67564-0`;
  const found = await controlPlane.kubectl.run([
    'get',
    'pods',
    '-A',
    '-o',
    'json',
    `--field-selector=metadata.name=${name}`,
  ]);
  const { namespace, uid } = JSON.parse(found).items[0].metadata;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { generateName: 'killing-', namespace },
    involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace, name, uid },
    reason: 'Killing',
    message: 'Stopping container main',
    type: 'Normal',
    source: { component: 'kubelet', host: 'node-1' },
    firstTimestamp: new Date().toISOString().replace(/\.\d+/, ''),
    lastTimestamp: new Date().toISOString().replace(/\.\d+/, ''),
    count: 1,
  };
}
