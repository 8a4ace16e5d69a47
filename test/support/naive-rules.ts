// The naive oracle's view of crates/correlate/rules/*.yaml: rows in the order of their files, the
// first that fits an Event counts, and a generic row (an upward point that names nothing) when none
// does. Durations are nanoseconds.
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { duration } from './naive-time.ts';

export type Named = 'regarding' | { kind: string; name: string };

export interface Rule {
  controllers?: string[];
  kinds?: string[];
  reasons?: string[];
  message?: string;
  direction: 'up' | 'down';
  names: Named[];
  opens?: 'trace';
  termination?: boolean;
  related?: 'link';
  chain?: 'link' | 'end';
  slack: bigint;
  timeout: bigint;
}

type Row = Omit<Rule, 'slack' | 'timeout'> & { slack?: string; timeout?: string };

const folder = new URL('../../crates/correlate/rules/', import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
const RULES = files
  .sort()
  .flatMap((file) => parse(readFileSync(new URL(file, folder), 'utf8')) as Row[])
  .map(ruleOf);
const GENERIC = ruleOf({ direction: 'up', names: [] });

function ruleOf(row: Row): Rule {
  const { direction = 'up', names = [], slack = '2s', timeout = '0s' } = row;
  return { ...row, direction, names, slack: duration(slack), timeout: duration(timeout) };
}

/** The row that fits and what its expression captured. */
export function findRule(
  controller: string,
  kind: string,
  reason: string,
  message: string,
): { rule: Rule; captures: Record<string, string | undefined> } {
  const text = message.replace(/^\(combined from similar events\): /, '');
  for (const rule of RULES) {
    if (rule.controllers && !rule.controllers.includes(controller)) continue;
    if (rule.kinds && !rule.kinds.includes(kind)) continue;
    if (rule.reasons && !rule.reasons.includes(reason)) continue;
    const match = new RegExp(rule.message ?? '').exec(text);
    if (match) return { rule, captures: match.groups ?? {} };
  }
  return { rule: GENERIC, captures: {} };
}

/** The longest slack among the rows that name objects of this kind; undefined when none does. */
export function slackFor(kind: string): bigint | undefined {
  const rules = RULES.filter((rule) =>
    rule.names.some((named) =>
      named === 'regarding' ? rule.kinds?.includes(kind) : named.kind === kind,
    ),
  );
  return rules.map((rule) => rule.slack).sort((a, b) => Number(b - a))[0];
}
