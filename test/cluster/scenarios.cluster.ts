// The scenario kinds, driven live all at once, while `kspan watch` goes on and kubectl records. What
// was watched, and what is replayed from kubectl's recording, has the shape of the bundled recordings,
// and every Event that the cluster holds has one span.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kspan, type Outcome } from '../support/kspan.ts';
import { decodeOtlp } from '../support/otlp.ts';
import { RECORDINGS, type Scenario } from '../support/scenarios.ts';
import type { PlainSpan } from '../support/spans.ts';
import { startTraceReceiver } from '../support/trace-receiver.ts';
import { treeText } from '../support/tree-text.ts';
import { startCluster, type TestCluster } from './cluster.ts';
import { LiveProof } from './live-proof.ts';
import { Recording } from './recording.ts';
import { shapeOf } from './shape.ts';
import { type Faults, faultsOf, type KubeEvent } from './stored-events.ts';
import { Namespace, WORKLOADS } from './workloads.ts';

const POLL_MS = 200;
/** When nothing has come for so long, nothing will. */
const QUIET_MS = 60_000;

const run = Date.now().toString(36);
const namespaceOf = (scenario: string) => `kspan-${scenario}-${run}`;

/** What came of the run, live or from the recording. */
interface Told {
  outcome: Outcome;
  spans: PlainSpan[];
  faults: Faults;
}

let cluster: TestCluster;
let folder: string;
let stored: KubeEvent[];
const told = {} as Record<'watch' | 'replay', Told>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kspan-live-'));
  cluster = await startCluster();
  const { kubectl, kubeconfig } = cluster;
  await using proof = await LiveProof.start({ kubectl, kubeconfig });
  const recording = await Recording.start(kubectl, folder);
  if (cluster.hasHollowNodes) await Promise.all(RECORDINGS.map((one) => drive(one, recording)));
  stored = await recording.complete();
  await recording.stop();
  told.watch = await proof.finish();
  told.replay = await replay(recording.files);
});

afterAll(async () => {
  const namespaces = RECORDINGS.map(({ name }) => namespaceOf(name));
  if (cluster && !cluster.controlPlane)
    await cluster.kubectl.run(['delete', 'namespace', '--ignore-not-found', ...namespaces]);
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.for(['watch', 'replay'] as const)('kspan %s', (command) => {
  test.for(RECORDINGS)('gives a $name the traces of its recording', ({ name, trace }, context) => {
    if (!cluster.hasHollowNodes)
      context.skip('the Nodes of KUBECONFIG are not like the recorded ones');
    const own = told[command].spans.filter(
      ({ attributes }) => attributes['k8s.namespace.name'] === namespaceOf(name),
    );
    const tree = treeText(own);
    expect(shapeOf(tree), tree).toBe(shapeOf(trace));
  });

  test('gives every Event that the cluster holds one span', () => {
    expect(stored.length).toBeGreaterThan(0);
    expect(told[command].faults).toMatchObject({ missing: [], doubled: [], differing: [] });
  });
});

test('a replay skips, drops and holds nothing', () => {
  expect(told.replay.outcome).toMatchObject({ exitCode: 0, stdout: '' });
  expect(told.replay.outcome.summary).toMatchObject({ skipped: '0', dropped: '0', held: '0' });
});

test('a watch skips and holds nothing, finds nothing late, and has nothing to warn of', () => {
  const { exitCode, summary, stderr } = told.watch.outcome;
  expect(exitCode).toBe(0);
  expect(summary).toMatchObject({ skipped: '0', held: '0' });
  expect(told.watch.faults.late).toEqual([]);
  expect(summary).not.toHaveProperty('undelivered');
  expect(stderr).not.toMatch(/"level":"(warn|error)"/);
});

/** Resolves when the scenario has come to its end and its Events are recorded. */
async function drive({ name, trace }: Scenario, recording: Recording): Promise<void> {
  const namespace = await Namespace.create(cluster.kubectl, namespaceOf(name));
  await WORKLOADS[name]!(namespace);
  const written = trace.split('\n').flatMap((line) => / \S+\.(\w+) .*\] ./.exec(line)?.[1] ?? []);
  await untilTold(written.filter(isSure).length, namespace.name, recording);
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

async function replay(files: string[]): Promise<Told> {
  const receiver = await startTraceReceiver();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint };
  const outcome = await kspan(['replay', '--format', 'otlp', ...files], { env });
  await receiver.close();
  const spans = receiver.bodies.flatMap(decodeOtlp);
  return { outcome, spans, faults: faultsOf(stored, spans) };
}
