// The sink of `--format tree`: all spans of the run as text, one line each, traces one after another.
//
//   N: SERVICE NAME (P) [+OFFSET DURATION ERROR] MESSAGE
//   ~ KIND TRACEID
//
// N counts within the trace in the order printed and P is the N of the parent; OFFSET is from the root
// and, like DURATION, in seconds; ERROR stands only where the status says so. A span's links follow
// it. Children are ordered by start, causal rank and span id, traces by start and trace id, with an
// empty line between them. Control characters are escaped, so no message can play tricks on a
// terminal. A tree is for people: beyond a limit of spans it is refused.
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { ExportError } from '../errors.js';
import { ATTRIBUTE, causalRank, endNanos, isOccurrence, startNanos } from '../model.js';
import { SpanDecoder } from './decode.js';
import type { Output } from './output.js';
import { type LostSpans, NOTHING_LOST, type SpanSink } from './sink.js';

/** What a line needs of a span. */
interface TreeSpan {
  traceId: string;
  spanId: string;
  parentId: string | undefined;
  start: bigint;
  end: bigint;
  rank: number;
  isOccurrence: boolean;
  isError: boolean;
  /** Service and name. */
  title: string;
  message: string;
  /** Kind and trace of each link. */
  links: string[];
}

const ERROR_STATUS = 2;
const NANOS_PER_MILLI = 1_000_000n;

export class TreeSink implements SpanSink {
  readonly failed = false;
  lost: LostSpans = NOTHING_LOST;
  readonly #output: Output;
  readonly #spansMax: number;
  readonly #decoder = new SpanDecoder();
  readonly #spans: TreeSpan[] = [];

  constructor(output: Output, spansMax: number) {
    this.#output = output;
    this.#spansMax = spansMax;
  }

  async write(bytes: Uint8Array, spanCount: number): Promise<void> {
    if (this.#spans.length + spanCount > this.#spansMax) {
      const message = `a tree shows at most ${this.#spansMax} spans; use --format otlp-json`;
      throw new ExportError('tree_too_large', message);
    }
    for (const span of this.#decoder.decode(bytes)) this.#spans.push(treeSpan(span));
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {
    let separator = '';
    for (const text of treeTexts(this.#spans)) {
      await this.#output.write(separator + text);
      separator = '\n';
    }
    await this.#output.close();
  }

  abandon(): void {
    const occurrences = this.#spans.filter((span) => span.isOccurrence).length;
    this.lost = { occurrences, synthetic: this.#spans.length - occurrences, refused: 0 };
  }
}

/** All traces of these spans as one text. */
export function formatTree(spans: readonly ReadableSpan[]): string {
  return [...treeTexts(spans.map(treeSpan))].join('\n');
}

/** One text for each trace, in order. */
function* treeTexts(spans: readonly TreeSpan[]): Generator<string> {
  const traces = groupBy(spans, (span) => span.traceId);
  const forests = [...traces.values()].map(forest).sort((a, b) => compareTraces(a.root, b.root));
  for (const { root, tops, children } of forests) yield traceText(root.start, tops, children);
}

interface Forest {
  /** The first of `tops`. */
  root: TreeSpan;
  /** Spans whose parent is not there: one, unless a trace is incomplete. */
  tops: TreeSpan[];
  children: Map<string, TreeSpan[]>;
}

function forest(spans: readonly TreeSpan[]): Forest {
  const ids = new Set(spans.map((span) => span.spanId));
  const sorted = spans.toSorted(compareSiblings);
  const isTop = ({ parentId }: TreeSpan) => parentId === undefined || !ids.has(parentId);
  const tops = sorted.filter(isTop);
  const below = sorted.filter((span) => !isTop(span));
  return { root: tops[0]!, tops, children: groupBy(below, (span) => span.parentId!) };
}

function traceText(origin: bigint, tops: TreeSpan[], children: Forest['children']): string {
  const numbers = new Map<string, number>();
  const lines: string[] = [];
  let count = 0;
  const stack = tops.map((span) => ({ span, depth: 0 })).reverse();
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { span, depth } = next;
    const parent = span.parentId === undefined ? undefined : numbers.get(span.parentId);
    const indent = '  '.repeat(depth);
    lines.push(`${indent}${count}: ${lineOf(span, parent, origin)}\n`);
    for (const link of span.links) lines.push(`${indent}~ ${link}\n`);
    numbers.set(span.spanId, count++);
    const below = (children.get(span.spanId) ?? []).map((child) => ({
      span: child,
      depth: depth + 1,
    }));
    stack.push(...below.reverse());
  }
  return lines.join('');
}

function lineOf(span: TreeSpan, parent: number | undefined, origin: bigint): string {
  const under = parent === undefined ? '' : ` (${parent})`;
  const offset = seconds(span.start - origin);
  const sign = offset.startsWith('-') ? '' : '+';
  const error = span.isError ? ' ERROR' : '';
  const times = `[${sign}${offset} ${seconds(span.end - span.start)}${error}]`;
  return `${span.title}${under} ${times}${span.message && ` ${span.message}`}`;
}

/** Milliseconds, half up, as seconds with three decimals. */
function seconds(nanos: bigint): string {
  const doubled = 2n * nanos + NANOS_PER_MILLI;
  const divisor = 2n * NANOS_PER_MILLI;
  // BigInt division cuts towards zero; this one goes down.
  const millis = doubled >= 0n ? doubled / divisor : -((-doubled + divisor - 1n) / divisor);
  return (Number(millis) / 1000).toFixed(3);
}

function treeSpan(span: ReadableSpan): TreeSpan {
  const { traceId, spanId } = span.spanContext();
  const { attributes } = span;
  const service = span.resource.attributes[ATTRIBUTE.serviceName] ?? 'unknown';
  return {
    traceId,
    spanId,
    parentId: span.parentSpanContext?.spanId,
    start: startNanos(span),
    end: endNanos(span),
    rank: causalRank(attributes[ATTRIBUTE.reason]),
    isOccurrence: isOccurrence(span),
    isError: span.status.code === ERROR_STATUS,
    title: escapeControls(`${service} ${span.name}`),
    message: escapeControls(String(attributes[ATTRIBUTE.message] ?? '')),
    links: span.links.map(({ context, attributes }) =>
      escapeControls(`${attributes?.[ATTRIBUTE.linkKind] ?? 'link'} ${context.traceId}`),
    ),
  };
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** C0, DEL and C1 as `\n`, `\r`, `\t` or `\x1b`. */
function escapeControls(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (control) => {
    const code = control.charCodeAt(0).toString(16).padStart(2, '0');
    return SHORT_ESCAPES[control] ?? `\\x${code}`;
  });
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

function compareSiblings(a: TreeSpan, b: TreeSpan): number {
  return compare(a.start, b.start) || a.rank - b.rank || compare(a.spanId, b.spanId);
}

function compareTraces(a: TreeSpan, b: TreeSpan): number {
  return compare(a.start, b.start) || compare(a.traceId, b.traceId);
}

function compare<T extends bigint | string>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
