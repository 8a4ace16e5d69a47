// Spans that a back end has not taken: how much of them memory holds, what goes to disk then, and what the
// next run finds there. Runs kspan as a user would; what only a race shows is shown on the room itself.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BatchingSink, type BatchTarget, type SendResult } from '../src/export/batching.ts';
import type { SpanBytes } from '../src/export/split.ts';
import { Spool } from '../src/export/spool.ts';
import { kspan, messages } from './support/kspan.ts';
import { decodeOtlp } from './support/otlp.ts';
import { scenario } from './support/scenarios.ts';
import { dump } from './support/spans.ts';
import { startTraceReceiver } from './support/trace-receiver.ts';
import { correlateInProcess } from './support/wasm-correlator.ts';

const recording = fileURLToPath(new URL('scenarios/rollout/events.ndjson', import.meta.url));
const bytes = correlateInProcess(scenario('rollout').input);
const spans = decodeOtlp(bytes);
const AWAY = 'http://127.0.0.1:1';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kspan-spool-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const files = () => readdirSync(folder).sort();

function replay(endpoint: string, ...args: string[]) {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10' };
  const given = ['--spool-dir', folder, '--export-give-up-ms', '1', ...args];
  return kspan(['replay', recording, '--format', 'otlp', ...given], { env });
}

describe('--spool-dir', () => {
  test('keeps what did not arrive for the next run, which sends it first', async () => {
    const first = await replay(AWAY);
    expect(first.exitCode).toBe(1);
    expect(first.summary).toMatchObject({ received: '32', exported: '0', spooled: '35' });
    expect(messages(first).at(-1)).toContain('35 of them are kept for the next run');
    const kept = files().map((file) => decodeOtlp(readFileSync(join(folder, file))));
    expect(dump(kept.flat())).toBe(dump(spans));

    const receiver = await startTraceReceiver();
    const second = await replay(receiver.endpoint);
    expect(messages(second)).toEqual([]);
    expect(second.summary).toMatchObject({ received: '32', exported: '32' });
    const arrived = receiver.bodies.map(decodeOtlp);
    expect(dump(arrived.flat())).toBe(dump([...spans, ...spans]));
    expect(arrived.slice(0, kept.length)).toEqual(expect.arrayContaining(kept));
    expect(files()).toEqual([]);
    await receiver.close();
  });

  test('takes no more than its limit; the rest is lost, and counted', async () => {
    const { summary } = await replay(AWAY, '--spool-bytes-max', '12000');
    const spooled = Number(summary.spooled);
    expect(spooled).toBeGreaterThan(0);
    expect(spooled + Number(summary.undelivered)).toBe(35);
    expect(files().flatMap((file) => decodeOtlp(readFileSync(join(folder, file))))).toHaveLength(
      spooled,
    );
  });

  test('tells of a file that is damaged, and goes on with the others', async () => {
    await replay(AWAY);
    const [damaged, ...whole] = files();
    writeFileSync(join(folder, damaged!), 'no spans');
    const rest = whole.flatMap((file) => decodeOtlp(readFileSync(join(folder, file))));
    const receiver = await startTraceReceiver();
    const outcome = await replay(receiver.endpoint);
    expect(outcome).toMatchObject({ exitCode: 0, summary: { exported: '32' } });
    expect(messages(outcome)[0]).toMatch(/(\d+) spans in .*-\1\.otlp are lost: it is damaged/);
    expect(dump(receiver.bodies.flatMap(decodeOtlp))).toBe(dump([...rest, ...spans]));
    expect(files()).toEqual([]);
    await receiver.close();
  });

  test('removes what a crash has left of a file, and leaves what is not its own', async () => {
    writeFileSync(join(folder, '000000000001-10.otlp.123'), 'half of it');
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    const receiver = await startTraceReceiver();
    expect((await replay(receiver.endpoint)).exitCode).toBe(0);
    expect(files()).toEqual(['notes.txt']);
    await receiver.close();
  });

  test.each([
    ['in what is no folder', 'file', 'a part of the path is not a directory'],
    ['in a folder whose parent is not there', join('no', 'where'), 'no such file'],
  ])('%s is one line and exit code 2', async (_, name, reason) => {
    writeFileSync(join(folder, 'file'), '');
    const path = name === 'file' ? join(folder, name, 'spool') : join(folder, name);
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: AWAY };
    const args = ['replay', recording, '--format', 'otlp', '--spool-dir', path];
    const outcome = await kspan(args, { env });
    expect(outcome.exitCode).toBe(2);
    expect(messages(outcome)).toEqual([`kspan: cannot keep spans in ${path}: ${reason}`]);
  });
});

