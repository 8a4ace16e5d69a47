// Spans as bytes on their way to a target: cut into pieces, put into batches, decoded for those who want
// objects.
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { describe, expect, test } from 'vitest';
import { BatchingSink, type BatchTarget } from '../src/export/batching.ts';
import { SpanDecoder } from '../src/export/decode.ts';
import { type SpanBytes, splitSpans } from '../src/export/split.ts';
import { decodeOtlp } from './support/otlp.ts';
import { scenario } from './support/scenarios.ts';
import { dump } from './support/spans.ts';
import { correlateInProcess } from './support/wasm-correlator.ts';

const rolloutBytes = correlateInProcess(scenario('rollout').input);
const rolloutSpans = decodeOtlp(rolloutBytes);

describe('spans cut into pieces', () => {
  const whole = { bytes: rolloutBytes, spanCount: rolloutSpans.length };

  test('are the same spans in the same order, in pieces within the limits', () => {
    for (const limits of [
      { spans: 1, bytes: 1 << 20 },
      { spans: 3, bytes: 1 << 20 },
      { spans: 1000, bytes: 2000 },
      { spans: 5, bytes: 1 },
    ]) {
      const pieces = [...splitSpans(whole, limits)];
      const spans = pieces.map(({ bytes }) => decodeOtlp(bytes));
      expect(spans.flat()).toEqual(rolloutSpans);
      for (const [index, { bytes, spanCount }] of pieces.entries()) {
        expect(spans[index]).toHaveLength(spanCount);
        expect(spanCount).toBeLessThanOrEqual(limits.spans);
        if (spanCount > 1) expect(bytes.length).toBeLessThanOrEqual(limits.bytes);
      }
    }
  });

  test('are left as they are when they fit, and nothing is no piece', () => {
    expect([...splitSpans(whole, { spans: 100, bytes: 1 << 20 })]).toEqual([whole]);
    expect([
      ...splitSpans({ bytes: new Uint8Array(), spanCount: 0 }, { spans: 1, bytes: 1 }),
    ]).toEqual([]);
  });

  test('that are none are an error', () => {
    const bytes = new Uint8Array(100).fill(255);
    expect(() => [...splitSpans({ bytes, spanCount: 9 }, { spans: 1, bytes: 1 })]).toThrow(
      'no OTLP',
    );
  });
});

describe('batches', () => {
  const limits = {
    batchSpans: 10,
    batchBytes: 1 << 20,
    roomBytes: 1 << 20,
    roomSpans: 1000,
    delayMs: 60_000,
    inFlight: 3,
  };

  /** Answers when it is told to. */
  class HeldTarget implements BatchTarget {
    readonly name = 'nowhere';
    readonly sent: SpanBytes[] = [];
    readonly answers: (() => void)[] = [];
    async send(batch: SpanBytes) {
      this.sent.push(batch);
      await new Promise<void>((resolve) => this.answers.push(resolve));
      return { refused: 0 };
    }
    async close() {}
  }

  test('go when they are full, a few at a time, in order and all', async () => {
    const target = new HeldTarget();
    const sink = new BatchingSink(target, limits);
    for (let i = 0; i < 4; i++) await sink.write(rolloutBytes, rolloutSpans.length);
    expect(target.sent).toHaveLength(3);
    const flushed = sink.flush();
    let done = false;
    void flushed.then(() => {
      done = true;
    });
    while (!done) {
      target.answers.shift()?.();
      await new Promise(setImmediate);
      expect(target.answers.length).toBeLessThanOrEqual(3);
    }
    const counts = target.sent.map(({ spanCount }) => spanCount);
    expect(Math.max(...counts)).toBeLessThanOrEqual(10);
    const spans = target.sent.flatMap(({ bytes }) => decodeOtlp(bytes));
    expect(spans).toEqual([rolloutSpans, rolloutSpans, rolloutSpans, rolloutSpans].flat());
  });

  test('that wait hold up whoever writes', async () => {
    const target = new HeldTarget();
    const sink = new BatchingSink(target, { ...limits, roomSpans: 10, inFlight: 1 });
    let written = false;
    const writing = sink.write(rolloutBytes, rolloutSpans.length).then(() => {
      written = true;
    });
    while (target.answers.length === 0) await new Promise(setImmediate);
    expect(written).toBe(false);
    while (!written) {
      target.answers.shift()?.();
      await new Promise(setImmediate);
    }
    await writing;
    expect(target.sent.length).toBeGreaterThan(1);
  });

  test('that are not full go after a time', async () => {
    const target = new HeldTarget();
    const sink = new BatchingSink(target, { ...limits, batchSpans: 1000, delayMs: 1 });
    await sink.write(rolloutBytes, rolloutSpans.length);
    while (target.sent.length === 0) await new Promise(setImmediate);
    expect(target.sent[0]?.spanCount).toBe(rolloutSpans.length);
  });

  test('given up are counted as lost, wherever they were', async () => {
    const target = new HeldTarget();
    const sink = new BatchingSink(target, { ...limits, inFlight: 1 });
    await sink.write(rolloutBytes, rolloutSpans.length);
    sink.abandon();
    expect(sink.lost).toEqual({ occurrences: 32, synthetic: 3, refused: 0 });
    target.answers.shift()?.();
    await new Promise(setImmediate);
    expect(sink.lost).toEqual({ occurrences: 32, synthetic: 3, refused: 0 });
  });
});

describe('decoded spans', () => {
  test('share resource and scope, so that a serializer groups them', () => {
    const decoder = new SpanDecoder();
    const spans = [...decoder.decode(rolloutBytes), ...decoder.decode(rolloutBytes)];
    const distinct = new Set(rolloutSpans.map(({ resource }) => JSON.stringify(resource)));
    expect(new Set(spans.map(({ resource }) => resource)).size).toBe(distinct.size);
    expect(new Set(spans.map(({ instrumentationScope }) => instrumentationScope)).size).toBe(1);
    const again = ProtobufTraceSerializer.serializeRequest(spans.slice(0, rolloutSpans.length));
    expect(dump(decodeOtlp(again ?? new Uint8Array()))).toBe(dump(rolloutSpans));
  });
});
