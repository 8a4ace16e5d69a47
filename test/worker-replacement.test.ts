// A worker that is lost, or fails at what it is given, is replaced: nothing is doubled, nothing is lost,
// and what cannot be worked on is left out, kept and counted.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { createEngine, type EngineOptions, type SpanSink } from '../dist/index.js';
import { randomFrom } from '../src/bench/random.ts';
import { kspan, messages } from './support/kspan.ts';

const SHARDS = [1, 2];
const KILLS = 20;
const CHUNK_BYTES = 32 * 1024;
const root = new URL('..', import.meta.url);
const recording = execFileSync(
  process.execPath,
  ['bench/workloads.mjs', 'mixed', '--bytes', '8e6'],
  {
    cwd: root,
    maxBuffer: 64e6,
  },
);
const dir = mkdtempSync(join(tmpdir(), 'kspan-replacement-'));
afterAll(() => rmSync(dir, { recursive: true }));

/** Keeps what it is given, each batch's spans by themselves. */
function keepingSink() {
  const written: string[] = [];
  const sink: SpanSink = {
    failed: false,
    lost: { occurrences: 0, synthetic: 0, refused: 0 },
    write: async (bytes) => void written.push(Buffer.from(bytes).toString('base64')),
    flush: async () => {},
    close: async () => {},
    abandon: () => {},
  };
  return { sink, written };
}

/** The spans of each batch, whatever the order of the shards, and the account. */
async function correlate(options: EngineOptions, between = async () => {}) {
  const { sink, written } = keepingSink();
  const engine = await createEngine({ shardBatchBytes: CHUNK_BYTES, ...options, sink });
  for (let at = 0; at < recording.length; at += CHUNK_BYTES) {
    await engine.push(recording.subarray(at, at + CHUNK_BYTES));
    await between();
  }
  const { seconds, receivedPerSecond, replaced, ...account } = await engine.close();
  return { written: written.sort(), account, replaced };
}

const undisturbed = new Map(
  await Promise.all(SHARDS.map(async (shards) => [shards, await correlate({ shards })] as const)),
);

describe('a worker that is lost', () => {
  let onWorker: ((worker: Worker) => void) | undefined;
  afterEach(() => {
    if (onWorker) process.off('worker', onWorker);
  });

  /** Ends threads by seeded choice, also those that are just being sent what others were sent. */
  function killer(seed: number) {
    const random = randomFrom(seed);
    const threads = new Set<Worker>();
    let kills = 0;
    const kill = (worker: Worker | undefined) => {
      if (!worker || kills >= KILLS || !threads.delete(worker)) return;
      kills += 1;
      void worker.terminate();
    };
    onWorker = (worker) => {
      threads.add(worker);
      worker.once('exit', () => threads.delete(worker));
      if (kills > 0 && random() < 0.4) void sleep(random() * 60).then(() => kill(worker));
    };
    process.on('worker', onWorker);
    const between = async () => {
      if (random() < 0.2) kill([...threads][Math.floor(random() * threads.size)]);
    };
    return { between, kills: () => kills };
  }

  for (const shards of SHARDS)
    for (const [seed, journalBytesMax] of [8 << 20, 200_000, 0].entries())
      test(`${KILLS} times during a replay does not show: ${shards} shards, a journal of ${journalBytesMax} bytes`, async () => {
        const { between, kills } = killer(10 * shards + seed);
        const limits = { journalBytesMax, replacementsMax: KILLS };
        const { written, account, replaced } = await correlate({ shards, ...limits }, between);
        expect(kills()).toBe(KILLS);
        expect(replaced).toBeGreaterThan(0);
        expect(account).toEqual(undisturbed.get(shards)!.account);
        expect(account.held).toBe(0);
        expect(written).toEqual(undisturbed.get(shards)!.written);
      });

  test('while it has nothing to do is replaced, too', async () => {
    const started = new Promise<Worker>((resolve) => process.once('worker', resolve));
    const { sink, written } = keepingSink();
    const options = { shards: 1, shardBatchBytes: CHUNK_BYTES, sink };
    const engine = await createEngine(options);
    const half = Math.floor(recording.length / CHUNK_BYTES / 2) * CHUNK_BYTES;
    for (let at = 0; at < recording.length; at += CHUNK_BYTES) {
      await engine.push(recording.subarray(at, at + CHUNK_BYTES));
      if (at !== half) continue;
      await engine.snapshot();
      const again = new Promise((resolve) => process.once('worker', resolve));
      await (await started).terminate();
      await again;
    }
    expect(await engine.close()).toMatchObject({ replaced: 1, held: 0 });
    const all = (chunks: string[]) =>
      Buffer.concat(chunks.map((chunk) => Buffer.from(chunk, 'base64'))).length;
    expect(all(written)).toBe(all(undisturbed.get(1)!.written));
  });

  test('is not waited for when the engine is abandoned', async () => {
    const { sink } = keepingSink();
    const engine = await createEngine({ shards: 2, sink });
    await engine.push(recording);
    const closing = engine.close();
    await engine.abandon();
    await expect(closing).rejects.toMatchObject({ code: 'worker_failed' });
  });

  test('more often in a row than --replacements-max ends the run', async () => {
    onWorker = (worker) => void worker.once('online', () => worker.terminate());
    const started = new Promise<Worker>((resolve) => process.once('worker', resolve));
    const { sink } = keepingSink();
    const engine = await createEngine({ shards: 1, replacementsMax: 3, sink });
    process.on('worker', onWorker);
    await (await started).terminate();
    await engine.push(recording.subarray(0, CHUNK_BYTES));
    await expect(engine.close()).rejects.toMatchObject({
      code: 'worker_failed',
      message: expect.stringMatching(/^the worker of shard 0 has failed: /),
    });
    expect(engine.summary().replaced).toBe(3);
  });
});

