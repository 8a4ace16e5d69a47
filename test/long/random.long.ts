// The crate and the naive oracle, written apart from one another, agree on 10 000 clusters that nobody
// thought of: whole spans, whatever the number of shards and the size of the batches.
import { test } from 'vitest';
import { shortened } from '../support/proof.ts';
import { expectAgreement } from '../support/random-agreement.ts';

test('the crate says what the naive oracle says of 10 000 random clusters', () => {
  expectAgreement(shortened(10_000));
});
