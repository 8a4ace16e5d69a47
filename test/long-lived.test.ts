// What lives for long or is very large stays readable: traces keep to their limits, each is linked to
// the one before, nothing falls out of what it belongs to. Hours pass in seconds, on the recordings' clock.
import { beforeAll, describe, expect, test } from 'vitest';
import { framesOf } from './support/frames.ts';
import {
  crashLoop,
  daemonSetRollout,
  HOUR_MS,
  MINUTE_MS,
  minutelyCronJob,
  restlessAutoscaler,
} from './support/long-lives.ts';
import { decodeOtlp } from './support/otlp.ts';
import type { PlainSpan } from './support/spans.ts';
import {
  endMs,
  grouped,
  keyOf,
  linked,
  type SpanTrace,
  startMs,
  tracesOf,
  withParents,
} from './support/traces.ts';
import { correlateInProcess } from './support/wasm-correlator.ts';

const SHARDS = 2;
const SPANS_MAX = 20_000;
const SPANS_DIRECTLY_MAX = 10_000;
const PODS = 5000;
const RUNS = 24 * 60;
const HOURS = 24;
const AUTOSCALED_MINUTES = 180;
const RESCALES = AUTOSCALED_MINUTES * 2 - 1;

/** A phase that was open at a limit may have begun before it. */
const PHASE_MAX_MS = 10 * MINUTE_MS;

interface Life {
  spans: PlainSpan[];
  traces: SpanTrace[];
}

describe(`the rollout of a DaemonSet of ${PODS} pods`, () => {
  const life = lived(() => daemonSetRollout(PODS));
  const ofChange = () => life.traces.filter(({ root }) => root.name !== 'Pod.Delete');

  test('is the trace of its change, as far as that may grow, and its episodes', () => {
    const [first, ...episodes] = ofChange();
    expect(first?.root.name).toBe('DaemonSet.Update');
    expect(first?.spans.length).toBeGreaterThanOrEqual(SPANS_DIRECTLY_MAX);
    expect(episodes.length).toBeGreaterThan(0);
    for (const { root } of episodes) expect(root.name).toBe('DaemonSet.Activity');
    expectChain(ofChange());
  });

  test('keeps the life of each pod together', () => {
    const isOfLife = ({ name }: PlainSpan) => /^Pod\.(Scheduled|Pull|Created|Started)/.test(name);
    const lives = grouped(
      withParents(life.spans).filter(([span]) => isOfLife(span)),
      ([{ attributes }]) => attributes['k8s.pod.name'],
    );
    expect(lives.size).toBe(PODS);
    const torn = [...lives].filter(
      ([, spans]) => new Set(spans.map(([, parent]) => keyOf(parent))).size > 1,
    );
    expect(torn.map(([pod]) => pod)).toEqual([]);
  });

  test('has no trace for the end of a single pod', () => {
    expect(life.traces.length - ofChange().length).toBe(0);
  });

  test('waits for nothing in vain', () => {
    expect(life.spans.filter(isCut).map(({ name }) => name)).toEqual([]);
  });
});

describe(`a CronJob that ran ${RUNS} times`, () => {
  const life = lived(() => minutelyCronJob(RUNS, false));

  test('has one trace for each run, with its Job and its pod inside', () => {
    expect(life.traces.length).toBe(RUNS);
    for (const { root, spans } of life.traces) {
      expect(root.name).toBe('CronJob.SuccessfulCreate');
      const [, job] = `${root.attributes['k8s.event.message']}`.split('Created job ');
      const pods = spans.flatMap(({ attributes }) => attributes['k8s.pod.name'] ?? []);
      expect(new Set(pods)).toEqual(new Set([`${job}-x2v`]));
    }
  });

  test('has nothing in a run but that run, and the clean-up of an old one', () => {
    const run = ['CronJob.SuccessfulCreate', 'Job.SuccessfulCreate', 'Pod.Scheduled', 'Pod.Pulled'];
    run.push('Pod.Created', 'Pod.Started', 'Job.Completed', 'CronJob.SawCompletedJob');
    life.traces.forEach(({ spans }, i) => {
      const cleanUp = i < 3 ? [] : ['CronJob.SuccessfulDelete'];
      expect(spans.map(({ name }) => name).sort()).toEqual([...run, ...cleanUp].sort());
    });
  });

  test('links each run to the one before', () => {
    expectChain(life.traces);
  });
});

describe(`a CronJob whose Events are folded and dropped, after ${RUNS} runs`, () => {
  const life = lived(() => minutelyCronJob(RUNS, true));

  test('keeps to the limits, each trace linked to the one before', () => {
    expectChain(life.traces);
    for (const trace of life.traces) expectAge(trace, HOUR_MS);
  });

  test('keeps each pod under its Job', () => {
    const starts = withParents(life.spans).filter(([{ name }]) => name === 'Pod.Started');
    expect(starts.length).toBe(RUNS);
    for (const [pod, parent] of starts)
      expect(pod.attributes['k8s.pod.name']).toBe(`${parent.attributes['k8s.job.name']}-x2v`);
  });
});

