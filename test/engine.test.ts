// The whole engine with its worker threads: it says what the crate says, waits for whoever is slow,
// and fails in words when a worker does.
import type { Worker } from 'node:worker_threads';
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace-base';
import { describe, expect, test } from 'vitest';
import { createEngine, type EngineOptions, type SpanSink } from '../dist/index.js';
import type { compileWasm } from '../dist/wasm.js';
import { ShardPool } from '../dist/worker/pool.js';
import { Quarantine } from '../dist/worker/quarantine.js';
import { resolveConfig } from '../src/config-load.ts';
import { type CorrelateOptions, correlatorSuite } from './correlator.suite.ts';
import { decodeOtlp } from './support/otlp.ts';
import { RECORDINGS, scenario } from './support/scenarios.ts';
import { shuffle } from './support/shuffle.ts';
import { dump, type PlainSpan, plainSpan } from './support/spans.ts';
import { chunksOf, correlateInProcess } from './support/wasm-correlator.ts';

const SHARDS = [1, 2, 5];
const SHUFFLES = 5;
const rollout = scenario('rollout').input;
const expectedRollout = dump(decodeOtlp(correlateInProcess(rollout)));

/** Keeps the bytes it gets. */
function bytesSink(written: Uint8Array[] = []): SpanSink & { written: Uint8Array[] } {
  return {
    written,
    failed: false,
    lost: { occurrences: 0, synthetic: 0, refused: 0 },
    write: async (bytes) => void written.push(bytes),
    flush: async () => {},
    close: async () => {},
    abandon: () => {},
  };
}