describe('the room for spans that have not arrived', () => {
  const limits = {
    batchSpans: 10,
    batchBytes: 1 << 20,
    roomBytes: bytes.length,
    roomSpans: 1_000_000,
    delayMs: 60_000,
    inFlight: 1,
  };
  const openSpool = (bytesMax = 1 << 30) => Spool.open(folder, { bytesMax, onNotice: () => {} });

  /** Answers a request when it is told to. */
  class Held implements BatchTarget {
    readonly name = 'held';
    readonly sent: SpanBytes[] = [];
    readonly answers: ((result: SendResult) => void)[] = [];
    send(batch: SpanBytes): Promise<SendResult> {
      this.sent.push(batch);
      return new Promise((resolve) => this.answers.push(resolve));
    }
    async close() {}
    async answerAll(isDone: () => boolean) {
      while (!isDone()) {
        this.answers.shift()?.({ refused: 0 });
        await new Promise(setImmediate);
      }
    }
  }

  test('holds no more in memory than it may: the rest waits on disk, and all goes out in order', async () => {
    const target = new Held();
    const sink = new BatchingSink(target, limits, openSpool());
    for (let n = 0; n < 10; n++) await sink.write(bytes, spans.length);
    expect(sink.exports.waitingBytes).toBeLessThanOrEqual(limits.roomBytes + 10_000);
    expect(files().length).toBeGreaterThan(20);
    expect(sink.exports.waitingSpans + target.sent[0]!.spanCount).toBe(10 * spans.length);
    let done = false;
    void sink.flush().then(() => {
      done = true;
    });
    await target.answerAll(() => done);
    const arrived = target.sent.flatMap((batch) => decodeOtlp(batch.bytes));
    expect(arrived).toEqual(Array.from({ length: 10 }, () => spans).flat());
    expect(sink.exports).toMatchObject({
      deliveredSpans: 10 * spans.length,
      waitingBytes: 0,
      spoolBytes: 0,
    });
  });

  test('makes whoever writes wait when the disk is full too', async () => {
    const target = new Held();
    const sink = new BatchingSink(target, limits, openSpool(bytes.length));
    let written = 0;
    const writing = (async () => {
      for (; written < 5; written++) await sink.write(bytes, spans.length);
    })();
    while (files().length < 3) await new Promise(setImmediate);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(written).toBeLessThan(4);
    await target.answerAll(() => written === 5);
    await writing;
  });

  test('given up leaves on disk what has a place there, wherever it was', async () => {
    const target = new Held();
    const sink = new BatchingSink(target, limits, openSpool());
    for (let n = 0; n < 3; n++) await sink.write(bytes, spans.length);
    sink.abandon();
    expect(sink.kept).toEqual({ occurrences: 96, synthetic: 9 });
    expect(sink.lost).toEqual({ occurrences: 0, synthetic: 0, refused: 0 });
    const kept = files().flatMap((file) => decodeOtlp(readFileSync(join(folder, file))));
    expect(dump(kept)).toBe(dump([...spans, ...spans, ...spans]));
  });

  test('loses nothing where the disk fails: it is told, and whoever writes waits', async () => {
    const lines: string[] = [];
    mkdirSync(join(folder, 'gone'));
    const spool = Spool.open(join(folder, 'gone'), {
      bytesMax: 1 << 30,
      onNotice: (line) => lines.push(line),
    });
    rmSync(join(folder, 'gone'), { recursive: true });
    const target = new Held();
    const sink = new BatchingSink(target, limits, spool);
    let done = false;
    const writing = (async () => {
      for (let n = 0; n < 4; n++) await sink.write(bytes, spans.length);
      await sink.flush();
      done = true;
    })();
    while (lines.length === 0) await new Promise(setImmediate);
    expect(lines[0]).toContain('cannot keep spans in');
    await target.answerAll(() => done);
    await writing;
    expect(target.sent.flatMap((batch) => decodeOtlp(batch.bytes))).toHaveLength(4 * spans.length);
  });

  test('tells a checkpoint what has not arrived and is in memory only', async () => {
    const target = new Held();
    const sink = new BatchingSink(target, limits, openSpool());
    for (let n = 0; n < 4; n++) await sink.write(bytes, spans.length);
    const spooled = files().map((file) => decodeOtlp(readFileSync(join(folder, file))));
    const unsettled = sink.unsettled().map((batch) => decodeOtlp(batch.bytes));
    expect(dump([...unsettled, ...spooled].flat())).toBe(
      dump(Array.from({ length: 4 }, () => spans).flat()),
    );
  });
});
