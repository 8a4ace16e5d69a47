// Inputs of every kind become one stream of JSON, read as fast as it is asked for.
import { execFileSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { captureFrames } from '../src/ingest/capture.ts';
import { measureInputs, readInputs } from '../src/ingest/replay.ts';

const folder = mkdtempSync(join(tmpdir(), 'kspan-ingest-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const limits = { chunkBytes: 256 * 1024, frameBytesMax: 1 << 20 };
const line = '{"type":"ADDED","object":{"kind":"Pod"}}';

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function read(paths: string[], options = {}): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readInputs(paths, { ...limits, ...options }))
    chunks.push(chunk.slice());
  return Buffer.concat(chunks).toString();
}

describe('an input', () => {
  test('goes on as it is, and a newline keeps it from the next one', async () => {
    const paths = [file('a.json', line), file('b.json', '  [ 1,\n2 ]'), file('empty', '')];
    expect(await read(paths)).toBe(`${line}\n  [ 1,\n2 ]\n\n`);
  });

  test('is the same in chunks of any size', async () => {
    const path = file('c.json', `${line}\n${line}\n`);
    for (const chunkBytes of [1, 2, 3, 50]) {
      expect(await read([path], { chunkBytes })).toBe(`${line}\n${line}\n\n`);
    }
  });

  test('is unzipped whatever its name, in parts that were zipped one by one too', async () => {
    const parts = Buffer.concat([gzipSync(`${line}\n`), gzipSync(line)]);
    for (const chunkBytes of [1, 7, 1000]) {
      expect(await read([file('zipped', parts)], { chunkBytes })).toBe(`${line}\n${line}\n`);
    }
  });

  test('loses its byte order mark', async () => {
    expect(await read([file('mark.json', `\ufeff${line}`)])).toBe(`${line}\n`);
    expect(await read([file('mark.gz', gzipSync(`\ufeff${line}`))])).toBe(`${line}\n`);
    expect(await read([file('mark', '\ufeff')], { chunkBytes: 1 })).toBe('\n');
  });

  test('that is cut off in its gzip data gives all that is there, then an error', async () => {
    const text = Array.from({ length: 20_000 }, () => Math.random().toString(36)).join('\n');
    const zipped = gzipSync(text);
    const path = file('cut.gz', zipped.subarray(0, zipped.length - 100));
    let got = '';
    const reading = (async () => {
      for await (const chunk of readInputs([path], limits)) got += Buffer.from(chunk).toString();
    })();
    await expect(reading).rejects.toMatchObject({
      code: 'input_failed',
      message: `cannot read ${path} to its end: unexpected end of file`,
    });
    expect(got.length).toBeGreaterThan(text.length - 1000);
    expect(text.startsWith(got)).toBe(true);
  });

  test('can be a named pipe', async () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const text = read([path]);
    createWriteStream(path).end(line);
    expect(await text).toBe(`${line}\n`);
  });

  test('that nobody writes to is given up on a signal', async () => {
    const path = join(folder, 'silent-pipe');
    execFileSync('mkfifo', [path]);
    const controller = new AbortController();
    const text = read([path], { signal: controller.signal });
    await new Promise(setImmediate);
    controller.abort();
    expect(await text).toBe('');
  });

  test('is no longer read after a signal', async () => {
    const controller = new AbortController();
    const path = file('long.json', `${line}\n`.repeat(1000));
    let count = 0;
    const options = { ...limits, chunkBytes: 100, signal: controller.signal };
    for await (const _ of readInputs([path, path], options)) {
      count += 1;
      controller.abort();
    }
    expect(count).toBe(1);
  });

  test('tells how much of it was read', async () => {
    const path = file('count.gz', gzipSync(line.repeat(100)));
    let bytes = 0;
    await read([path], { onRead: (more: number) => (bytes += more) });
    expect(bytes).toBe(readFileSync(path).length);
    expect(await measureInputs([path, path])).toBe(2 * bytes);
  });

  test('that cannot be opened is an error of one line before anything is read', async () => {
    const missing = join(folder, 'missing.json');
    await expect(measureInputs([file('there', ''), missing])).rejects.toMatchObject({
      code: 'input_unreadable',
      exitCode: 2,
      message: `cannot read ${missing}: no such file`,
    });
    await expect(measureInputs([folder])).rejects.toThrow(
      `cannot read ${folder}: it is a directory`,
    );
  });
});

