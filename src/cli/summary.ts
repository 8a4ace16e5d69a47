// The account of a run in one line, and what a user should look at in another.
import type { RunSummary } from '../engine.js';

/** `frames=116 received=65 ...`: all frames, what became of them, and how fast. */
export function summaryLine(summary: RunSummary): string {
  const { skipped, dropped, seconds } = summary;
  const pairs: [string, number | string][] = [
    ['frames', summary.frames],
    ['received', summary.received],
    ['metadata', summary.metadata],
    ['ignored', summary.ignored],
    ...withReasons('skipped', skipped),
    ['duplicates', summary.duplicates],
    ...withReasons('dropped', dropped),
    ['exported', summary.exported],
    ['held', summary.held],
    ['synthetic', summary.synthetic],
    ['late', summary.late],
    ...rareNumbers(summary),
    ['seconds', seconds.toFixed(3)],
    ['events/s', Math.round(summary.receivedPerSecond)],
  ];
  return pairs.map(([key, value]) => `${key}=${value}`).join(' ');
}

/** True when every frame could be read and used. */
export function isClean({ skipped, dropped, quarantined }: RunSummary): boolean {
  return sumOf(skipped) === 0 && sumOf(dropped) === 0 && quarantined === 0;
}

/** What was skipped or dropped and why, or undefined. */
export function warningLine(summary: RunSummary): string | undefined {
  if (isClean(summary)) return undefined;
  const { skipped, dropped, quarantined } = summary;
  const others = { quarantined: quarantined - (dropped.quarantined ?? 0) };
  return [
    part('frame', skipped, 'skipped'),
    part('Event', dropped, 'dropped'),
    part('record', others, 'left out'),
  ]
    .filter(Boolean)
    .join(', ');
}

function part(noun: string, counts: RunSummary['skipped'], verb: string): string {
  const total = sumOf(counts);
  if (total === 0) return '';
  const reasons = occurred(counts).map(([reason, count]) => `${reason} ${count}`);
  return `${total} ${noun}${total === 1 ? '' : 's'} ${verb} (${reasons.join(', ')})`;
}

/** What only an odd input, a limit that was met or a failing back end or worker makes; told only then. */
function rareNumbers(summary: RunSummary): [string, number][] {
  const { missed, repaired, cut, evicted, forgotten, parkedEarly: parked_early, early } = summary;
  const { undelivered, spooled, quarantined, replaced } = summary;
  const failures = { undelivered, spooled, quarantined, replaced };
  return occurred({ missed, repaired, cut, evicted, forgotten, parked_early, early, ...failures });
}

function withReasons(name: string, counts: RunSummary['skipped']): [string, number][] {
  const reasons = occurred(counts).map(([reason, count]): [string, number] => [
    `${name}.${reason}`,
    count,
  ]);
  return [[name, sumOf(counts)], ...reasons];
}

function occurred(counts: RunSummary['skipped']): [string, number][] {
  return Object.entries(counts).filter(([, count]) => count > 0);
}

function sumOf(counts: RunSummary['skipped']): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