async function* sourceOf(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function correlate(
  chunks: Iterable<Uint8Array>,
  options: EngineOptions,
): Promise<PlainSpan[]> {
  const sink = bytesSink();
  const engine = await createEngine({ ...options, sink });
  await engine.run(sourceOf(chunks));
  await engine.close();
  return decodeOtlp(Buffer.concat(sink.written));
}

for (const shards of SHARDS)
  correlatorSuite(`the engine with ${shards} shards`, (input, options: CorrelateOptions = {}) =>
    correlate(chunksOf(input, options.batchFrames ?? 1000), { shards }),
  );

describe('the engine', () => {
  for (const { name, input } of RECORDINGS)
    test(`${name}: ${SHUFFLES} orders of arrival at each number of shards change nothing`, async () => {
      const expected = dump(decodeOtlp(correlateInProcess(input)));
      for (const shards of SHARDS)
        for (let seed = 1; seed <= SHUFFLES; seed++) {
          const spans = await correlate([shuffle(input, 1000 * shards + seed)], { shards });
          expect(dump(spans), `${shards} shards, seed ${seed}`).toBe(expected);
        }
    });

  test('how the input is cut and batched changes nothing', async () => {
    const frames = chunksOf(rollout, 1);
    expect(dump(await correlate(frames, { shards: 2, shardBatchBytes: 1 }))).toBe(expectedRollout);
    const crumbs = Array.from({ length: Math.ceil(rollout.length / 999) }, (_, i) =>
      rollout.subarray(i * 999, (i + 1) * 999),
    );
    const options = { shards: 2, shardBatchBytes: 5000, batchesInFlight: 1 };
    expect(dump(await correlate(crumbs, options))).toBe(expectedRollout);
  });

  test('an exporter of OpenTelemetry JS gets every span, and is left open', async () => {
    const exporter = new InMemorySpanExporter();
    const engine = await createEngine({ shards: 2, exporter, exportBatchSpans: 7 });
    await engine.push(rollout);
    const summary = await engine.close();
    const spans = exporter.getFinishedSpans();
    expect(dump(spans.map(plainSpan))).toBe(expectedRollout);
    expect(summary).toMatchObject({ frames: 116, received: 32, exported: 32, held: 0, late: 0 });
    expect(summary.exported + summary.synthetic).toBe(spans.length);
    expect(new Set(spans.map((span) => span.resource)).size).toBeLessThan(spans.length);
  });

  test('an exporter that fails ends the run with the number of spans that did not arrive', async () => {
    const exporter = {
      export: (_: unknown, done: (result: { code: number; error: Error }) => void) =>
        done({ code: 1, error: new Error('the disk is full') }),
      shutdown: async () => {},
    };
    const engine = await createEngine({ shards: 1, exporter });
    await engine.push(rollout);
    await expect(engine.close()).rejects.toMatchObject({
      code: 'delivery_failed',
      message: '35 spans were not delivered to the exporter: the disk is full',
    });
    expect(engine.summary()).toMatchObject({ exported: 0, synthetic: 0, undelivered: 35, held: 0 });
  });

  test('flush delivers what is finished and leaves the rest open', async () => {
    const exporter = new InMemorySpanExporter();
    const engine = await createEngine({ shards: 2, exporter });
    await engine.push(rollout);
    await engine.flush();
    const open = exporter.getFinishedSpans().length;
    expect(open).toBeLessThan(35);
    await engine.push(frameOfAnHourLater());
    await engine.flush();
    expect(exporter.getFinishedSpans().length).toBe(35);
    await engine.close();
  });

  test('a slow sink holds up the source', async () => {
    const { sink, blocked, open } = gatedSink(2);
    const engine = await createEngine({
      shards: 1,
      batchesInFlight: 2,
      shardBatchBytes: 1000,
      sink,
    });
    let pulled = 0;
    const source = async function* () {
      for (const chunk of manyTimes(rollout, 20)) {
        pulled += 1;
        yield chunk;
      }
    };
    const running = engine.run(source());
    await blocked;
    const before = pulled;
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    // One that is waiting to be sent, and one that goes into the Router before.
    expect(pulled - before).toBeLessThanOrEqual(2);
    expect(pulled).toBeLessThan(20 * chunksOf(rollout, 1).length);
    open();
    await running;
    expect(await engine.close()).toMatchObject({ frames: 20 * 116, held: 0 });
  });

  test('a sink that fails ends the run with its own error', async () => {
    const failure = new Error('no more');
    const sink = { ...bytesSink(), write: () => Promise.reject(failure) };
    const engine = await createEngine({ shards: 1, sink });
    await engine.push(rollout);
    await expect(engine.close()).rejects.toThrow('no more');
  });

  test('a source that breaks ends the run with its own error', async () => {
    const engine = await createEngine({ shards: 1, sink: bytesSink() });
    const source = async function* () {
      yield rollout;
      throw new Error('the cable is cut');
    };
    await expect(engine.run(source())).rejects.toThrow('the cable is cut');
    expect(await engine.close()).toMatchObject({ exported: 32 });
  });

  test('a signal ends the reading of a source that says nothing', async () => {
    const controller = new AbortController();
    const engine = await createEngine({ shards: 1, sink: bytesSink() });
    const source = async function* () {
      yield rollout;
      controller.abort();
      await new Promise(() => {});
    };
    await engine.run(source(), controller.signal);
    expect(await engine.close()).toMatchObject({ exported: 32, held: 0 });
  });

  test('options are checked', async () => {
    const sink = bytesSink();
    await expect(createEngine({ shards: 0, sink })).rejects.toThrow(
      'shards must be "auto" or a whole number from 1 to 64, not 0',
    );
    await expect(createEngine({ shards: 1 })).rejects.toThrow('needs an exporter or a sink');
  });

  test('more Events without receivedAt than may be held are an error of one line', async () => {
    const text = Buffer.from(rollout).toString().replaceAll('"receivedAt"', '"once"');
    const engine = await createEngine({ shards: 1, untimedBytesMax: 1000, sink: bytesSink() });
    await expect(engine.push(Buffer.from(text))).rejects.toMatchObject({ code: 'input_limit' });
    await engine.abandon();
  });
});

describe('a worker', () => {
  test('that may not be replaced ends the run with an error that names its shard', async () => {
    const started = new Promise<Worker>((resolve) => process.once('worker', resolve));
    const engine = await createEngine({ shards: 1, replacementsMax: 0, sink: bytesSink() });
    await (await started).terminate();
    const ended = engine.push(rollout).then(() => engine.close());
    await expect(ended).rejects.toMatchObject({
      code: 'worker_failed',
      message: expect.stringMatching(/^the worker of shard 0 has failed: /),
    });
    await expect(engine.push(rollout)).rejects.toMatchObject({ code: 'worker_failed' });
  });

  test('that cannot start is an error, not a wait for ever', async () => {
    const settings = resolveConfig({ shards: 1 });
    const failures: unknown[] = [];
    const starting = ShardPool.start({
      ...settings,
      module: {} as ReturnType<typeof compileWasm>,
      settings,
      quarantine: new Quarantine(settings, () => {}),
      onSpans: async () => {},
      onFailure: (error) => failures.push(error),
      onNotice: () => {},
    });
    await expect(starting).rejects.toMatchObject({ code: 'worker_start' });
    expect(failures).toEqual([]);
  });
});

/** Lets nothing pass until it is opened; `blocked` resolves when so many writes wait. */
function gatedSink(writes: number) {
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  let waiting = 0;
  let full = () => {};
  const blocked = new Promise<void>((resolve) => {
    full = resolve;
  });
  const write = async () => {
    if (++waiting === writes) full();
    await gate;
  };
  return { sink: { ...bytesSink(), write }, blocked, open };
}

/** The recording again and again, each time an hour later and with Events of other uids. */
function* manyTimes(input: Uint8Array, times: number): Generator<Uint8Array> {
  const text = Buffer.from(input).toString();
  const hour = /T(\d\d):/.exec(text)?.[1] ?? '';
  for (let time = 0; time < times; time++) {
    const later = `T${String((Number(hour) + time) % 24).padStart(2, '0')}:`;
    const day = `2026-12-${String(1 + Math.floor((Number(hour) + time) / 24)).padStart(2, '0')}`;
    const moved = text
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:/g, `${day}${later}`)
      .replaceAll(/"uid":"../g, `"uid":"${String(time).padStart(2, '0')}`);
    yield* chunksOf(Buffer.from(moved), 1);
  }
}

function frameOfAnHourLater(): Uint8Array {
  const last =
    Buffer.from(rollout)
      .toString()
      .match(/"receivedAt":"([^"]+)"/g)
      ?.at(-1) ?? '';
  const receivedAt = new Date(Date.parse(last.slice(14, -1)) + 3_600_000).toISOString();
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', uid: 'x' } };
  return Buffer.from(`${JSON.stringify({ type: 'ADDED', receivedAt, object })}\n`);
}
