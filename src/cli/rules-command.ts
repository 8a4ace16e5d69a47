// `kspan rules`: the rows of the table of causality, the user's first, and what they make of a message.
// Returns the exit code. Needs no cluster and no recording.
import { type Environment, loadConfig } from '../config-load.js';
import type { RuleRow } from '../rules.js';
import { compileWasm, type RuleTrial, WasmRules } from '../wasm.js';
import type { Flags, RulesCommand } from './arguments.js';

interface Rows {
  all: RuleRow[];
  isOwn(row: RuleRow): boolean;
}

export function rulesCommand({ message, flags }: RulesCommand, env: Environment): number {
  const { rules: own } = loadConfig(flags, env);
  const table = new WasmRules(compileWasm(), own);
  const all = [...own, ...(table.builtin() as RuleRow[])];
  const rows = { all, isOwn: (row: RuleRow) => own.includes(row) };
  if (message === undefined) {
    console.log(listText(rows));
    return 0;
  }
  const trials = table.tryMessage({ ...flags, message });
  return report(trials, rows, flags);
}

function listText({ all, isOwn }: Rows): string {
  const lines = all.map((row) => [
    nameOf(row, isOwn(row)),
    shortened(row.controllers),
    shortened(row.kinds),
    deedsOf(row).join(', ') || '-',
    listed(row.reasons) || '*',
  ]);
  return aligned([['ROW', 'CONTROLLERS', 'KINDS', 'DOES', 'REASONS'], ...lines]);
}

/** What a row does with other objects, with traces and with phases. */
function deedsOf({ names, direction, opens, begins, timeout, ends, ...row }: RuleRow): string[] {
  const kinds = (names ?? []).map((named) => (named === 'regarding' ? 'itself' : named.kind));
  const links = (row.links ?? []).map((link) => (typeof link === 'string' ? link : link.kind));
  if (row.lists) links.push('what it lists');
  return [
    names ? `names ${kinds.join(' ')}${direction === 'down' ? ' (down)' : ''}` : '',
    opens ? 'opens a trace' : '',
    begins ? `begins ${begins} ${timeout}` : '',
    ends ? `ends ${ends.join(' ')}` : '',
    links.length > 0 ? `links ${links.join(' ')}` : '',
  ].filter(Boolean);
}

function aligned(lines: string[][]): string {
  const widthOf = (column: number) => Math.max(...lines.map((line) => line[column]!.length));
  const widths = lines[0]!.map((_, column) => widthOf(column));
  const text = (line: string[]) => line.map((cell, column) => cell.padEnd(widths[column]!));
  return lines.map((line) => text(line).join('  ').trimEnd()).join('\n');
}

/** Rows that take any message say nothing of one while nothing else speaks for them. */
function report(trials: RuleTrial[], { all, isOwn }: Rows, { reason, controller }: Flags): number {
  const byId = new Map(all.map((row) => [row.id, row]));
  const fitting = trials.map((trial) => ({ trial, row: byId.get(trial.id)! }));
  const known = fitting.filter(({ row: { message, reasons } }) => {
    return (message ?? (reasons ? reason : controller)) !== undefined;
  });
  const texts = known.map(({ trial, row }) => trialText(trial, row, isOwn(row)));
  if (known.length > 1) texts.push('The first row is the one that counts.');
  if (known.length === 0) texts.push(unknownText(fitting.length));
  console.log(texts.join('\n\n'));
  return known.length > 0 ? 0 : 1;
}

function unknownText(takeAny: number): string {
  const perhaps = `${takeAny} rows take any message, --reason and --controller tell which`;
  return `no row: it is a point in time that names nothing${takeAny > 0 ? `; ${perhaps}` : ''}`;
}

function trialText(trial: RuleTrial, row: RuleRow, isOwn: boolean): string {
  const of = [row.controllers, row.kinds, row.reasons].map(listed).filter(Boolean).join(' | ');
  const facts: [string, string][] = [
    ['of', of],
    ['groups', trial.groups.map(([group, held]) => `${group}=${held}`).join(' ')],
    ['names', trial.names.map(objectText).join(', ')],
    ['direction', trial.names.length > 0 ? (row.direction ?? 'up') : ''],
    ['links', trial.links.map(linkText).join(', ')],
    ['opens', row.opens ? 'a trace' : ''],
    ['begins', row.begins ? phaseText(row) : ''],
    ['ends', listed(row.ends)],
    ['lasted', trial.nanos === null ? '' : `${trial.nanos / 1e9} s`],
  ];
  const told = facts.filter(([, fact]) => fact);
  const lines = told.map(([name, fact]) => `  ${name.padEnd(9)}  ${fact}`);
  return [nameOf(row, isOwn), ...lines].join('\n');
}

function nameOf({ id }: RuleRow, isOwn: boolean): string {
  return isOwn ? `${id} (yours)` : id;
}

function objectText([kind, namespace, name]: readonly string[]): string {
  return name ? `${kind} ${namespace && `${namespace}/`}${name}` : 'its own object';
}

function linkText([kind, ...object]: readonly string[]): string {
  return object.length > 0 ? objectText(object) : kind!;
}

function phaseText({ begins, of, timeout }: RuleRow): string {
  return `${begins} of ${of ? 'what it names' : 'its own object'}, for ${timeout} at most`;
}

/** The first, and how many more there are. */
function shortened([first = '*', ...more]: readonly string[] = []): string {
  return more.length > 0 ? `${first} +${more.length}` : first;
}

function listed(items: readonly string[] | undefined): string {
  return (items ?? []).join(', ');
}
