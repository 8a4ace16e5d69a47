// One suite for everything that turns a recording into spans: the naive oracle, the WASM correlator,
// the engine. Expectations are the scenarios' hand-written trees and what the model promises for any
// recording; nothing here comes from a program's output.
import { describe, expect, test } from 'vitest';
import { framesOf, withoutMetadata } from './support/frames.ts';
import { RECORDINGS, SCENARIOS, scenario } from './support/scenarios.ts';
import type { PlainSpan } from './support/spans.ts';
import { treeText } from './support/tree-text.ts';

/** What an implementation may be asked for; `batchFrames` is how many frames are handed over at once. */
export interface CorrelateOptions {
  shards?: number;
  batchFrames?: number;
}

export type Correlate = (input: Uint8Array, options?: CorrelateOptions) => Promise<PlainSpan[]>;

// Attributes that a tree does not show: every span of that name in the scenario carries them.
const MARKS: [scenario: string, span: string, attributes: Record<string, unknown>][] = [
  ['a-late-occurrence-lengthens-nothing', 'Pod.Unhealthy', { 'kspan.late': true }],
  [
    'a-slow-kubelet-clock-is-allowed-for',
    'Pod.Pulled',
    { 'kspan.time.raw': '2026-03-01T10:00:05.5Z' },
  ],
  ['a-chain-link-that-times-out-is-incomplete', 'Pod.Scheduled', { 'kspan.incomplete': true }],
  ['nothing-is-dropped-for-lack-of-an-owner', 'Widget.unknown', { 'kspan.root.assumed': true }],
  ['a-bare-pod-is-its-own-root', 'Pod.Create', { 'kspan.change.time': '2026-03-01T10:00:00Z' }],
  ['a-related-object-is-affected', 'Widget.Synced', { 'kspan.edge.evidence': 'related' }],
  ['a-deleted-pod-opens-its-own-trace', 'Pod.Killing', { 'kspan.edge.evidence': 'deletion' }],
  ['a-folded-creation-gets-a-create-span', 'Pod.Create', { 'kspan.edge.evidence': 'owner' }],
  ['a-bare-pod-is-its-own-root', 'Pod.Started', { 'kspan.edge.evidence': 'root' }],
  ['a-pod-event-before-its-replicaset', 'Pod.Started', { 'kspan.edge.evidence': 'rule' }],
  ['events-hours-late-make-one-trace-at-their-own-time', 'Pod.Scheduled', { 'kspan.late': true }],
  ['events-hours-late-make-one-trace-at-their-own-time', 'Pod.Started', { 'kspan.late': true }],
  [
    'an-adopted-replicaset-belongs-to-its-new-owner',
    'Pod.Killing',
    { 'k8s.deployment.name': 'web', 'kspan.edge.evidence': 'owner' },
  ],
  ['what-comes-late-begins-and-ends-no-phase', 'Pod.Unhealthy', { 'kspan.late': true }],
  [
    'an-event-belongs-to-its-objects-namespace',
    'Deployment.ResourceActionRan',
    { 'k8s.namespace.name': 'shop' },
  ],
  ['a-chain-of-sixteen-owners-has-one-root', 'Widget.Activity', { 'k8s.object.name': 'w-01' }],
  ...cut('what-no-event-ends-is-cut-at-its-time', [
    ...['Pod.FailedScheduling', 'Pod.FailedAttachVolume', 'Pod.FailedMount', 'Pod.BackOff'],
    ...['Pod.FailedCreatePodSandBox', 'Pod.Unhealthy', 'Pod.TaintManagerEviction'],
  ]),
  ...cut('a-start-up-that-goes-no-further-is-cut-at-its-time', [
    ...['Pod.SuccessfulAttachVolume', 'Pod.Pulling', 'Pod.Pulled', 'Pod.Created'],
  ]),
  ...cut('a-wait-of-a-node-a-claim-or-a-job-has-its-own-time', [
    ...['Node.NodeNotReady', 'Job.Activity'],
    ...['WaitForFirstConsumer', 'ExternalProvisioning'].map((r) => `PersistentVolumeClaim.${r}`),
  ]),
];

/** All spans of these names say that they were cut. */
function cut(scenarioName: string, spans: string[]): typeof MARKS {
  return spans.map((span) => [scenarioName, span, { 'kspan.incomplete': true }]);
}

/** Runs every promise of the model against one implementation. */
export function correlatorSuite(name: string, correlate: Correlate): void {
  describe(name, () => {
    for (const { name: title, input, trace } of SCENARIOS)
      test(`${title}: the trace that a person read`, async () => {
        expect(treeText(await correlate(input))).toBe(trace);
      });

    for (const [title, span, attributes] of MARKS)
      test(`${title}: ${span} says ${Object.keys(attributes).join()}`, async () => {
        const spans = (await correlate(scenario(title).input)).filter((s) => s.name === span);
        expect(spans).not.toEqual([]);
        for (const { attributes: found } of spans) expect(found).toMatchObject(attributes);
      });

    for (const { name: title, input } of RECORDINGS) {
      test(`${title}: one span for each occurrence, parents cover their children`, async () => {
        const spans = await correlate(input);
        expectOneSpanPerOccurrence(input, spans);
        expectCovered(spans);
      });

      test(`${title} without metadata: Pod Events hang under the Event that created the Pod`, async () => {
        const events = withoutMetadata(input);
        const spans = await correlate(events);
        expectOneSpanPerOccurrence(events, spans);
        expectPodsUnderTheirCreation(spans);
      });
    }
  });
}

function expectOneSpanPerOccurrence(input: Uint8Array, spans: PlainSpan[]): void {
  const events = framesOf(input)
    .filter(({ type, object }) => object.kind === 'Event' && type !== 'DELETED')
    .map(({ object }) => `${object.metadata.uid} ${object.series?.count ?? object.count ?? 0}`);
  const found = spans
    .filter((span) => span.attributes['k8s.event.uid'] !== undefined)
    .map(
      ({ attributes }) => `${attributes['k8s.event.uid']} ${attributes['k8s.event.count'] ?? 0}`,
    );
  expect(found.sort()).toEqual([...new Set(events)].sort());
}

function expectCovered(spans: PlainSpan[]): void {
  for (const span of spans) {
    expect(span.end >= span.start).toBe(true);
    if (span.parentSpanId === undefined) continue;
    const parent = parentOf(span, spans);
    expect(parent.start <= span.start && parent.end >= span.end).toBe(true);
  }
}

function expectPodsUnderTheirCreation(spans: PlainSpan[]): void {
  const pods = spans.filter(
    ({ attributes }) =>
      attributes['k8s.object.kind'] === 'Pod' && attributes['k8s.event.reason'] !== 'Killing',
  );
  expect(pods).not.toEqual([]);
  for (const pod of pods) {
    const { name, attributes } = parentOf(pod, spans);
    expect(name).toMatch(/\.SuccessfulCreate$/);
    expect(`${attributes['k8s.event.message']}`.split(' ')).toContain(
      pod.attributes['k8s.pod.name'],
    );
  }
}

function parentOf(span: PlainSpan, spans: PlainSpan[]): PlainSpan {
  const parent = spans.find((s) => s.traceId === span.traceId && s.spanId === span.parentSpanId);
  if (!parent) throw new Error(`${span.name} has a parent that is not there`);
  return parent;
}
