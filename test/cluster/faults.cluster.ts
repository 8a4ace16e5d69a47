// What goes wrong between kspan and the API server, in the middle of a rollout: every Event that the
// cluster stored has its one span all the same. The API server is the real one; only the way to it is
// a test's own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { changedKubeconfig, readKubeconfig } from '../support/kubeconfig.ts';
import type { Samples } from '../support/prometheus.ts';
import { shortened } from '../support/proof.ts';
import { ownClusterTest as test } from './cluster.ts';
import { ControlPlane } from './control-plane.ts';
import { LiveProof } from './live-proof.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { Namespace } from './workloads.ts';

const BLACKHOLE_MS = 180_000;
const NO_FAULTS = { missing: [], doubled: [], differing: [], late: [] };

let controlPlane: ControlPlane;

beforeAll(async () => {
  controlPlane = await ControlPlane.start();
});

afterAll(() => controlPlane?.stop());

test('a version that is too old after a compaction is told and met by a list: every Event has one span', async () => {
  const { kubectl } = controlPlane;
  const inside = await deployed('compacted');
  await using proxy = await TcpProxy.start(apiServer());
  await using proof = await LiveProof.start({ kubectl, kubeconfig: through(proxy, 'compacted') });
  await inside.kubectl('set', 'image', 'deployment/web', 'nginx=nginx:1.26');
  await proof.kspan.until((now) => now.get('kspan_events_total')! > 2);
  proxy.cut();
  await inside.rolledOut('deployment/web');
  await controlPlane.compactEtcd();
  proxy.mend();
  const restarted = await proof.kspan.until((now) => expired(now) > 0);
  await inside.kubectl('scale', 'deployment/web', '--replicas=6');
  await inside.rolledOut('deployment/web');
  const { outcome, stored, faults } = await proof.finish();
  expect(expired(restarted)).toBe(1);
  expect(stored.length).toBeGreaterThan(20);
  expect(faults).toEqual(NO_FAULTS);
  expect(outcome.exitCode).toBe(0);
});

test('nothing gets through for minutes, and nobody says so: every Event has one span', async () => {
  const { kubectl } = controlPlane;
  const inside = await deployed('blackhole');
  await using proxy = await TcpProxy.start(apiServer());
  await using proof = await LiveProof.start({ kubectl, kubeconfig: through(proxy, 'blackhole') });
  await inside.kubectl('set', 'image', 'deployment/web', 'nginx=nginx:1.26');
  await proof.kspan.until((now) => now.get('kspan_events_total')! > 2);
  const frozenAt = performance.now();
  proxy.freeze();
  await inside.rolledOut('deployment/web');
  await proof.kspan.readiness(503);
  await inside.kubectl('scale', 'deployment/web', '--replicas=6');
  await inside.rolledOut('deployment/web');
  await inside.kubectl('delete', 'deployment', 'web');
  await inside.until('delete', 'pod', '--all');
  await proof.kspan.until(() => performance.now() - frozenAt >= shortened(BLACKHOLE_MS));
  proxy.mend();
  await proof.kspan.readiness(200);
  const { outcome, stored, faults } = await proof.finish();
  expect(stored.length).toBeGreaterThan(20);
  expect(faults).toEqual(NO_FAULTS);
  expect(outcome.exitCode).toBe(0);
});

test('kspan is killed and started again, twice in a rollout: every Event has its span, and a doubled one is the same', async () => {
  const { kubectl, kubeconfig } = controlPlane;
  const inside = await deployed('crashed');
  const folder = mkdtempSync(join(tmpdir(), 'kspan-state-'));
  const args = ['--state-dir', folder, '--checkpoint-interval-ms', '1000', '--idle-ms', '5000'];
  await using proof = await LiveProof.start({ kubectl, kubeconfig, args });
  await proof.kspan.until((now) => now.get('kspan_checkpoint_bytes')! > 0);
  await inside.kubectl('set', 'image', 'deployment/web', 'nginx=nginx:1.26');
  await proof.kspan.until((now) => now.get('kspan_events_total')! > 2);
  await proof.kspan.kill();
  await inside.kubectl('scale', 'deployment/web', '--replicas=6');
  await proof.startKspan();
  await proof.kspan.until((now) => now.get('kspan_events_exported_total')! > 2);
  await proof.kspan.kill();
  await inside.rolledOut('deployment/web');
  await proof.startKspan();
  await inside.kubectl('delete', 'deployment', 'web');
  await inside.until('delete', 'pod', '--all');
  await proof.allIsRead();
  await proof.kspan.until((now) => now.get('kspan_events_held') === 0);
  const { outcome, stored, faults } = await proof.finish();
  rmSync(folder, { recursive: true });
  expect(stored.length).toBeGreaterThan(20);
  expect(faults).toMatchObject({ missing: [], differing: [], late: [] });
  expect(outcome).toMatchObject({ exitCode: 0, summary: { held: '0' } });
});

// The last one: kubelets and controllers write for long afterwards what they could not write meanwhile.
test('the API server is killed and started again: every Event has one span', async () => {
  const { kubectl, kubeconfig } = controlPlane;
  const inside = await deployed('killed');
  await using proof = await LiveProof.start({ kubectl, kubeconfig });
  await inside.kubectl('set', 'image', 'deployment/web', 'nginx=nginx:1.26');
  await proof.kspan.until((now) => now.get('kspan_events_total')! > 2);
  await controlPlane.killApiServer();
  await proof.kspan.readiness(503);
  await controlPlane.startApiServer();
  await proof.kspan.readiness(200);
  await inside.rolledOut('deployment/web');
  await inside.kubectl('scale', 'deployment/web', '--replicas=6');
  await inside.rolledOut('deployment/web');
  const { outcome, stored, faults } = await proof.finish();
  expect(stored.length).toBeGreaterThan(20);
  // Late are those that the cluster itself could not write in time.
  expect(faults).toMatchObject({ missing: [], doubled: [], differing: [] });
  expect(outcome.exitCode).toBe(0);
});

/** A namespace with a Deployment that has come up. */
async function deployed(name: string): Promise<Namespace> {
  const inside = await Namespace.create(controlPlane.kubectl, name);
  await inside.kubectl('create', 'deployment', 'web', '--image=nginx:1.25', '--replicas=4');
  await inside.rolledOut('deployment/web');
  return inside;
}

const apiServer = () => new URL(readKubeconfig(controlPlane.kubeconfig).cluster.server);

function through({ url }: TcpProxy, name: string): string {
  return changedKubeconfig(controlPlane.kubeconfig, name, { cluster: { server: url } });
}

function expired(samples: Samples): number {
  return samples.get('kspan_watch_restarts_total{path="/api/v1/events",cause="expired"}') ?? 0;
}
