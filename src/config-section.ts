// The structured sections of the configuration file (`rules`, `destinations`): a list of maps, each with a
// key that names it. In comes what was read, out comes what its schema makes of it; what is wrong is a
// ConfigError of one line that says where it stands, in which map and at which of its keys.
import { z } from 'zod';
import { ConfigError } from './errors.js';

/** The way to a value in the list: `[2, 'names', 0, 'kind']`. */
export type SectionPath = readonly PropertyKey[];
/** Says where a value is written: `FILE:LINE: `. */
export type PlaceOf = (path: SectionPath) => string;

export interface Section<T> {
  /** Its key in the file. */
  key: string;
  /** The key of a map that names it. */
  label: string;
  schema: z.ZodType<T[]>;
}

export const text = z.string('must be text');
export const list = <T extends z.ZodType>(item: T) => z.array(item, 'must be a list');
export const texts = list(text);

/** For a `strictObject`. */
export function mapError(issue: { code?: string; keys?: string[] }): string {
  const unknown = issue.code === 'unrecognized_keys' && issue.keys?.[0];
  return unknown ? `has an unknown key "${unknown}"` : 'must be a map';
}

/** The checked maps of a section. */
export function checkSection<T>(section: Section<T>, given: unknown, placeOf: PlaceOf): T[] {
  const parsed = section.schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const { path, message } = issue;
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const value = valueName(path.slice(1));
  const what = `${labelOf(section, given, path[0])}${value && `: ${value}`} ${message}`;
  throw new ConfigError('config_invalid', placeOf([...path, ...unknown]) + what);
}

/** `rules[2] (id my-row)` */
export function labelOf(
  { key, label }: Pick<Section<unknown>, 'key' | 'label'>,
  given: unknown,
  index: PropertyKey | undefined,
): string {
  if (index === undefined) return key;
  const name = Object((given as unknown[])[Number(index)])[label];
  return `${key}[${String(index)}]${typeof name === 'string' ? ` (${label} ${oneLine(name)})` : ''}`;
}

/** `names[0].kind` */
function valueName(path: SectionPath): string {
  const keys = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`));
  return keys.join('').slice(1);
}

export function oneLine(what: string): string {
  return what.replaceAll(/\s*\n\s*/g, ' ');
}
