// Recordings of a live cluster: they replay to what watching it gave, are complete whatever ends them,
// never hold a Secret, and never destroy what was recorded before.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { recordBeside } from '../src/ingest/record.ts';
import { Recorder } from '../src/ingest/recorder.ts';
import { tickFrame } from '../src/ingest/watch-frames.ts';
import { FakeApiServer } from './support/fake-api-server.ts';
import { happen, shapeOf, watchArgs } from './support/happen.ts';
import { kspan, messages, outcomeOf, startKspan } from './support/kspan.ts';
import { scenario } from './support/scenarios.ts';

const { input, trace } = scenario('rollout');

let server: FakeApiServer;
let folder: string;

beforeEach(async () => {
  server = await FakeApiServer.start();
  folder = mkdtempSync(join(tmpdir(), 'kspan-record-'));
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

function start(args: string[]) {
  const child = startKspan([...args, ...watchArgs(server)]);
  child.stdin.end();
  return { child, done: outcomeOf(child) };
}

/** The files of a recording, in order. */
const filesOf = () =>
  readdirSync(folder)
    .sort(byTime)
    .map((name) => join(folder, name));
/** The one without a time is the newest. */
const byTime = (a: string, b: string) =>
  Number(/^\w+\./.test(a)) - Number(/^\w+\./.test(b)) || (a < b ? -1 : 1);
const WINDOW = ['--reorder-window-ms', '600000'];

describe('kspan record', () => {
  test('writes what replays to the traces of what happened, and SIGTERM exits with 0', async () => {
    const file = join(folder, 'rollout.ndjson.gz');
    const { child, done } = start(['record', file]);
    await happen(server, input);
    child.kill('SIGTERM');
    const { exitCode, stdout, stderr } = await done;
    const lines = gunzipSync(readFileSync(file)).toString().trim().split('\n');
    const frames = lines.map((line) => JSON.parse(line)).filter(({ type }) => type !== 'BOOKMARK');
    const { size } = statSync(file);
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: `recorded=${frames.length} bytes=${size} files=1\n`,
    });
    const replayed = await kspan(['replay', file, '--strict', ...WINDOW]);
    expect(replayed).toMatchObject({ exitCode: 0, summary: { received: '32', skipped: '0' } });
    expect(shapeOf(replayed.stdout)).toEqual(shapeOf(trace));
  });

  test('in many files is the same recording', async () => {
    const { child, done } = start([
      'record',
      join(folder, 'rollout.ndjson'),
      '--record-bytes-max',
      '5000',
    ]);
    await happen(server, input);
    child.kill('SIGTERM');
    expect((await done).stderr).toContain(` files=${filesOf().length}\n`);
    expect(filesOf().length).toBeGreaterThan(2);
    const replayed = await kspan(['replay', ...filesOf(), '--strict', ...WINDOW]);
    expect(shapeOf(replayed.stdout)).toEqual(shapeOf(trace));
  });

  test('has custom resources from when one is met', async () => {
    const file = join(folder, 'apps.ndjson');
    const { child, done } = start(['record', file]);
    server.put('apps.example.com', { metadata: { name: 'shop', uid: 'uid-shop' } });
    await server.asked(({ verb, path }) => verb === 'watch' && path.endsWith('/events'));
    server.put('events', {
      metadata: { name: 'e', namespace: 'shop', uid: 'uid-e', creationTimestamp: now() },
      involvedObject: { kind: 'App', name: 'shop', apiVersion: 'example.com/v1' },
    });
    await vi.waitFor(() => expect(readFileSync(file, 'utf8')).toContain('uid-shop'), FOREVER);
    child.kill('SIGTERM');
    expect(await done).toMatchObject({ exitCode: 0 });
  });

  test('that cannot begin is one line, and leaves other files alone', async () => {
    const file = join(folder, 'x.ndjson');
    const cases: [args: string[], message: string][] = [
      [['record'], 'record needs one FILE to write to'],
      [['record', '-'], 'record needs one FILE to write to'],
      [['record', folder], `cannot write to ${folder}: it is no file`],
      [['record', join(folder, 'a/b')], `cannot write to ${folder}/a/b: no such file`],
      [['record', file, '--kinds', 'secrets'], '--kinds secrets: Secrets are never recorded'],
      [
        ['watch', '--format=none', '--capture-to', file, '--kinds', 'pods,secrets'],
        '--kinds secrets: Secrets are never recorded',
      ],
      [
        ['watch', '--format=tree', '--capture-to', file, '--out', file],
        `--capture-to and --out are the same file, ${file}`,
      ],
    ];
    for (const [args, message] of cases) {
      const outcome = await kspan([...args, '--kubeconfig', server.kubeconfig]);
      expect(outcome).toMatchObject({ exitCode: 2, stdout: '', stderr: `kspan: ${message}\n` });
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  test('of a cluster that ends it completes its file', async () => {
    const file = join(folder, 'x.ndjson.gz');
    server.script('list', '/api/v1/events', (response) => response.writeHead(403).end());
    const { done } = start(['record', file]);
    expect(await done).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('does not let Events be watched\n'),
    });
    expect(() => gunzipSync(readFileSync(file))).not.toThrow();
  });
});

describe('kspan watch --capture-to', () => {
  test('writes what replays to the very traces that watch gave', async () => {
    const file = join(folder, 'beside.ndjson');
    const { child, done } = start([
      'watch',
      '--format',
      'tree',
      '--log-level',
      'warn',
      '--capture-to',
      file,
    ]);
    await happen(server, input);
    child.kill('SIGTERM');
    const watched = await done;
    expect(watched).toMatchObject({ exitCode: 0, summary: { received: '32', exported: '32' } });
    expect(messages(watched)).toEqual([expect.stringMatching(/^recorded=\d+ bytes=\d+ files=1$/)]);
    expect((await kspan(['replay', file, ...WINDOW])).stdout).toBe(watched.stdout);
  });

  test('goes on with the frames when the recording fails, and says so once', async () => {
    mkdirSync(join(folder, 'gone'));
    const recorder = new Recorder(join(folder, 'gone', 'x'), 1);
    rmSync(join(folder, 'gone'), { recursive: true });
    const notices: string[] = [];
    const given = [frame('a'), frame('b'), frame('c'), frame('d')];
    const passed: Buffer[] = [];
    for await (const chunk of recordBeside(each(given), recorder, (line) => notices.push(line)))
      passed.push(chunk);
    expect(passed).toEqual(given);
    expect(notices).toEqual([
      `cannot write to ${folder}/gone/x: no such file; nothing more is recorded`,
    ]);
  });
});

describe('a recording', () => {
  test('never has a Secret, whatever it is given', async () => {
    const file = join(folder, 'x.ndjson');
    const recorder = new Recorder(file, 1_000_000);
    const wanted = [
      { object: { kind: 'Event', involvedObject: { kind: 'Secret', name: 'kept' } } },
      { object: { kind: 'Pod' } },
    ];
    const unwanted = [
      { object: { kind: 'Secret', data: { key: 'hidden' } } },
      { object: { metadata: { note: 'hidden' } }, resource: { kind: 'Secret' } },
      { object: { kind: 'SecretList', items: ['hidden'] } },
    ];
    const text = [wanted[0], ...unwanted, wanted[1]].map((each) => `${JSON.stringify(each)}\n`);
    await recorder.write(Buffer.from(`${text.join('')}{"object":{"kind":"Secret","hidden\n`));
    await recorder.close();
    expect(readFileSync(file, 'utf8')).toBe(`${text[0]}${text.at(-1)}`);
    expect(recorder.counts).toMatchObject({ frames: 2, secrets: 4 });
  });

  test('begins the next file when one is full, and none of them has half a frame', async () => {
    const recorder = new Recorder(join(folder, 'x.ndjson'), 100);
    const given = Array.from({ length: 50 }, (_, index) => frame(`frame-${index}`));
    for (const chunk of given) await recorder.write(chunk);
    await recorder.close();
    const texts = filesOf().map((file) => readFileSync(file, 'utf8'));
    expect(texts.join('')).toBe(Buffer.concat(given).toString());
    expect(texts.every((text) => text.endsWith('\n') && text.length < 200)).toBe(true);
    expect(recorder.counts).toMatchObject({ frames: 50, files: texts.length });
    expect(recorder.counts.bytes).toBe(Buffer.concat(given).length);
  });

  test('counts what is on the disk when it is gzipped', async () => {
    const recorder = new Recorder(join(folder, 'x.ndjson.gz'), 20_000);
    const given = Array.from({ length: 200 }, (_, index) =>
      frame(
        Buffer.from(Array.from({ length: 600 }, () => Math.random() * 256)).toString('hex') + index,
      ),
    );
    for (const chunk of given) await recorder.write(chunk);
    await recorder.close();
    const files = filesOf();
    expect(files.length).toBeGreaterThan(2);
    expect(Buffer.concat(files.map((file) => gunzipSync(readFileSync(file))))).toEqual(
      Buffer.concat(given),
    );
    expect(recorder.counts.bytes).toBe(files.reduce((sum, file) => sum + statSync(file).size, 0));
  });

  test('keeps what was recorded before under the same name', async () => {
    const file = join(folder, 'x.tar.ndjson.gz');
    writeFileSync(file, 'older');
    utimesSync(file, 0, new Date('2026-11-23T10:00:00.250Z'));
    await new Recorder(file, 1000).close();
    expect(readFileSync(join(folder, 'x.tar-2026-11-23T10-00-00.250Z.ndjson.gz'), 'utf8')).toBe(
      'older',
    );
    expect(existsSync(file)).toBe(true);
  });

  test('has of the time that passes only what the next frame needs', async () => {
    const file = join(folder, 'x.ndjson');
    const recorder = new Recorder(file, 1000);
    const ticks = [1, 2, 3, 4].map((second) => tickFrame(`2026-11-23T10:00:0${second}.000Z`));
    for (const chunk of [ticks[0]!, ticks[1]!, frame('a'), frame('b'), ticks[2]!, ticks[3]!])
      await recorder.write(chunk);
    await recorder.close();
    const kept = [ticks[1]!, frame('a'), frame('b'), ticks[3]!];
    expect(readFileSync(file, 'utf8')).toBe(Buffer.concat(kept).toString());
    expect(recorder.counts.frames).toBe(2);
  });

  test('that is gzipped is readable up to the last quiet second when nobody ends it', async () => {
    const file = join(folder, 'x.ndjson.gz');
    const recorder = new Recorder(file, 1_000_000);
    const given = frame('a'.repeat(100));
    await recorder.write(given);
    await recorder.write(tickFrame('2026-11-23T10:00:00.000Z'));
    const soFar = () => gunzipSync(readFileSync(file), { finishFlush: constants.Z_SYNC_FLUSH });
    await vi.waitFor(() => expect(soFar()).toEqual(given), FOREVER);
    const { exitCode, summary, stderr } = await kspan(['replay', file]);
    expect({ exitCode, ...summary }).toMatchObject({ exitCode: 1, frames: '1' });
    expect(stderr).toContain('to its end: unexpected end of file\n');
    await recorder.close();
  });
});

const FOREVER = { timeout: 2 ** 31 - 1 };
const now = () => new Date().toISOString();

const frame = (name: string) =>
  Buffer.from(`{"type":"ADDED","object":{"metadata":{"name":"${name}"}}}\n`);

async function* each(chunks: Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}
