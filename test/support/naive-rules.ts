// The naive oracle's view of crates/correlate/rules/*.yaml: the first row that fits an Event counts,
// those with reasons before those without, and a generic row (an upward point that names nothing) when
// none does. Durations are nanoseconds.
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { ObjectRef } from './naive-model.ts';
import { duration } from './naive-time.ts';

export type Captures = Record<string, string | undefined>;
/** Groups of the message; a kind in capitals is itself, an empty namespace says that it has none. */
export type NamedObject = { kind: string; name: string; namespace?: string };

export interface Rule {
  id: string;
  controllers?: string[];
  kinds?: string[];
  groups?: string[];
  types?: string[];
  reasons?: string[];
  message?: string;
  direction: 'up' | 'down';
  names: ('regarding' | NamedObject)[];
  lists?: string;
  links: ('target' | 'related' | 'node' | NamedObject)[];
  receives?: boolean;
  opens?: 'trace';
  termination?: boolean;
  begins?: string;
  of?: 'named';
  ends: string[];
  key?: string;
  on?: 'root';
  trouble?: boolean;
  slack: bigint;
  timeout: bigint;
}

type Row = Partial<Omit<Rule, 'slack' | 'timeout'>> & { slack?: string; timeout?: string };

/** What a row looks at. */
export interface Told {
  component: string;
  regarding: ObjectRef;
  type: string;
  reason: string;
  message: string;
}

const folder = new URL('../../crates/correlate/rules/', import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
const ROWS = files
  .sort()
  .flatMap((file) => parse(readFileSync(new URL(file, folder), 'utf8')) as Row[])
  .map(ruleOf);
const RULES = [...ROWS.filter((rule) => rule.reasons), ...ROWS.filter((rule) => !rule.reasons)];
const GENERIC = ruleOf({ id: 'generic' });

function ruleOf(row: Row): Rule {
  const { id = '', direction = 'up', names = [], links = [], ends = [] } = row;
  const [slack, timeout] = [duration(row.slack ?? '2s'), duration(row.timeout ?? '0s')];
  return { ...row, id, direction, names, links, ends, slack, timeout };
}

/** The row that fits and what its expression captured. */
export function findRule(told: Told): { rule: Rule; captures: Captures } {
  const { component, regarding, type, reason } = told;
  const text = told.message.replace(/^\(combined from similar events\): /, '');
  const [group] = regarding.apiVersion.includes('/') ? regarding.apiVersion.split('/') : [''];
  for (const rule of RULES) {
    if (rule.controllers && !rule.controllers.some((c) => fits(c, component))) continue;
    if (rule.kinds && !rule.kinds.includes(regarding.kind)) continue;
    if (rule.groups && regarding.apiVersion && !rule.groups.includes(group!)) continue;
    if (rule.types && type && !rule.types.includes(type)) continue;
    if (rule.reasons && !rule.reasons.includes(reason)) continue;
    const match = new RegExp(rule.message ?? '').exec(text);
    if (match) return { rule, captures: match.groups ?? {} };
  }
  return { rule: GENERIC, captures: {} };
}

/** Exactly, or by a prefix that ends in `*`. */
function fits(pattern: string, component: string): boolean {
  return pattern.endsWith('*') ? component.startsWith(pattern.slice(0, -1)) : component === pattern;
}

/** The object that groups of a message name; with no namespace it is in that of the involved one. */
export function objectNamed(
  { kind: ofKind, name: ofName, namespace: group }: NamedObject,
  captures: Captures,
  regarding: ObjectRef,
): ObjectRef[] {
  const kind = /^[A-Z]/.test(ofKind) ? ofKind : captures[ofKind];
  const name = captures[ofName];
  const namespace = group === '' ? '' : (captures[group ?? ''] ?? regarding.namespace);
  return kind && name ? [{ apiVersion: '', kind, namespace, name, uid: '' }] : [];
}

/** The objects that a row's `lists` finds, line by line. */
export function objectsListed({ lists }: Rule, message: string, regarding: ObjectRef): ObjectRef[] {
  if (lists === undefined) return [];
  const groups = { kind: 'kind', name: 'name', namespace: 'namespace' };
  return message
    .split('\n')
    .slice(0, 500)
    .map((line) => new RegExp(lists).exec(line)?.groups)
    .flatMap((captures) => (captures ? objectNamed(groups, captures, regarding) : []));
}

/** The longest slack among the rows that name objects of this kind; undefined when none does. */
export function slackFor(kind: string): bigint | undefined {
  const rules = RULES.filter((rule) =>
    rule.names.some((named) =>
      named === 'regarding'
        ? (rule.kinds?.includes(kind) ?? true)
        : named.kind === kind || !/^[A-Z]/.test(named.kind),
    ),
  );
  return rules.map((rule) => rule.slack).sort((a, b) => Number(b - a))[0];
}
