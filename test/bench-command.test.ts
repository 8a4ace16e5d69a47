// `kspan bench`: what it measures, and what it says of it. How fast anything is, no test can tell.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { requireSame } from '../src/bench/measure.ts';
import { WORKLOADS } from '../src/bench/workloads.ts';
import { kspan } from './support/kspan.ts';

const recording = fileURLToPath(new URL('scenarios/rollout/events.ndjson', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'kspan-bench-'));
afterAll(() => rmSync(folder, { recursive: true }));

const shardsIn = (stdout: string) =>
  [...stdout.matchAll(/^ +(\d+)(?: +[\d.]+){3}(?: +(?:[\d.]+|not told)){2}$/gm)].map(([, shards]) =>
    Number(shards),
  );

test('a recording is replayed at growing numbers of shards and at the one that is set', async () => {
  const args = ['bench', recording, '--runs', '1'];
  const { exitCode, stdout, stderr } = await kspan(args, { env: { KSPAN_SHARDS: '3' } });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toContain('32 Events in 116 frames');
  const doubled = [1, 2, 4, 8, 16, 32, 64].filter((count) => count <= availableParallelism());
  expect(shardsIn(stdout)).toEqual([...new Set([...doubled, 3])].sort((a, b) => a - b));
});

test('the number of shards that is advised is one that was measured', async () => {
  const { stdout } = await kspan(['bench', recording, recording, '--runs', '1', '--shards', '1']);
  const advised = Number(/^KSPAN_SHARDS=(\d+): /m.exec(stdout)?.[1]);
  expect(shardsIn(stdout)).toContain(advised);
});

test.each([
  ['what can be read once only', ['-'], 2, 'reads its input again and again'],
  ['no file', ['missing.ndjson'], 2, 'cannot read missing.ndjson: no such file'],
  ['no number of runs', [recording, '--runs', '1.5'], 2, '--runs must be a whole number'],
  ['a setting that has no part in it', [recording, '--format', 'otlp'], 2, 'unknown option'],
])('%s is one line of error', async (_, args, code, says) => {
  const { exitCode, stderr } = await kspan(['bench', ...args]);
  expect(exitCode).toBe(code);
  expect(stderr).toMatch(/^kspan: [^\n]*\n$/);
  expect(stderr).toContain(says);
});

test('a recording without an Event cannot be measured', async () => {
  const file = join(folder, 'empty.ndjson');
  writeFileSync(file, '{"type":"BOOKMARK"}\n');
  const { exitCode, stderr } = await kspan(['bench', file, '--runs', '1']);
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: 'kspan: there is no Event in it\n',
  });
});

test('runs that come to different spans are refused', () => {
  const figures = { shards: 1, bytes: 9, frames: 3, events: 2, exported: 2 };
  const a = { ...figures, seconds: 1, cpuMicros: 1, mainCpuMicros: undefined };
  expect(() => requireSame(a, { ...a, seconds: 2 })).not.toThrow();
  expect(() => requireSame(a, { ...a, shards: 2, exported: 1 })).toThrow('1 spans of 3 frames');
});

test.each(Object.entries(WORKLOADS))('%s: a seed makes the same bytes', (_, generate) => {
  const made = (seed: number) => Buffer.concat([...generate({ bytes: 1e6, seed })]);
  expect(made(1).equals(made(1))).toBe(true);
  expect(made(1).equals(made(2))).toBe(false);
});