describe.each([
  ['all Events of which are written', false, 2 * HOURS + 1],
  // What was dropped leaves gaps that are longer than the idle limit.
  ['whose Events are folded and dropped', true, 10 * HOURS],
])(`a pod %s, in a crash loop for ${HOURS} hours`, (_, loses, episodesMax) => {
  const life = lived(() => crashLoop(HOURS, loses));

  test('has episodes of at most an hour, each linked to the one before', () => {
    const [first, ...episodes] = life.traces;
    expect(first?.root.name).toBe('Deployment.Create');
    for (const { root } of episodes) expect(root.name).toBe('Deployment.Activity');
    expect(life.traces.length).toBeGreaterThanOrEqual(HOURS);
    expect(life.traces.length).toBeLessThanOrEqual(episodesMax);
    expectChain(life.traces);
    for (const trace of life.traces) expectAge(trace, HOUR_MS);
  });

  test('backs off until it is started again', () => {
    const pulls = life.spans.filter(({ name }) => name === 'Pod.Pulled');
    const restarts = new Set(pulls.map(({ start }) => start));
    const waits = life.spans.filter((s) => s.name === 'Pod.BackOff' && s.end > s.start);
    expect(waits.length).toBeGreaterThan(HOURS);
    const inVain = waits.filter((span) => !restarts.has(span.end));
    for (const span of inVain) expect(isCut(span)).toBe(true);
    expect(inVain.length).toBeLessThanOrEqual(life.traces.length);
  });
});

describe(`an autoscaler that rescales every 30 s for ${AUTOSCALED_MINUTES} minutes`, () => {
  const life = lived(() => restlessAutoscaler(AUTOSCALED_MINUTES, false));
  const of = (kind: string) => life.traces.filter(({ root }) => root.name.startsWith(`${kind}.`));

  test('scales inside live traces', () => {
    const scales = withParents(life.spans).filter(([{ name }]) => name === 'Deployment.Scale');
    expect(scales.length).toBeGreaterThanOrEqual(RESCALES - of('Deployment').length);
    for (const [, parent] of scales) expect(parent.parentSpanId).toBeUndefined();
  });

  test('has each step of the ReplicaSet, and what it did to a pod, under its rescaling', () => {
    const all = withParents(life.spans);
    const steps = all.filter(([{ name }]) => name === 'Deployment.ScalingReplicaSet');
    expect(steps.length).toBe(RESCALES + 1);
    expect(new Set(steps.map(([, parent]) => keyOf(parent))).size).toBe(RESCALES + 1);
    const pods = all.filter(([{ name }]) => name.startsWith('ReplicaSet.Successful'));
    expect(new Set(pods.map(([, parent]) => keyOf(parent)))).toEqual(
      new Set(steps.map(([step]) => keyOf(step))),
    );
  });

  test.each(['Deployment', 'HorizontalPodAutoscaler'])(
    'goes on in episodes of half an hour, each linked to the one before: %s',
    (kind) => {
      expect(of(kind).length).toBe(AUTOSCALED_MINUTES / 30);
      expectChain(of(kind));
      for (const trace of of(kind)) expectAge(trace, 31 * MINUTE_MS);
    },
  );

  test('points at a trace of what it scales, each time', () => {
    const rescaled = life.spans.filter(({ name }) => name.endsWith('.SuccessfulRescale'));
    expect(rescaled.length).toBe(RESCALES);
    const ids = new Set(of('Deployment').map(({ id }) => id));
    const astray = rescaled.filter((span) => !ids.has(linked(span, 'target') ?? ''));
    expect(astray.length).toBe(0);
  });
});

/** Its spans, once they are there; and what holds for any life. */
function lived(make: () => Uint8Array): Life {
  const life: Life = { spans: [], traces: [] };
  let input: Uint8Array = new Uint8Array();
  beforeAll(() => {
    input = make();
    life.spans = decodeOtlp(correlateInProcess(input, { shards: SHARDS }));
    life.traces = tracesOf(life.spans);
  });

  test('gives each occurrence one span', () => {
    const occurrences = framesOf(input)
      .filter(({ object }) => object.kind === 'Event')
      .map(({ object: { metadata, count } }) => `${metadata.uid} ${count ?? 0}`);
    const found = life.spans
      .map(({ attributes }) => attributes)
      .filter((attributes) => attributes['k8s.event.uid'] !== undefined)
      .map((of) => `${of['k8s.event.uid']} ${of['k8s.event.count'] ?? 0}`);
    expect(found.length).toBe(occurrences.length);
    expect(new Set(found)).toEqual(new Set(occurrences));
  });

  test('has parents that cover their children, and no trace above the limits', () => {
    const isCovered = ([child, parent]: [PlainSpan, PlainSpan]) =>
      parent.start <= child.start && parent.end >= child.end;
    const uncovered = withParents(life.spans).filter((pair) => !isCovered(pair));
    expect(uncovered.map(([{ name }]) => name)).toEqual([]);
    for (const { spans } of life.traces) expect(spans.length).toBeLessThanOrEqual(SPANS_MAX);
  });
  return life;
}

function expectChain(traces: SpanTrace[]): void {
  traces.forEach(({ root }, i) => {
    expect(linked(root, 'previous')).toBe(traces[i - 1]?.id);
  });
}

/** No occurrence of a trace is later than `age` after its first; what it waits for may end later. */
function expectAge({ root, spans }: SpanTrace, age: number): void {
  const first = startMs(root);
  for (const span of spans) expect(startMs(span) - first).toBeLessThanOrEqual(age);
  expect(endMs(root) - first).toBeLessThanOrEqual(age + PHASE_MAX_MS);
}

function isCut({ attributes }: PlainSpan): boolean {
  return attributes['kspan.incomplete'] === true;
}
