// The account that a run gave of itself, as numbers, and what must hold between it and the witness.
import { expect } from 'vitest';
import type { Outcome } from '../support/kspan.ts';
import type { Witness } from './witness.ts';

export interface Account {
  received: number;
  duplicates: number;
  dropped: number;
  exported: number;
  held: number;
  synthetic: number;
  /** 0 where the summary does not tell of it. */
  undelivered: number;
  seconds: number;
}

export function accountOf({ summary, stderr }: Outcome): Account {
  expect(summary, stderr).toHaveProperty('received');
  const number = (key: string) => Number(summary[key] ?? 0);
  return {
    received: number('received'),
    duplicates: number('duplicates'),
    dropped: number('dropped'),
    exported: number('exported'),
    held: number('held'),
    synthetic: number('synthetic'),
    undelivered: number('undelivered'),
    seconds: number('seconds'),
  };
}

/** Every Event became a span, and every span is there. */
export function expectAllArrived(account: Account, witness: Witness): void {
  const { received, duplicates, dropped, exported, held, synthetic, undelivered } = account;
  expect({ held, undelivered, dropped }).toEqual({ held: 0, undelivered: 0, dropped: 0 });
  expect(exported).toBe(received - duplicates);
  expect(witness.spans.size).toBe(exported + synthetic);
}
