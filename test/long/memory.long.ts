// Memory does not grow with the length of the input: a 1 GB recording, whose every object is
// deleted in time, is replayed by the real command line, and the size of the process at the end is
// compared with its size when a quarter of the input had gone in.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { shortened } from '../support/proof.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const STATED = 1e9;
const pageBytes = 4096;
const mebibyte = 2 ** 20;

interface Sample {
  read: number;
  rss: number;
}

test('the resident size at the end of 1 GB exceeds that at a quarter by at most 10 %', async () => {
  const bytes = shortened(STATED);
  const { samples, exitCode, summary } = await replay(bytes);
  expect(exitCode, summary).toBe(0);
  const total = samples.at(-1)?.read ?? 0;
  // Single samples jump with each garbage collection, so both sides are the median of a stretch.
  // A quarter of the whole proof, also where that is shortened: before, what is kept is still growing.
  const quarter = medianRss(samples, 0.2 * STATED, 0.3 * STATED);
  const end = medianRss(samples, 0.9 * total, total);
  console.log(
    `${bytes} bytes: ${mib(quarter)} MiB at a quarter, ${mib(end)} MiB at the end; ${summary}`,
  );
  expect(end).toBeLessThanOrEqual(quarter * 1.1);
});

/** Pipes a generated recording through `kspan replay -` and samples its size as it goes. */
async function replay(bytes: number) {
  const generator = node('ignore', 'bench/workloads.mjs', 'mixed', '--bytes', String(bytes));
  const child = node('pipe', 'dist/cli.js', 'replay', '-', '--format', 'none');
  const exited = once(child, 'exit');
  const summary = text(child.stderr as Readable);
  const samples: Sample[] = [];
  let read = 0;
  const take = () => sample(child.pid as number, read, samples);
  const timer = setInterval(take, 20);
  const counted = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      yield chunk;
      read += chunk.length;
      take();
    }
  };
  await pipeline(generator.stdout as Readable, counted, child.stdin as Writable);
  const [exitCode] = await exited;
  clearInterval(timer);
  return { samples, exitCode, summary: (await summary).trim() };
}

function node(stdin: 'ignore' | 'pipe', ...args: string[]) {
  return spawn(process.execPath, args, { cwd: root, stdio: [stdin, 'pipe', 'pipe'] });
}

/** The second field of statm is the resident size in pages; a process that is gone has none. */
function sample(pid: number, read: number, samples: Sample[]): void {
  const statm = `/proc/${pid}/statm`;
  const rss = existsSync(statm) ? Number(readFileSync(statm, 'utf8').split(' ')[1]) * pageBytes : 0;
  if (rss > 0) samples.push({ read, rss });
}

function medianRss(samples: Sample[], from: number, to: number): number {
  const within = samples.filter(({ read }) => read >= from && read <= to).map(({ rss }) => rss);
  within.sort((a, b) => a - b);
  return within[within.length >> 1] ?? Number.NaN;
}

function mib(bytes: number): string {
  return (bytes / mebibyte).toFixed(1);
}
