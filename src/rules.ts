// The rows that a user adds to the table of causality (`rules:` in the configuration file), in the shape
// of the built-in ones (crates/correlate/rules/README.md). Their keys are checked here, what they mean
// in the crate, samples included. What is wrong is a ConfigError of one line that names the row.
import { z } from 'zod';
import {
  checkSection,
  labelOf,
  list,
  mapError,
  oneLine,
  type PlaceOf,
  type Section,
  text,
  texts,
} from './config-section.js';
import { ConfigError } from './errors.js';
import { compileWasm, WasmRules } from './wasm.js';

/** An object that a message tells of: groups of the message, or a kind with a capital letter. */
export interface RuleObject {
  kind: string;
  name: string;
  /** Left out: that of the Event's object; empty: it is cluster-scoped. */
  namespace?: string | undefined;
}

/** A message that the row must know, and what its groups must hold. */
export interface RuleSample {
  message: string;
  want?: Record<string, string> | undefined;
  versions?: string | undefined;
  controller?: string | undefined;
  reason?: string | undefined;
  type?: string | undefined;
}

/** A row; crates/correlate/rules/README.md says what its keys mean. */
export interface RuleRow {
  id: string;
  controllers?: string[] | undefined;
  kinds?: string[] | undefined;
  groups?: string[] | undefined;
  types?: string[] | undefined;
  reasons?: string[] | undefined;
  message?: string | undefined;
  direction?: 'up' | 'down' | undefined;
  names?: ('regarding' | RuleObject)[] | undefined;
  lists?: string | undefined;
  links?: ('target' | 'related' | 'node' | RuleObject)[] | undefined;
  receives?: boolean | undefined;
  opens?: 'trace' | undefined;
  termination?: boolean | undefined;
  begins?: string | undefined;
  of?: 'named' | undefined;
  ends?: string[] | undefined;
  trouble?: boolean | undefined;
  slack?: string | undefined;
  timeout?: string | undefined;
  samples?: RuleSample[] | undefined;
}

const flag = z.boolean('must be true or false');
const word = <T extends string>(...words: [T, ...T[]]) =>
  z.enum(words, `must be ${words.join(' or ')}`);

const object = z.strictObject({ kind: text, name: text, namespace: text.optional() });
const objectOr = <T extends string>(...words: [T, ...T[]]) =>
  z.union([word(...words), object], `must be ${words.join(', ')} or {kind, name, namespace}`);

const sample = z.strictObject(
  {
    message: text,
    want: z.record(text, text, 'must be a map').optional(),
    versions: text.optional(),
    controller: text.optional(),
    reason: text.optional(),
    type: text.optional(),
  },
  { error: mapError },
);

const name = text.regex(/^[\w.-]+$/, 'must be letters, digits, and any of . _ -');
const row = z.strictObject(
  {
    id: name,
    controllers: texts.optional(),
    kinds: texts.optional(),
    groups: texts.optional(),
    types: texts.optional(),
    reasons: texts.optional(),
    message: text.optional(),
    direction: word('up', 'down').optional(),
    names: list(objectOr('regarding')).optional(),
    lists: text.optional(),
    links: list(objectOr('target', 'related', 'node')).optional(),
    receives: flag.optional(),
    opens: word('trace').optional(),
    termination: flag.optional(),
    begins: text.optional(),
    of: word('named').optional(),
    ends: texts.optional(),
    trouble: flag.optional(),
    slack: text.optional(),
    timeout: text.optional(),
    samples: list(sample).optional(),
  },
  { error: mapError },
);
const SECTION: Section<RuleRow> = { key: 'rules', label: 'id', schema: list(row) };

/** Rows that are right. */
export function checkRules(given: unknown, placeOf: PlaceOf): RuleRow[] {
  const rows = checkSection(SECTION, given, placeOf);
  try {
    if (rows.length > 0) new WasmRules(compileWasm(), rows);
    return rows;
  } catch (what) {
    // Anything else is a trap.
    if (typeof what !== 'string') throw what;
    const index = rows.findIndex(({ id }) => what.startsWith(`row ${id}: `));
    const [path, start] = index < 0 ? [[], 0] : [[index], `row ${rows[index]!.id}: `.length];
    const message = `${placeOf(path)}${labelOf(SECTION, given, path[0])}: ${oneLine(what.slice(start))}`;
    throw new ConfigError('config_invalid', message);
  }
}
