// The orders of the naive oracle: what came before what, and what is decided before what.
import type { Occurrence, Placed } from './naive-model.ts';

const RANKS = ['Scheduled', 'Pulling', 'Pulled', 'Created', 'Started', 'Killing'];

/** In causal time: by time, then rank, resourceVersion, uid and count. */
export function causalOrder(a: Placed, b: Placed): number {
  return (
    compare(a.t, b.t) ||
    RANKS.indexOf(a.reason) - RANKS.indexOf(b.reason) ||
    compare(a.version, b.version) ||
    compare(a.uid, b.uid) ||
    a.count - b.count
  );
}

/** As `causalOrder`, before times that are known to the second only are settled. */
export function byParking(a: Occurrence, b: Occurrence): number {
  const byRank = RANKS.indexOf(a.reason) - RANKS.indexOf(b.reason);
  return compare(a.at, b.at) || byRank || compare(a.version, b.version);
}

/** A late occurrence is placed when it arrives, before what the watermark has not passed yet. */
export function byRelease(a: Placed, b: Placed): number {
  const turn = (e: Placed): bigint => (e.late ? e.watermark : max(e.t, e.watermark));
  const inTurn = compare(turn(a), turn(b)) || Number(b.late) - Number(a.late);
  return inTurn || (a.late ? 0 : causalOrder(a, b));
}

/** How far the emitter's clock was behind the API server's. */
export function skewOf(e: Placed): bigint {
  return e.first && e.created !== undefined ? max(0n, e.created - e.t) : 0n;
}

const compare = <T extends bigint | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
export const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
export const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
