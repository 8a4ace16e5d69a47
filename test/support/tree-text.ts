// Spans as the tree that a person writes by hand in a scenario's trace.txt: written from the contract,
// apart from the program's own printer, so that each checks the other.
import { causalRank } from '../../src/model.ts';
import type { PlainSpan } from './spans.ts';

/** One line a span and one a link, traces apart by an empty line. */
export function treeText(spans: PlainSpan[]): string {
  const roots = spans.filter((span) => span.parentSpanId === undefined);
  roots.sort((a, b) => compare(a.start, b.start) || compare(a.traceId, b.traceId));
  const traces = roots.map((root) => {
    const lines: string[] = [];
    print(
      root,
      spans.filter((span) => span.traceId === root.traceId),
      root,
      lines,
      0,
      undefined,
    );
    return lines.join('\n');
  });
  return `${traces.join('\n\n')}\n`;
}

function print(
  span: PlainSpan,
  trace: PlainSpan[],
  root: PlainSpan,
  lines: string[],
  depth: number,
  parent: number | undefined,
): void {
  const number = lines.filter((line) => !line.trimStart().startsWith('~ ')).length;
  const indent = '  '.repeat(depth);
  const message = `${span.attributes['k8s.event.message'] ?? ''}`.replaceAll('\n', '\\n');
  const times = `+${seconds(span.start - root.start)} ${seconds(span.end - span.start)}`;
  const words = [
    `${indent}${number}: ${span.resource['service.name']} ${span.name}`,
    ...(parent === undefined ? [] : [`(${parent})`]),
    `[${times}${span.error === undefined ? '' : ' ERROR'}]`,
    ...(message === '' ? [] : [message]),
  ];
  lines.push(words.join(' '));
  for (const { kind, traceId } of span.links) lines.push(`${indent}~ ${kind} ${traceId}`);
  const children = trace.filter((child) => child.parentSpanId === span.spanId);
  children.sort(
    (a, b) =>
      compare(a.start, b.start) ||
      causalRank(a.attributes['k8s.event.reason']) - causalRank(b.attributes['k8s.event.reason']) ||
      compare(a.spanId, b.spanId),
  );
  for (const child of children) print(child, trace, root, lines, depth + 1, number);
}

const seconds = (nanos: bigint): string => (Number(nanos) / 1e9).toFixed(3);
const compare = <T extends bigint | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
