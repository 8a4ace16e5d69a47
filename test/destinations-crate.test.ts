// Which destination a span is for, by the WASM that users get: every span is for one, and which one
// depends on nothing but the rules and what the recording tells of Namespaces.
import { describe, expect, test } from 'vitest';
import { resolveConfig } from '../src/config-load.ts';
import { compileWasm, type DestinationRule, WasmCorrelator, WasmRouter } from '../src/wasm.ts';
import { decodeOtlp } from './support/otlp.ts';
import { dump, type PlainSpan } from './support/spans.ts';
import { namespaceFrame, tenantsRecording } from './support/tenants.ts';
import { chunksOf, correlateInProcess } from './support/wasm-correlator.ts';

const SHARDS = [1, 2, 5];
const module = compileWasm();

const named = (...namespaces: string[]): DestinationRule => ({ namespaces, labels: {} });
const labelled = (team: string): DestinationRule => ({ namespaces: [], labels: { team } });

interface Options {
  shards?: number;
  batchFrames?: number;
  /** The rules change behind so many batches, with a snapshot between. */
  before?: { batches: number; rules: readonly DestinationRule[] };
}

/** Spans by the number of their destination, with `before` only those that left after it. */
function correlate(input: Uint8Array, rules: readonly DestinationRule[], options: Options = {}) {
  const { shards = 1, batchFrames = 10, before } = options;
  const settingsOf = (destinations: readonly DestinationRule[]) => {
    return { ...resolveConfig({ shards }), destinations };
  };
  const settings = settingsOf(rules);
  const first = settingsOf(before?.rules ?? rules);
  let router = new WasmRouter(module, first);
  let correlators = Array.from({ length: shards }, () => new WasmCorrelator(module, first));
  const spans = [...rules, undefined].map((): PlainSpan[] => []);
  let isTaken = !before;
  const exchange = () => {
    correlators.forEach((correlator, shard) => {
      correlator.push(router.take(shard, true));
      for (const { destination, bytes, spanCount } of correlator.drain()) {
        const decoded = decodeOtlp(bytes);
        expect(decoded).toHaveLength(spanCount);
        if (isTaken) spans[destination]!.push(...decoded);
      }
    });
  };
  chunksOf(input, batchFrames).forEach((chunk, index) => {
    if (index === before?.batches) {
      router = WasmRouter.restore(module, settings, router.snapshot());
      correlators = correlators.map((one) =>
        WasmCorrelator.restore(module, settings, one.snapshot()),
      );
      isTaken = true;
    }
    router.push(chunk);
    exchange();
  });
  while (!router.finish()) exchange();
  exchange();
  return spans;
}

const namespaceOf = ({ attributes }: PlainSpan) => attributes['k8s.namespace.name'];
const namespacesIn = (spans: PlainSpan[]) => [...new Set(spans.map(namespaceOf))].sort();

/** As it is at any number of shards and in any batches. */
function expectAnywhere(input: Uint8Array, rules: readonly DestinationRule[]): PlainSpan[][] {
  const all = dump(decodeOtlp(correlateInProcess(input)));
  const expected = correlate(input, rules);
  expect(dump(expected.flat())).toBe(all);
  for (const shards of SHARDS)
    for (const batchFrames of [1, 50, 1000]) {
      const found = correlate(input, rules, { shards, batchFrames });
      expect(found.map(dump), `${shards} shards`).toEqual(expected.map(dump));
    }
  return expected;
}

describe('a span is for one destination', () => {
  test('by the name of its namespace, and for the ordinary one when nobody claims it', () => {
    const input = tenantsRecording(['shop', 'pay-eu', 'pay-us']);
    const spans = expectAnywhere(input, [named('pay-eu', 'bank'), named('pay-*')]);
    expect(spans.map(namespacesIn)).toEqual([['shop'], ['pay-eu'], ['pay-us']]);
  });

  test('by the labels of its Namespace as they are when it leaves', () => {
    const input = tenantsRecording(
      ['early', 'late', 'moved', 'never', 'gone'],
      [
        namespaceFrame('early', 0, { team: 'a' }),
        namespaceFrame('late', 30, { team: 'a' }),
        namespaceFrame('moved', 0, { team: 'a' }),
        namespaceFrame('moved', 38, { team: 'b' }),
        namespaceFrame('gone', 0, { team: 'a' }),
        namespaceFrame('gone', 29, { team: 'a' }, 'DELETED'),
      ],
    );
    const [unclaimed, a, b] = expectAnywhere(input, [labelled('a'), labelled('b')]);
    expect(namespacesIn(unclaimed!)).toEqual(['never']);
    expect(namespacesIn(a!)).toEqual(['early', 'gone', 'late', 'moved']);
    expect(namespacesIn(b!)).toEqual(['moved']);
  });

  test('by both, and what is in no namespace is for the ordinary one', () => {
    const told = ['pay-eu', 'pay-us', 'shop'].map((name) =>
      namespaceFrame(name, 0, { team: name === 'pay-us' ? 'b' : 'a' }),
    );
    const input = tenantsRecording(['shop', 'pay-eu', 'pay-us'], told);
    const spans = expectAnywhere(input, [{ namespaces: ['pay-*'], labels: { team: 'a' } }]);
    expect(spans.map(namespacesIn)).toEqual([['pay-us', 'shop'], ['pay-eu']]);
  });

  test('an older version of a Namespace tells nothing', () => {
    const old = {
      ...namespaceFrame('shop', 10, { team: 'b' }),
      receivedAt: '2026-11-22T15:31:25Z',
    };
    const input = tenantsRecording(['shop'], [namespaceFrame('shop', 20, { team: 'a' }), old]);
    const spans = correlate(input, [labelled('a'), labelled('b')]);
    expect(spans.map(namespacesIn)).toEqual([[], ['shop'], []]);
  });

  test('by the rules that hold when it leaves, also when a snapshot was taken under others', () => {
    const told = [namespaceFrame('shop', 0, { team: 'a' }), namespaceFrame('bank', 0, {})];
    const input = tenantsRecording(['shop', 'bank', 'pay-eu'], told);
    const rules = [labelled('a'), named('pay-*')];
    for (const shards of SHARDS)
      for (const batches of [1, 12, 24]) {
        const same = correlate(input, rules, { shards, before: { batches, rules } });
        for (const others of [[], [named('*')], [...rules].reverse()]) {
          const before = { batches, rules: others };
          const found = correlate(input, rules, { shards, before });
          expect(found.map(dump)).toEqual(same.map(dump));
          expect(found.map(namespacesIn)).toEqual([['bank'], ['shop'], ['pay-eu']]);
        }
      }
  });
});
