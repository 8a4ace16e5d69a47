// The naive oracle keeps every promise itself: what it says of a recording is then a fair judge of the
// crate and of the engine.
import { describe, expect, test } from 'vitest';
import { correlatorSuite } from './correlator.suite.ts';
import { correlateNaively } from './support/naive-correlator.ts';
import { spanIdOf, traceIdOf } from './support/naive-ids.ts';
import { RECORDINGS } from './support/scenarios.ts';
import { shuffle } from './support/shuffle.ts';
import { dump } from './support/spans.ts';

const SEEDS = [1, 2, 3];

correlatorSuite('the naive oracle', async (input) => correlateNaively(input));

describe('the naive oracle', () => {
  test('ids are FNV-1a, as its authors publish it', () => {
    expect(spanIdOf(Buffer.from('foobar'))).toBe('85944171f73967e8');
    expect(traceIdOf(Buffer.from('foobar'))).toBe('343e1662793c64bf6f0d3597ba446f18');
  });

  for (const { name, input } of RECORDINGS)
    test(`${name}: arrival order within the window changes nothing`, () => {
      const expected = dump(correlateNaively(input));
      for (const seed of SEEDS) expect(dump(correlateNaively(shuffle(input, seed)))).toBe(expected);
    });
});
