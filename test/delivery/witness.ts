// What a Collector wrote down: one ExportTraceServiceRequest a line, as JSON. Files in, out comes how often
// each span arrived and whether it was the same each time. Read as a stream, since a million spans are
// gigabytes; of a span its ids and a hash are kept.
import { hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

export interface Witness {
  /** Spans that arrived, with those that came again. */
  arrivals: number;
  /** Ids of all spans, as `TRACEID SPANID`, with a hash of all that was said of each. */
  spans: ReadonlyMap<string, string>;
  /** How often the others came that came more than once, by their ids. */
  repeated: ReadonlyMap<string, number>;
  /** Of these, those that were not the same each time. */
  differing: ReadonlySet<string>;
}

interface Request {
  resourceSpans?: {
    resource: object;
    scopeSpans: { scope: object; spans: { traceId: string; spanId: string }[] }[];
  }[];
}

export async function readWitness(files: readonly string[]): Promise<Witness> {
  const spans = new Map<string, string>();
  const repeated = new Map<string, number>();
  const differing = new Set<string>();
  let arrivals = 0;
  for (const file of files) {
    for await (const line of createInterface({ input: createReadStream(file) })) {
      for (const [id, content] of spansOf(line)) {
        arrivals++;
        const before = spans.get(id);
        spans.set(id, content);
        if (before !== undefined) repeated.set(id, (repeated.get(id) ?? 1) + 1);
        if (before !== undefined && before !== content) differing.add(id);
      }
    }
  }
  return { arrivals, spans, repeated, differing };
}

export const idOf = (span: { traceId: string; spanId: string }) => `${span.traceId} ${span.spanId}`;

function* spansOf(line: string): Generator<[id: string, content: string]> {
  // The last line of a Collector that was killed may be cut.
  if (!line.endsWith('}')) return;
  const { resourceSpans = [] } = JSON.parse(line) as Request;
  for (const { resource, scopeSpans } of resourceSpans) {
    const from = JSON.stringify(resource);
    for (const { spans } of scopeSpans) {
      for (const span of spans) {
        yield [idOf(span), hash('sha1', from + JSON.stringify(span), 'base64').slice(0, 12)];
      }
    }
  }
}
