// Whatever is wrong with an input, the rest of it goes on, the account says what happened to every
// frame, and the exit code says whether anybody need care. All of it by the command line.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { measureInputs } from '../src/ingest/replay.ts';
import { kspan, messages } from './support/kspan.ts';
import { scenario } from './support/scenarios.ts';

const { input, trace } = scenario('rollout');
const recording = fileURLToPath(new URL('scenarios/rollout/events.ndjson', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'kspan-bad-input-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const receivedAt = '2026-11-22T15:31:10.5Z';

/** An Event on an object of its own, as a frame; `change` replaces fields of the Event. */
function event(
  change: Record<string, unknown> = {},
  metadata: Record<string, unknown> = {},
): string {
  const object = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name: 'x.1',
      namespace: 'shop',
      uid: 'bad-event',
      resourceVersion: '9',
      ...metadata,
    },
    involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'x', uid: 'pod-x' },
    reason: 'Odd',
    message: 'odd',
    type: 'Normal',
    source: { component: 'tester' },
    firstTimestamp: '2026-11-22T15:31:10Z',
    lastTimestamp: '2026-11-22T15:31:10Z',
    count: 1,
    ...change,
  };
  return JSON.stringify({ type: 'ADDED', object, receivedAt });
}

/** The recording with these lines in its middle. */
function withLines(...lines: (string | Uint8Array)[]): Buffer {
  const middle = input.indexOf(0x0a, input.length / 2) + 1;
  const added = lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')]);
  return Buffer.concat([input.subarray(0, middle), ...added, input.subarray(middle)]);
}

const SKIPPED: [what: string, reason: string, line: string][] = [
  ['a line that is not JSON', 'not_json', 'E1122 connection refused'],
  ['JSON that ends in the middle of a line', 'not_json', '{"type":"ADDED","object":}'],
  ['a frame without object', 'no_object', '{"type":"ADDED"}'],
  ['a frame whose object is null', 'no_object', '{"type":"ADDED","object":null}'],
  [
    'a frame nested 10 000 deep',
    'too_deep',
    `{"type":"ADDED","x":${'['.repeat(10_000)}${']'.repeat(10_000)},"object":{"kind":"Pod"}}`,
  ],
  [
    'an object nested 10 000 deep',
    'too_deep',
    `{"type":"ADDED","object":{"kind":"Pod","a":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}}`,
  ],
  [
    'an ERROR frame',
    'error_frame',
    '{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old resource version"}}',
  ],
  ['a frame of 9 MiB', 'frame_too_large', event({ note: 'x'.repeat(9 << 20) })],
];

const DROPPED: [what: string, reason: string, line: string][] = [
  ['an Event without involvedObject', 'no_involved_object', event({ involvedObject: undefined })],
  ['an Event about nothing with a name', 'no_involved_object', event({ involvedObject: {} })],
  ['an Event without uid', 'no_event_uid', event({}, { uid: undefined })],
  ['a number as the reason', 'bad_type', event({ reason: 5 })],
  ['a number as the message', 'bad_type', event({ message: 5 })],
  ['a text as the count', 'bad_type', event({ count: 'many' })],
  ['a count below zero', 'bad_type', event({ count: -1 })],
  ['a time before 1970', 'bad_time', event({ firstTimestamp: '1969-12-31T23:59:59Z' })],
  ['a time in the year 9999', 'bad_time', event({ firstTimestamp: '9999-01-01T00:00:00Z' })],
  [
    'no time at all',
    'bad_time',
    event({ firstTimestamp: null, lastTimestamp: null, eventTime: null }),
  ],
];

