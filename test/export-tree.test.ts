// The tree: every scenario as a person wrote it, and what no recording happens to show.
import { describe, expect, test } from 'vitest';
import { SpanDecoder } from '../src/export/decode.ts';
import { formatTree } from '../src/export/tree.ts';
import { SCENARIOS } from './support/scenarios.ts';
import { type PlainSpan, readableSpan } from './support/spans.ts';
import { correlateInProcess } from './support/wasm-correlator.ts';

describe('a tree', () => {
  for (const { name, input, trace } of SCENARIOS)
    test(`${name}: is printed as a person wrote it`, () => {
      expect(formatTree(new SpanDecoder().decode(correlateInProcess(input)))).toBe(trace);
    });

  function span(
    id: string,
    parent: string | undefined,
    change: Partial<PlainSpan> = {},
  ): PlainSpan {
    return {
      traceId: 'a'.repeat(32),
      spanId: id.repeat(16),
      parentSpanId: parent?.repeat(16),
      name: 'Pod.Started',
      start: 0n,
      end: 0n,
      error: undefined,
      resource: { 'service.name': 'kubelet' },
      attributes: { 'k8s.event.reason': 'Started', 'k8s.event.message': 'up' },
      links: [],
      ...change,
    };
  }

  const tree = (...spans: PlainSpan[]) => formatTree(spans.map(readableSpan));

  test('rounds half a millisecond up', () => {
    const times = [499_999n, 500_000n, 1_499_999n, 1_500_000n, 59_999_500_000n];
    const spans = times.map((end, i) => span(String(i + 1), i ? '1' : undefined, { end }));
    expect(tree(...spans)).toBe(
      [
        '0: kubelet Pod.Started [+0.000 0.000] up\n',
        '  1: kubelet Pod.Started (0) [+0.000 0.001] up\n',
        '  2: kubelet Pod.Started (0) [+0.000 0.001] up\n',
        '  3: kubelet Pod.Started (0) [+0.000 0.002] up\n',
        '  4: kubelet Pod.Started (0) [+0.000 60.000] up\n',
      ].join(''),
    );
  });

  test('says how long before its root a span began', () => {
    const root = span('1', undefined, { start: 2_000_000_000n, end: 2_000_000_000n });
    const late = span('2', '1', { start: 1_499_500_000n, end: 1_499_500_000n });
    expect(tree(root, late)).toContain('  1: kubelet Pod.Started (0) [-0.500 0.000] up\n');
  });

  test('shows the links of a span below it, and counts spans only', () => {
    const link = (kind: string, id: string) => ({
      ...{ kind, traceId: id.repeat(32), spanId: id.repeat(16), attributes: {} },
    });
    const root = span('1', undefined, { links: [link('previous', 'b'), link('owner', 'c')] });
    const child = span('2', '1', { links: [link('node\n', 'd')] });
    expect(tree(root, child, span('3', '2'))).toBe(
      [
        '0: kubelet Pod.Started [+0.000 0.000] up\n',
        `~ previous ${'b'.repeat(32)}\n`,
        `~ owner ${'c'.repeat(32)}\n`,
        '  1: kubelet Pod.Started (0) [+0.000 0.000] up\n',
        `  ~ node\\n ${'d'.repeat(32)}\n`,
        '    2: kubelet Pod.Started (1) [+0.000 0.000] up\n',
      ].join(''),
    );
  });

  test('orders children by start, causal rank and span id', () => {
    const of = (id: string, reason: string, start: bigint) =>
      span(id, 'f', {
        attributes: { 'k8s.event.reason': reason },
        name: `Pod.${reason}`,
        start,
        end: start,
      });
    const spans = [
      of('5', 'Killing', 5n),
      of('4', 'Pulled', 5n),
      of('3', 'Scheduled', 5n),
      of('2', 'Pulled', 5n),
      of('1', 'Killing', 4n),
      span('f', undefined, { end: 10n }),
    ];
    const names = [...tree(...spans).matchAll(/Pod\.(\w+) \(/g)].map((match) => match[1]);
    expect(names).toEqual(['Killing', 'Scheduled', 'Pulled', 'Pulled', 'Killing']);
  });

  test('shows control characters escaped, and everything else as it is', () => {
    const message = 'a\nb\r\tc\u001b[31mred\u007f\u0085\u009b31m \\n ü 世界 \u2028';
    const attributes = { 'k8s.event.message': message };
    expect(tree(span('1', undefined, { attributes }))).toBe(
      '0: kubelet Pod.Started [+0.000 0.000] a\\nb\\r\\tc\\x1b[31mred\\x7f\\x85\\x9b31m \\n ü 世界 \u2028\n',
    );
  });

  test('shows a span whose parent is not there', () => {
    expect(tree(span('1', undefined), span('2', '9', { start: 1n, end: 1n }))).toBe(
      '0: kubelet Pod.Started [+0.000 0.000] up\n1: kubelet Pod.Started [+0.000 0.000] up\n',
    );
  });

  test('orders traces by their root, with an empty line between', () => {
    const of = (trace: string, start: bigint) =>
      span('1', undefined, { traceId: trace.repeat(32), start, end: start, name: `T.${trace}` });
    const lines = tree(of('c', 1n), of('b', 2n), of('a', 2n)).split('\n');
    expect(lines.map((text) => text.slice(0, 14))).toEqual([
      '0: kubelet T.c',
      '',
      '0: kubelet T.a',
      '',
      '0: kubelet T.b',
      '',
    ]);
  });
});
