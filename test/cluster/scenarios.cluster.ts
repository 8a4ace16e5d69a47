// The scenario kinds, driven live all at once, recorded with kubectl and replayed: their traces have
// the shape of the bundled recordings, and every Event that the cluster holds has one span.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kspan, type Outcome } from '../support/kspan.ts';
import { decodeOtlp } from '../support/otlp.ts';
import { RECORDINGS, type Scenario } from '../support/scenarios.ts';
import type { PlainSpan } from '../support/spans.ts';
import { startTraceReceiver } from '../support/trace-receiver.ts';
import { treeText } from '../support/tree-text.ts';
import { startCluster, type TestCluster } from './cluster.ts';
import { type KubeEvent, occurrenceOf, Recording } from './recording.ts';
import { shapeOf } from './shape.ts';
import { Namespace, WORKLOADS } from './workloads.ts';

const POLL_MS = 200;
/** When nothing has come for so long, nothing will. */
const QUIET_MS = 60_000;

const run = Date.now().toString(36);
const namespaceOf = (scenario: string) => `kspan-${scenario}-${run}`;

let cluster: TestCluster;
let folder: string;
let stored: KubeEvent[];
let outcome: Outcome;
let spans: PlainSpan[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kspan-live-'));
  cluster = await startCluster();
  const recording = await Recording.start(cluster.kubectl, folder);
  if (cluster.hasHollowNodes) await Promise.all(RECORDINGS.map((one) => drive(one, recording)));
  stored = await recording.complete();
  await recording.stop();
  [outcome, spans] = await replay(recording.files);
});

afterAll(async () => {
  const namespaces = RECORDINGS.map(({ name }) => namespaceOf(name));
  if (cluster && !cluster.controlPlane)
    await cluster.kubectl.run(['delete', 'namespace', '--ignore-not-found', ...namespaces]);
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test.for(RECORDINGS)(
  'a live $name gives the traces of its recording',
  ({ name, trace }, context) => {
    if (!cluster.hasHollowNodes)
      context.skip('the Nodes of KUBECONFIG are not like the recorded ones');
    const own = spans.filter(
      ({ attributes }) => attributes['k8s.namespace.name'] === namespaceOf(name),
    );
    const tree = treeText(own);
    expect(shapeOf(tree), tree).toBe(shapeOf(trace));
  },
);

test('every Event that the cluster holds has one span', () => {
  const occurrences = spans.flatMap(({ attributes }) => {
    const { 'k8s.event.uid': uid, 'k8s.event.count': count = 0 } = attributes;
    return uid === undefined ? [] : [`${uid} ${count}`];
  });
  expect(stored.length).toBeGreaterThan(0);
  expect(new Set(occurrences).size).toBe(occurrences.length);
  expect(stored.map(occurrenceOf).filter((one) => !occurrences.includes(one))).toEqual([]);
});

test('nothing is skipped, dropped or held', () => {
  expect(outcome).toMatchObject({ exitCode: 0, stdout: '' });
  expect(outcome.summary).toMatchObject({ skipped: '0', dropped: '0', held: '0' });
});

/** Resolves when the scenario has come to its end and its Events are recorded. */
async function drive({ name, trace }: Scenario, recording: Recording): Promise<void> {
  const namespace = await Namespace.create(cluster.kubectl, namespaceOf(name));
  await WORKLOADS[name]!(namespace);
  const told = trace.split('\n').flatMap((line) => / \S+\.(\w+) .*\] ./.exec(line)?.[1] ?? []);
  await untilTold(told.filter(isSure).length, namespace.name, recording);
}

/** Waits for so many Events that are no matter of chance; not longer than any Event comes. */
async function untilTold(count: number, namespace: string, recording: Recording): Promise<void> {
  let told = 0;
  for (let quietSince = Date.now(); Date.now() - quietSince < QUIET_MS; ) {
    const own = recording.events().filter(({ metadata }) => metadata.namespace === namespace);
    if (own.filter(({ reason }) => isSure(reason)).length >= count) return;
    if (own.length > told) quietSince = Date.now();
    told = own.length;
    await pause(POLL_MS);
  }
}

const isSure = (reason: string) => reason !== 'Pulling' && reason !== 'FailedScheduling';

async function replay(files: string[]): Promise<[Outcome, PlainSpan[]]> {
  const receiver = await startTraceReceiver();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint };
  const finished = await kspan(['replay', '--format', 'otlp', ...files], { env });
  await receiver.close();
  return [finished, receiver.bodies.flatMap(decodeOtlp)];
}