describe('a frame that is of no use', () => {
  for (const [what, reason, line] of SKIPPED)
    test(`${what} is skipped and counted as ${reason}; the rest goes on`, async () => {
      const outcome = await kspan(['replay', '-'], { input: withLines(line) });
      expect(outcome).toMatchObject({ exitCode: 0, stdout: trace });
      expect(outcome.summary).toMatchObject({
        frames: '117',
        received: '32',
        skipped: '1',
        [`skipped.${reason}`]: '1',
        exported: '32',
        held: '0',
      });
      expect(messages(outcome)).toEqual([`kspan: warning: 1 frame skipped (${reason} 1)`]);
    });

  for (const [what, reason, line] of DROPPED)
    test(`${what}: the Event is dropped and counted as ${reason}; the rest goes on`, async () => {
      const outcome = await kspan(['replay', '-'], { input: withLines(line) });
      expect(outcome).toMatchObject({ exitCode: 0, stdout: trace });
      expect(outcome.summary).toMatchObject({
        frames: '117',
        received: '33',
        dropped: '1',
        [`dropped.${reason}`]: '1',
        exported: '32',
        held: '0',
      });
      expect(messages(outcome)).toEqual([`kspan: warning: 1 Event dropped (${reason} 1)`]);
    });

  test('a count that leaves some out tells how many occurrences were missed', async () => {
    const created = '2026-11-22T15:40:00Z';
    const lines = [
      // Of one that was there before the reading began, what came before is not known.
      event({ count: 7 }, { uid: 'old', creationTimestamp: '2026-11-22T15:00:00Z' }),
      event({ count: 9 }, { uid: 'old', creationTimestamp: '2026-11-22T15:00:00Z' }),
      event({ count: 3 }, { uid: 'new', creationTimestamp: created }),
      event({ count: 4 }, { uid: 'new', creationTimestamp: created }),
    ];
    const { summary } = await kspan(['replay', '-', '--format', 'none'], {
      input: withLines(...lines),
    });
    expect(summary).toMatchObject({ received: '36', exported: '36', missed: '3' });
  });

  test('a last line that was cut off is skipped as truncated', async () => {
    const cut = Buffer.concat([input, Buffer.from(event().slice(0, 200))]);
    const outcome = await kspan(['replay', '-'], { input: cut });
    expect(outcome).toMatchObject({ exitCode: 0, stdout: trace });
    expect(outcome.summary).toMatchObject({ 'skipped.truncated': '1', exported: '32' });
  });

  test('all of them together, and a document of a capture that is no YAML', async () => {
    const bad = [...SKIPPED, ...DROPPED].map(([, , line]) => line);
    const outcome = await kspan(['replay', '-'], { input: withLines(...bad) });
    expect(outcome).toMatchObject({ exitCode: 0, stdout: trace });
    expect(outcome.summary).toMatchObject({ skipped: '8', dropped: '10', exported: '32' });
    expect(messages(outcome)).toHaveLength(1);
    const capture = '---\n# {"time":"2026-11-22T15:31:10Z","style":"event"}\na: [\n';
    expect((await kspan(['replay', '-'], { input: capture })).summary).toMatchObject({
      frames: '1',
      'skipped.not_json': '1',
    });
  });

  test('--strict makes the exit code 1, and only then', async () => {
    for (const line of [SKIPPED[0]![2], DROPPED[0]![2]]) {
      const outcome = await kspan(['replay', '-', '--strict'], { input: withLines(line) });
      expect(outcome).toMatchObject({ exitCode: 1, stdout: trace });
      expect(messages(outcome)).toHaveLength(1);
    }
    const good = await kspan(['replay', '-', '--strict'], { input });
    expect(good).toMatchObject({ exitCode: 0, stdout: trace });
    expect(messages(good)).toEqual([]);
  });
});

