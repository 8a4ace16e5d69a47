// Clusters that nobody thought of: random owners, controllers that write what the table of causality
// says, arrivals in any order, losses, duplicates, restarts, wrong clocks.
import { test } from 'vitest';
import { expectAgreement } from './support/random-agreement.ts';

const CLUSTERS = 250;

test(`the crate says what the naive oracle says of ${CLUSTERS} random clusters, with 1 and 3 shards`, () => {
  expectAgreement(CLUSTERS);
});
