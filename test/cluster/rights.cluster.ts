// What kspan asks of the API server: no more than the rights that `kspan rbac` prints, nothing for an
// Event, and never for an object by itself. The audit log says so.
import { afterAll, beforeAll, expect } from 'vitest';
import type { PlainSpan } from '../support/spans.ts';
import { tracesOf } from '../support/traces.ts';
import { type AuditEvent, requestsOf } from './audit.ts';
import { ownClusterTest as test } from './cluster.ts';
import { ControlPlane } from './control-plane.ts';
import { LiveProof } from './live-proof.ts';
import { podEvents } from './pod-events.ts';
import { createServiceAccount, type ServiceAccount } from './service-account.ts';
import { Namespace } from './workloads.ts';

const NO_FAULTS = { missing: [], doubled: [], differing: [], late: [] };
/** No watch ends by itself while a test looks. */
const LONG = ['--watch-timeout-ms', '3600000'];

let controlPlane: ControlPlane;
let account: ServiceAccount;

beforeAll(async () => {
  controlPlane = await ControlPlane.start();
  account = await createServiceAccount(controlPlane.kubectl, controlPlane.kubeconfig, 'kspan');
});

afterAll(() => controlPlane?.stop());

test('what `kspan rbac` prints suffices for a cluster', async () => {
  const { kubectl } = controlPlane;
  await using proof = await LiveProof.start({ kubectl, kubeconfig: account.kubeconfig });
  const inside = await Namespace.create(kubectl, 'whole');
  await rollOut(inside);
  const { outcome, stored, spans, faults } = await proof.finish();
  expect(stored.length).toBeGreaterThan(10);
  expect(faults).toEqual(NO_FAULTS);
  expect(outcome.stderr).not.toMatch(/"level":"(warn|error)"/);
  expect(outsideOfRoots(spans)).toEqual([]);
  expect(refusalsOf(account)).toEqual([]);
});

test('what `kspan rbac --namespace` prints, Roles only, suffices for a namespace', async () => {
  const { kubectl, kubeconfig } = controlPlane;
  const inside = await Namespace.create(kubectl, 'confined');
  const settings = ['--namespace', inside.name];
  const confined = await createServiceAccount(kubectl, kubeconfig, 'confined', settings);
  await using proof = await LiveProof.start({
    kubectl,
    kubeconfig: confined.kubeconfig,
    namespace: inside.name,
  });
  const outside = await Namespace.create(kubectl, 'neighbour');
  await Promise.all([rollOut(inside), rollOut(outside)]);
  const { outcome, stored, spans, faults } = await proof.finish();
  const namespaces = spans.map(({ attributes }) => attributes['k8s.namespace.name']);
  expect(new Set(namespaces)).toEqual(new Set([inside.name]));
  expect(new Set(stored.map(({ metadata }) => metadata.namespace))).toContain(outside.name);
  expect(faults.missing.filter((title) => !title.includes(` ${outside.name}/`))).toEqual([]);
  expect(faults).toMatchObject({ doubled: [], differing: [] });
  expect(outcome.stderr).not.toMatch(/"level":"(warn|error)"/);
  expect(refusalsOf(confined)).toEqual([]);
});

test('no request is made for an Event: 200 of them cost as many as 10, which is none', async () => {
  const { kubectl } = controlPlane;
  const args = LONG;
  await using proof = await LiveProof.start({ kubectl, kubeconfig: account.kubeconfig, args });
  const inside = await Namespace.create(kubectl, 'busy');
  await inside.kubectl('run', 'one', '--image=nginx:1.25');
  await inside.until('condition=Ready', 'pod/one');
  await proof.allIsRead();
  const before = requestsOf(controlPlane.auditLog, account.username).length;
  const pod = JSON.parse(await inside.kubectl('get', 'pod/one', '-o', 'json'));
  for (const count of [10, 200]) {
    await kubectl.run(['create', '-f', '-'], JSON.stringify(podEvents(pod, count)));
    await proof.allIsRead();
  }
  const since = requestsOf(controlPlane.auditLog, account.username).slice(before);
  const { stored, faults } = await proof.finish();
  expect(since.filter((request) => !isAlive(request))).toEqual([]);
  expect(stored.length).toBeGreaterThan(210);
  expect(faults).toEqual(NO_FAULTS);
});

test('the last Events of a Deployment are in the trace that they belong to when it is gone', async () => {
  const { kubectl } = controlPlane;
  const inside = await Namespace.create(kubectl, 'deleted');
  await inside.kubectl('create', 'deployment', 'web', '--image=nginx:1.25', '--replicas=3');
  await inside.rolledOut('deployment/web');
  await using proof = await LiveProof.start({ kubectl, kubeconfig: account.kubeconfig });
  await inside.kubectl('scale', 'deployment/web', '--replicas=0');
  await inside.until('jsonpath={.status.replicas}=0', 'replicaset', '--all');
  await inside.kubectl('delete', 'deployment', 'web');
  await inside.until('delete', 'pod', '--all');
  const { spans, faults } = await proof.finish();
  const [scaling, ...more] = tracesOf(spans);
  const named = (name: string) => scaling!.spans.filter((span) => span.name === name);
  expect(more).toEqual([]);
  expect(named('Deployment.ScalingReplicaSet').map(messageOf)).toEqual([
    expect.stringMatching(/^Scaled down replica set web-\w+ from 3 to 0$/),
  ]);
  const deletions = named('ReplicaSet.SuccessfulDelete').map(({ spanId }) => spanId);
  expect(deletions).toHaveLength(3);
  const killings = named('Pod.Killing').map(({ parentSpanId }) => parentSpanId);
  expect(killings.toSorted()).toEqual(deletions.toSorted());
  expect(faults).toEqual(NO_FAULTS);
});

test('nothing is asked for but lists, watches, discovery and whether the server lives', () => {
  const requests = requestsOf(controlPlane.auditLog, account.username);
  const single = requests.filter(({ verb, objectRef }) => verb === 'get' && objectRef);
  expect(requests.length).toBeGreaterThan(0);
  expect(single).toEqual([]);
  expect(new Set(requests.map(({ verb }) => verb))).toEqual(new Set(['get', 'list', 'watch']));
});

async function rollOut(inside: Namespace): Promise<void> {
  await inside.kubectl('create', 'deployment', 'web', '--image=nginx:1.25', '--replicas=2');
  await inside.rolledOut('deployment/web');
  await inside.kubectl('set', 'image', 'deployment/web', 'nginx=nginx:1.26');
  await inside.rolledOut('deployment/web');
}

/** Spans of Pods and ReplicaSets of which the Deployment was not found. */
function outsideOfRoots(spans: PlainSpan[]): string[] {
  return spans
    .filter(({ attributes }) => attributes['k8s.namespace.name'] === 'whole')
    .filter(({ attributes }) => attributes['k8s.deployment.name'] !== 'web')
    .map(({ name }) => name);
}

function refusalsOf({ username }: ServiceAccount): AuditEvent[] {
  const requests = requestsOf(controlPlane.auditLog, username);
  expect(requests.length).toBeGreaterThan(0);
  return requests.filter(({ responseStatus }) => responseStatus!.code >= 400);
}

const isAlive = ({ requestURI }: AuditEvent) => requestURI === '/livez';
const messageOf = ({ attributes }: PlainSpan) => attributes['k8s.event.message'];
