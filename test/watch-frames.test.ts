// What an API server sends becomes frames: only whole ones, each with its receipt and its resource.
import { describe, expect, test } from 'vitest';
import { frameEnd, listFrames, newestTime, WatchLines } from '../src/ingest/watch-frames.ts';
import { compileWasm, WasmRouter } from '../src/wasm.ts';
import { ERROR_410 } from './support/fake-api-server.ts';

const RESOURCE = { group: 'apps', version: 'v1', kind: 'Deployment' };
const AT = '2026-11-23T10:00:00.000Z';
const END = frameEnd(RESOURCE, AT);

const objectOf = (name: string, version = '1') => ({
  kind: 'PartialObjectMetadata',
  metadata: { name, uid: `uid-${name}`, resourceVersion: version, annotations: { a: '"}]\\' } },
});
const lineOf = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`;
const framesOf = (bytes: Uint8Array) =>
  Buffer.from(bytes)
    .toString()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

describe('the lines of a watch', () => {
  const text = ['ä', 'b', 'c']
    .map((name, index) => lineOf('MODIFIED', objectOf(name, String(index + 7))))
    .join('');

  test('become the same frames wherever they are cut', () => {
    const bytes = Buffer.from(text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const lines = new WatchLines(1000);
      const found = [bytes.subarray(0, cut), bytes.subarray(cut)].map((chunk) =>
        lines.push(chunk, END),
      );
      const frames = found.flatMap((part) => framesOf(part.frames));
      expect(frames.map(({ object }) => object.metadata.name)).toEqual(['ä', 'b', 'c']);
      expect(frames.every((frame) => frame.receivedAt === AT)).toBe(true);
      expect(frames[0].resource).toEqual(RESOURCE);
      expect(found.map(({ version }) => version).findLast(Boolean)).toBe('9');
    }
  });

  test('that are bookmarks or errors are told apart, and nothing after an error counts', () => {
    const mark = { metadata: { resourceVersion: '20', annotations: {} } };
    const input = lineOf('BOOKMARK', mark) + text + ERROR_410 + text;
    const found = new WatchLines(1000).push(Buffer.from(input), END);
    expect(found).toMatchObject({ bookmark: { version: '20', initialEnd: false }, errorCode: 410 });
    expect(framesOf(found.frames)).toHaveLength(3);
  });

  test('tell the end of the initial list, also when a plain bookmark comes right behind it', () => {
    const end = { 'k8s.io/initial-events-end': 'true' };
    const marks = [end, undefined].map((annotations, index) =>
      lineOf('BOOKMARK', { metadata: { resourceVersion: String(20 + index), annotations } }),
    );
    const { bookmark } = new WatchLines(1000).push(Buffer.from(text + marks.join('')), END);
    expect(bookmark).toEqual({ version: '21', initialEnd: true });
  });

  test('that are too large are counted as such, and the next line is read', () => {
    const lines = new WatchLines(1024);
    const large = lineOf('ADDED', objectOf('x'.repeat(3000)));
    const input = Buffer.from(large + text);
    const chunks = [input.subarray(0, 2000), input.subarray(2000, 2500), input.subarray(2500)];
    const router = new WasmRouter(compileWasm(), {
      shards: 1,
      reorderWindowMs: 5000,
      idleMs: 1000,
      objectsMax: 10,
      eventUidsMax: 10,
      parkedBytesMax: 1000,
      untimedBytesMax: 1000,
      frameBytesMax: 1024,
      clusterName: '',
      serviceName: '',
      traceparentAnnotations: '',
      rules: [],
      destinations: [],
    });
    for (const chunk of chunks) router.push(lines.push(chunk, END).frames);
    expect(router.counts()).toMatchObject({ metadata: 3, skipped: { frame_too_large: 1 } });
  });
});

describe('a page of a list', () => {
  const page = (items: object[], more?: string) =>
    Buffer.from(
      JSON.stringify({
        kind: 'DeploymentList',
        metadata: { continue: more, resourceVersion: '30', remainingItemCount: 5 },
        items,
        apiVersion: 'v1',
      }),
    );

  test('becomes ADDED frames, its version and where it goes on', () => {
    const items = ['a', 'b'].map((name) => objectOf(name));
    const { frames, ...position } = listFrames(page(items, 'token'), END);
    expect(position).toEqual({ version: '30', continueToken: 'token' });
    expect(framesOf(frames)).toEqual(
      items.map((object) => ({ type: 'ADDED', object, receivedAt: AT, resource: RESOURCE })),
    );
  });

  test('may be empty, or have fields called items elsewhere', () => {
    expect(listFrames(page([]), END)).toMatchObject({ version: '30', continueToken: '' });
    const nested = { items: [{ items: [1] }], metadata: { name: 'items' } };
    expect(framesOf(listFrames(page([nested]), END).frames)[0].object).toEqual(nested);
  });

  test('may be printed over many lines', () => {
    const pretty = Buffer.from(
      JSON.stringify(JSON.parse(page([objectOf('a')]).toString()), null, 2),
    );
    const router = listFrames(pretty, END);
    expect(JSON.parse(router.frames.toString())).toMatchObject({ object: objectOf('a') });
  });
});

test('the newest time in an Event is found in any of its fields, and none is not a time', () => {
  const event = {
    metadata: { creationTimestamp: '2026-01-01T00:00:00Z', managedFields: [{ time: 'bad' }] },
    lastTimestamp: null,
    series: { lastObservedTime: '2026-01-01T00:00:05.500000Z' },
    message: '"time":"2030-01-01T00:00:00Z"',
  };
  expect(newestTime(Buffer.from(JSON.stringify(event)))).toBe(Date.parse('2026-01-01T00:00:05.5Z'));
  expect(newestTime(Buffer.from('{}'))).toBeNaN();
});
