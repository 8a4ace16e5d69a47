// Cuts ResourceSpans fields into pieces that fit into a request. Bytes in, bytes out: nothing is decoded
// but the tags and lengths on the way to the spans, and every piece is again ResourceSpans fields. The
// order of the spans stays.
//
// ExportTraceServiceRequest, ResourceSpans and ScopeSpans are alike: field 1 (or 3) says what all share,
// field 2 (1 in the request) repeats the next level.

/** ResourceSpans fields and the spans in them. */
export interface SpanBytes {
  bytes: Uint8Array;
  spanCount: number;
}

export interface SplitLimits {
  /** Spans in a piece. */
  spans: number;
  /** Bytes in a piece; a single span may be larger. */
  bytes: number;
}

/** A field of a message: where it starts with its tag, where its content starts, where it ends. */
interface Field {
  id: number;
  start: number;
  content: number;
  end: number;
}

const RESOURCE_SPANS = 1;
const SCOPE_SPANS = 2;
const SPANS = 2;
const LENGTH_DELIMITED = 2;

/** Pieces of at most these limits. What is small enough already is returned as it is. */
export function* splitSpans(whole: SpanBytes, limits: SplitLimits): Generator<SpanBytes> {
  if (whole.spanCount <= limits.spans && whole.bytes.length <= limits.bytes) {
    if (whole.spanCount > 0) yield whole;
    return;
  }
  const { bytes } = whole;
  for (const group of fields(bytes, 0, bytes.length)) {
    if (group.id === RESOURCE_SPANS) yield* splitGroup(bytes, group, limits);
  }
}

function* splitGroup(bytes: Uint8Array, group: Field, limits: SplitLimits): Generator<SpanBytes> {
  const resource = allBut(bytes, group, SCOPE_SPANS);
  for (const scopeSpans of fields(bytes, group.content, group.end)) {
    if (scopeSpans.id !== SCOPE_SPANS) continue;
    const scope = allBut(bytes, scopeSpans, SPANS);
    // Room for three tags and lengths of at most six bytes.
    const roomBytes = limits.bytes - resource.length - scope.length - 18;
    for (const run of runs(bytes, scopeSpans, { spans: limits.spans, bytes: roomBytes })) {
      const inner = wrap(SCOPE_SPANS, [scope, bytes.subarray(run.start, run.end)]);
      yield { bytes: wrap(RESOURCE_SPANS, [resource, inner]), spanCount: run.spanCount };
    }
  }
}

/** Neighbouring spans, as many as fit. */
function* runs(bytes: Uint8Array, scopeSpans: Field, limits: SplitLimits) {
  let run: { start: number; end: number; spanCount: number } | undefined;
  for (const span of fields(bytes, scopeSpans.content, scopeSpans.end)) {
    const full = run && (run.spanCount >= limits.spans || span.end - run.start > limits.bytes);
    if (run && (span.id !== SPANS || full)) {
      yield run;
      run = undefined;
    }
    if (span.id !== SPANS) continue;
    run = { start: run?.start ?? span.start, end: span.end, spanCount: (run?.spanCount ?? 0) + 1 };
  }
  if (run) yield run;
}

/** The fields of a message that all its spans share. */
function allBut(bytes: Uint8Array, message: Field, id: number): Buffer {
  const shared = [...fields(bytes, message.content, message.end)].filter((f) => f.id !== id);
  return Buffer.concat(shared.map((field) => bytes.subarray(field.start, field.end)));
}

/** A length-delimited field with this content. */
function wrap(id: number, parts: Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [(id << 3) | LENGTH_DELIMITED];
  let rest = length;
  for (; rest > 127; rest = Math.floor(rest / 128)) head.push((rest % 128) | 128);
  head.push(rest);
  return Buffer.concat([Buffer.from(head), ...parts]);
}

/** The length-delimited fields between two offsets; these messages have no others. */
function* fields(bytes: Uint8Array, from: number, to: number): Generator<Field> {
  for (let start = from; start < to; ) {
    const tag = varint(bytes, start);
    const length = varint(bytes, tag.end);
    const content = length.end;
    const end = content + length.value;
    if (tag.value % 8 !== LENGTH_DELIMITED || end > to) throw new Error('these are no OTLP spans');
    yield { id: Math.floor(tag.value / 8), start, content, end };
    start = end;
  }
}

function varint(bytes: Uint8Array, from: number): { value: number; end: number } {
  let value = 0;
  for (let end = from, scale = 1; end < bytes.length; scale *= 128) {
    const byte = bytes[end++]!;
    value += (byte % 128) * scale;
    if (byte < 128) return { value, end };
  }
  throw new Error('these are no OTLP spans');
}
