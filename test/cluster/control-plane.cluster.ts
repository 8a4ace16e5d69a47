// The test cluster itself: that it comes up, can be broken as tests need it, and leaves nothing behind.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, type TestContext, test } from 'vitest';
import { LEASH } from '../peers/program.ts';
import { readAudit } from './audit.ts';
import { startCluster, type TestCluster } from './cluster.ts';
import type { ControlPlane } from './control-plane.ts';
import { Namespace } from './workloads.ts';

const EVENTS = '/api/v1/events';

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startCluster();
});

afterAll(() => cluster?.stop());

test('the control plane runs Pods', async (context) => {
  const { kubectl } = ownControlPlane(context);
  const inside = await Namespace.create(kubectl, 'pods');
  await inside.kubectl('run', 'one', '--image=nginx:1.25');
  await inside.until('condition=Ready', 'pod/one');
});

test('the audit log has each request once, when it is complete', async (context) => {
  const { auditLog } = ownControlPlane(context);
  const probe = '/api/v1/namespaces/kube-system?probe=audit';
  await cluster.kubectl.run(['get', '--raw', probe]);
  const requests = readAudit(auditLog).filter(({ requestURI }) => requestURI === probe);
  expect(requests).toMatchObject([
    { verb: 'get', stage: 'ResponseComplete', user: { username: 'admin' } },
  ]);
});

test('an API server that was killed comes back with what it had, and work goes on', async (context) => {
  const controlPlane = ownControlPlane(context);
  const inside = await Namespace.create(controlPlane.kubectl, 'restart');
  await inside.kubectl('create', 'deployment', 'web', '--image=nginx:1.25');
  await inside.rolledOut('deployment/web');
  await controlPlane.killApiServer();
  await expect(inside.kubectl('get', 'pods')).rejects.toThrow('refused');
  await controlPlane.startApiServer();
  await inside.kubectl('scale', 'deployment', 'web', '--replicas=2');
  await inside.rolledOut('deployment/web');
});

test('a watch of Events from before a compaction gets 410', async (context) => {
  const controlPlane = ownControlPlane(context);
  const { kubectl } = controlPlane;
  const { metadata } = JSON.parse(await kubectl.run(['get', '--raw', `${EVENTS}?limit=1`]));
  const watch = `${EVENTS}?watch=1&timeoutSeconds=1&resourceVersion=${metadata.resourceVersion}`;
  await Namespace.create(kubectl, 'later');
  expect(await kubectl.run(['get', '--raw', watch])).not.toContain('"code":410');
  await controlPlane.compactEtcd();
  expect(await kubectl.run(['get', '--raw', watch])).toContain('"code":410');
});

test('stop() leaves neither a server nor its files', async (context) => {
  ownControlPlane(context);
  const { kubeconfig, stop } = await startCluster();
  const { server } = JSON.parse(readFileSync(kubeconfig, 'utf8')).clusters[0].cluster;
  await stop();
  expect(existsSync(dirname(kubeconfig))).toBe(false);
  await expect(fetch(server)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
});

test('a program ends, and its files go, with the process that started it', async (context) => {
  ownControlPlane(context);
  const folder = mkdtempSync(join(tmpdir(), 'kspan-leash-'));
  const leash = [LEASH.pathOf('leash'), folder, 'sh', '-c', 'echo up; exec sleep 1000000'];
  const script = `const [leash, ...args] = ${JSON.stringify(leash)};
    require('node:child_process').spawn(leash, args, { stdio: ['pipe', 1, 2], detached: true });`;
  const owner = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(owner.stdout, 'data');
  const closed = once(owner.stdout, 'close');
  owner.kill('SIGKILL');
  // Nobody is left to write to it.
  await closed;
  expect(existsSync(folder)).toBe(false);
});

function ownControlPlane({ skip }: TestContext): ControlPlane {
  return cluster.controlPlane ?? skip('the cluster that KUBECONFIG names is not ours to break');
}