describe('a worker that fails at what it is given', () => {
  const poison = new URL('./support/poison.mjs', import.meta.url).href;
  const MARKER = 'a-poisonous-word';
  const lines = recording.toString().trimEnd().split('\n');
  const short = lines.slice(0, 600);
  const at = Math.floor(short.length / 2);

  const receivedAt = /"receivedAt":"[^"]+"/.exec(short[at]!)![0];
  const pod = (name: string) => ({ kind: 'Pod', apiVersion: 'v1', namespace: 'apart', name });
  const time = `${receivedAt.slice(14, 33)}Z`;

  function poisonedEvent(name: string): string {
    const metadata = { name, namespace: 'apart', uid: `event-${name}`, creationTimestamp: time };
    const involvedObject = { ...pod(name), uid: `pod-${name}` };
    const what = { reason: 'Odd', message: MARKER, type: 'Normal', count: 1 };
    const times = { firstTimestamp: time, lastTimestamp: time };
    const object = { kind: 'Event', apiVersion: 'v1', metadata, involvedObject, ...what, ...times };
    return `{"type":"ADDED",${receivedAt},"object":${JSON.stringify(object)}}`;
  }

  function poisonedMetadata(name: string): string {
    const { kind, apiVersion, namespace } = pod(name);
    const metadata = { name, namespace, uid: `pod-${name}`, labels: { word: MARKER } };
    const object = { kind, apiVersion, metadata: { ...metadata, creationTimestamp: time } };
    return `{"type":"ADDED",${receivedAt},"object":${JSON.stringify(object)}}`;
  }

  let runs = 0;
  async function replay(input: readonly string[], env: Record<string, string>, args: string[]) {
    const run = join(dir, `${++runs}`);
    const [out, file] = [`${run}.json`, `${run}-quarantine.ndjson`];
    const given = ['replay', '-', '--format', 'otlp-json', '--out', out, '--quarantine-file', file];
    const poisoned = { NODE_OPTIONS: `--import ${poison}`, KSPAN_POISON: MARKER, ...env };
    const outcome = await kspan([...given, ...args], { input: input.join('\n'), env: poisoned });
    return { ...outcome, file, spans: spansIn(out) };
  }

  const without = new Map<number, string[]>();
  for (const shards of SHARDS)
    for (const how of ['traps', 'leaves'])
      test(`and ${how} goes on without it, ${shards} shards`, async () => {
        const args = ['--shards', `${shards}`];
        without.set(shards, without.get(shards) ?? (await replay(short, {}, args)).spans);
        const event = poisonedEvent('one');
        const input = short.toSpliced(at, 0, event);
        const env = how === 'leaves' ? { KSPAN_POISON_ENDS: '1' } : {};
        const run = await replay(input, env, args);
        expect(run.exitCode).toBe(0);
        expect(run.summary).toMatchObject({
          'dropped.quarantined': '1',
          quarantined: '1',
          held: '0',
        });
        expect(run.spans).toEqual(without.get(shards));
        expect(messages(run)).toContainEqual(
          expect.stringMatching(
            /^kspan: an Event at which the worker of shard \d fails is left out; it is in \S+$/,
          ),
        );
        const { lastTimestamp, ...told } = JSON.parse(event).object;
        const kept = JSON.parse(readFileSync(run.file, 'utf8'));
        expect(kept).toMatchObject({ type: 'ADDED', object: told });
        expect(statSync(run.file).mode & 0o777).toBe(0o600);
        const again = await kspan(['replay', run.file, '--format', 'none']);
        expect(again.summary).toMatchObject({ received: '1', exported: '1' });
      });

  test('goes on without each of several in one batch, of Events and metadata', async () => {
    const apart = ['two', 'three'].map(poisonedEvent);
    const input = short.toSpliced(at, 0, ...apart, poisonedMetadata('four'));
    const run = await replay(input, {}, ['--shards', '1']);
    expect(run.exitCode).toBe(0);
    expect(run.summary).toMatchObject({ 'dropped.quarantined': '2', quarantined: '3', held: '0' });
    expect(run.spans).toEqual((await replay(short, {}, ['--shards', '1'])).spans);
    expect(messages(run)).toContainEqual(
      'kspan: warning: 2 Events dropped (quarantined 2), 1 record left out (quarantined 1)',
    );
    const kept = readFileSync(run.file, 'utf8').trimEnd().split('\n');
    const names = kept.map((line) => JSON.parse(line).object.metadata.name);
    expect(names.sort()).toEqual(['four', 'three', 'two']);
    const again = await kspan(['replay', run.file, '--format', 'none']);
    expect(again.summary).toMatchObject({ received: '2', metadata: '1' });
  });

  test('at more than --quarantined-max frames ends the run with one line', async () => {
    const input = short.toSpliced(at, 0, ...['two', 'three'].map(poisonedEvent));
    const run = await replay(input, {}, ['--shards', '1', '--quarantined-max', '1']);
    expect(run.exitCode).toBe(1);
    expect(messages(run).at(-1)).toBe(
      'kspan: the worker of shard 0 has failed: at more frames than --quarantined-max allows',
    );
  });

  test('goes on when the frame cannot be kept, and says so', async () => {
    const input = short.toSpliced(at, 0, poisonedEvent('one'));
    const nowhere = ['--quarantine-file', join(dir, 'none', 'file')];
    const run = await kspan(['replay', '-', '--format', 'none', '--shards', '1', ...nowhere], {
      input: input.join('\n'),
      env: { NODE_OPTIONS: `--import ${poison}`, KSPAN_POISON: MARKER },
    });
    expect(run.exitCode).toBe(0);
    expect(run.summary).toMatchObject({ 'dropped.quarantined': '1' });
    expect(messages(run)).toContainEqual(expect.stringContaining('it cannot be written to'));
    const full = await replay(input, {}, ['--shards', '1', '--quarantine-bytes-max', '10']);
    expect(full.summary).toMatchObject({ 'dropped.quarantined': '1' });
    expect(messages(full)).toContainEqual(expect.stringMatching(/is left out; \S+ is full$/));
  });

  test('and at each snapshot ends the run, for its journal would grow without end', async () => {
    const args = [
      '--shards',
      '1',
      '--journal-bytes-max',
      '10',
      '--shard-batch-bytes',
      '10000',
      '--source-chunk-bytes',
      '10000',
    ];
    const run = await replay(lines, { KSPAN_POISON_SNAPSHOTS: '1' }, args);
    expect(run.exitCode).toBe(1);
    expect(messages(run).at(-1)).toBe('kspan: the worker of shard 0 has failed: unreachable');
  });
});

/** Each span of a file with its resource, in an order of their own. */
function spansIn(file: string): string[] {
  const requests = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return requests
    .flatMap((line) => JSON.parse(line).resourceSpans)
    .flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ spans }: { spans: object[] }) =>
        spans.map((span) => JSON.stringify({ resource, span })),
      ),
    )
    .sort();
}