describe('an Event that can be repaired', () => {
  async function spanOf(line: string | Uint8Array): Promise<string> {
    const outcome = await kspan(['replay', '-'], { input: withLines(line) });
    expect(outcome.exitCode).toBe(0);
    expect(outcome.summary).toMatchObject({
      skipped: '0',
      dropped: '0',
      exported: '33',
      held: '0',
    });
    return outcome.stdout.split('\n').find((text) => text.includes('Pod.Odd')) ?? '';
  }

  test('a message of 5 MB is cut', async () => {
    const span = await spanOf(event({ message: 'ü'.repeat(2_500_000) }));
    expect(span).toMatch(/ ü+$/);
    expect(Buffer.byteLength(span.slice(span.indexOf('ü')))).toBe(32 * 1024);
  });

  test('bytes that are not UTF-8 are shown as U+FFFD', async () => {
    const [before, after] = event({ message: 'aXb' }).split('X');
    const line = Buffer.concat([Buffer.from(before!), Buffer.from([0xff]), Buffer.from(after!)]);
    expect(await spanOf(line)).toMatch(/ a\ufffdb$/);
  });

  test('lone surrogates are shown as U+FFFD', async () => {
    expect(await spanOf(event({ message: 'a\ud800b' }))).toMatch(/ a\ufffdb$/);
    expect(await spanOf(event({ message: '\udc00' }))).toMatch(/ \ufffd$/);
  });

  test('sequences that a terminal would obey are shown escaped', async () => {
    const span = await spanOf(event({ message: '\u001b]0;owned\u0007\u001b[2J\r\nbye' }));
    expect(span).toMatch(/ \\x1b\]0;owned\\x07\\x1b\[2J\\r\\nbye$/);
  });

  test('a name that a terminal would obey is shown escaped', async () => {
    const span = await spanOf(event({ source: { component: '\u001b[31mred' } }));
    expect(span).toContain('\\x1b[31mred Pod.Odd');
  });
});

describe('what cannot be run at all is one line and exit code 2', () => {
  const locked = join(folder, 'locked.ndjson');
  writeFileSync(locked, input);
  chmodSync(locked, 0);

  const cases: [what: string, args: string[], message: string][] = [
    ['no file', ['nowhere.ndjson'], 'cannot read nowhere.ndjson: no such file'],
    ['a directory', [folder], `cannot read ${folder}: it is a directory`],
    [
      'an unknown format',
      [recording, '--format', 'xml'],
      '--format must be one of tree, otlp, otlp-json, none, not "xml"',
    ],
    [
      'no shard',
      [recording, '--shards', '0'],
      '--shards must be "auto" or a whole number from 1 to 64, not "0"',
    ],
    [
      '65 shards',
      [recording, '--shards=65'],
      '--shards must be "auto" or a whole number from 1 to 64, not "65"',
    ],
    [
      'an output that cannot be written',
      [recording, '--out', join(folder, 'no', 'such', 'folder')],
      `cannot write to ${join(folder, 'no', 'such', 'folder')}: no such file`,
    ],
  ];
  for (const [what, args, message] of cases)
    test(what, async () => {
      const outcome = await kspan(['replay', ...args]);
      expect(outcome).toMatchObject({ exitCode: 2, stdout: '', stderr: `kspan: ${message}\n` });
    });

  test('no permission', async () => {
    chmodSync(folder, 0o755);
    // Root may read everything, so it is somebody else for a moment.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    const refused = await measureInputs([locked]).catch((error: unknown) => error);
    if (isRoot) process.seteuid?.(0);
    const message = `cannot read ${locked}: permission denied`;
    expect(refused).toMatchObject({ exitCode: 2, message });
  });
});

test('an input that breaks off is finished as far as it goes, then is one line and exit code 1', async () => {
  const zipped = gzipSync(input);
  const cut = join(folder, 'cut.gz');
  writeFileSync(cut, zipped.subarray(0, zipped.length - 1000));
  const outcome = await kspan(['replay', recording, cut]);
  expect(outcome).toMatchObject({ exitCode: 1, stdout: trace });
  expect(messages(outcome)).toContain(
    `kspan: cannot read ${cut} to its end: unexpected end of file`,
  );
  expect(outcome.summary).toMatchObject({ exported: '32', held: '0' });
});
