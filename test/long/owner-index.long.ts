// What is known of who owns whom fits in memory: the metadata of half a million objects goes through
// the Router and two Correlators, each in a thread of its own, and their memories are added up.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { shortened } from '../support/proof.ts';

const script = fileURLToPath(new URL('../../bench/memory.mjs', import.meta.url));
const BYTES_PER_OBJECT = 180;
/** Buffers, and what growing leaves behind, however few objects there are. */
const MEGABYTES_ANYWAY = 10;

test('the owner index takes at most 180 bytes an object and 10 MB, all threads together', () => {
  const objects = shortened(500_000);
  const args = [script, '--objects', String(objects)];
  const { megabytes, ...more } = JSON.parse(
    execFileSync(process.execPath, args, { encoding: 'utf8' }),
  );
  console.log(`${objects} objects: ${megabytes} MB; ${JSON.stringify(more)}`);
  expect(megabytes).toBeLessThanOrEqual((BYTES_PER_OBJECT * objects) / 1e6 + MEGABYTES_ANYWAY);
});