describe('a capture of the ancestor', () => {
  const capture = `---
# {"time":"2021-05-05T16:22:15.808165851Z","style":"event","kind":"Event"}
apiVersion: v1
count: 1
eventTime: null
involvedObject:
  kind: Deployment
  resourceVersion: "2852437"
kind: Event
message: 'Scaled up: two'
metadata:
  uid: 535f12a0
---
# {"time":"2021-05-05T16:22:15.817719479Z","style":"initial","kind":"ReplicaSet"}
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  annotations:
    note: |
      ---- not the end
      two lines
  uid: 9b7a04bf
---
# {"time":"2021-05-05T16:22:16Z","style":"watch","kind":"Pod"}
metadata:
  uid: cdf6bfe3
`;

  test('becomes a frame for each document, received at its time', async () => {
    const frames = (await read([file('capture.yaml', capture)])).trim().split('\n');
    expect(frames.map((frame) => JSON.parse(frame))).toEqual([
      {
        type: 'ADDED',
        receivedAt: '2021-05-05T16:22:15.808165851Z',
        object: {
          apiVersion: 'v1',
          count: 1,
          eventTime: null,
          involvedObject: { kind: 'Deployment', resourceVersion: '2852437' },
          kind: 'Event',
          message: 'Scaled up: two',
          metadata: { uid: '535f12a0' },
        },
      },
      {
        type: 'ADDED',
        receivedAt: '2021-05-05T16:22:15.817719479Z',
        object: {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          metadata: { annotations: { note: '---- not the end\ntwo lines\n' }, uid: '9b7a04bf' },
        },
      },
      {
        type: 'MODIFIED',
        receivedAt: '2021-05-05T16:22:16Z',
        object: { kind: 'Pod', metadata: { uid: 'cdf6bfe3' } },
      },
    ]);
  });

  test('is the same zipped, in chunks of any size and with lines ended as on Windows', async () => {
    const expected = await read([file('plain.yaml', capture)]);
    expect(await read([file('capture.gz', gzipSync(capture))])).toBe(expected);
    expect(await read([file('plain.yaml', capture)], { chunkBytes: 1 })).toBe(expected);
    const windows = capture.replaceAll('\n', '\r\n');
    expect(await read([file('windows.yaml', windows)])).toBe(expected);
  });

  test('keeps characters of several bytes whole', async () => {
    const text = '---\n# {"time":"2021-05-05T16:22:15Z"}\nmessage: "Grüße, 世界"\n';
    const frame = JSON.parse(await read([file('utf8.yaml', text)], { chunkBytes: 1 }));
    expect(frame.object.message).toBe('Grüße, 世界');
  });

  test('has a bad frame for each document that is no object', async () => {
    const bad = '---\n# {"time":"x"}\na: [1\n---\njust text\n---\n# {"time":\nkind: Pod\n';
    const frames = (await read([file('bad.yaml', bad)])).trim().split('\n');
    expect(frames).toEqual(['not YAML', 'not YAML', 'not YAML']);
  });

  test('keeps no document above the limit', async () => {
    const chunks = async function* () {
      yield Buffer.from('---\n# {"style":"event"}\nmessage: |\n');
      for (let index = 0; index < 100; index++) yield Buffer.from(`  ${'x'.repeat(100)}\n`);
      yield Buffer.from(`---\n# {"style":"event"}\nkind: Event\nmessage: ${'y'.repeat(2000)}`);
      yield Buffer.from('\n---\n# {"style":"event"}\nkind: Event\n');
    };
    const frames: string[] = [];
    for await (const frame of captureFrames(chunks(), 1000))
      frames.push(Buffer.from(frame).toString());
    expect(frames).toEqual([
      'not YAML\n',
      'not YAML\n',
      '{"type":"ADDED","object":{"kind":"Event"}}\n',
    ]);
  });
});
