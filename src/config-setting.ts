// The kinds of settings that config.ts makes its table of: whole numbers with a unit, texts, names,
// durations and switches. Each has a schema that takes what a flag, a variable, a file or a program may
// give, and says in words what it expects.
import { z } from 'zod';

/** What is used of a zod schema. The published types name no package that a user would lack. */
interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false };
}

/** A row of the table. */
export interface Setting<T> {
  schema: Schema<T>;
  /** Value when nothing is set, in the form a user would write. */
  fallback: string | number | boolean;
  /** Unit of the number, or `''`. */
  unit: string;
  /** What a right value is: "... must be {expects}". */
  expects: string;
  /** What it sets. */
  says: string;
  /** What happens at the limit, or `''`. */
  atLimit: string;
  /** Standard variables that serve it too, the first that is set counts. */
  standard: readonly string[];
}

export function number(
  fallback: number,
  [min, max]: [number, number],
  unit: string,
  says: string,
  atLimit = '',
  ...standard: string[]
): Setting<number> {
  const schema = wholeNumber(min, max);
  const expects = `a whole number from ${min} to ${max}`;
  return { schema, fallback, unit, expects, says, atLimit, standard };
}

export function text(says: string, ...standard: string[]): Setting<string> {
  const schema = z.string();
  return { schema, fallback: '', unit: '', expects: 'text', says, atLimit: '', standard };
}

export function names(fallback: readonly string[], says: string): Setting<string> {
  return { ...text(says), fallback: fallback.join(','), expects: 'names, separated by commas' };
}

/** The names in the value of such a setting. */
export function listOf(value: string): string[] {
  return value
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
}

/** `HOST:PORT`, `[IPV6]:PORT` or `:PORT`, as a server listens on it; port 0 is any that is free. */
export function address(says: string): Setting<string> {
  const words = z.string().regex(/^(([^\s:[\]/]*|\[[0-9a-fA-F:.]+\]):\d{1,5})?$/);
  const schema = words.refine((word) => Number(word.slice(word.lastIndexOf(':') + 1)) <= 65_535);
  return { ...text(says), schema, expects: 'an address such as 127.0.0.1:9090 or :9090' };
}

/** Of http or https. */
export function url(says: string): Setting<string> {
  const isUrl = (word: string) => URL.canParse(word) && /^https?:/.test(word);
  const schema = z.string().refine((word) => word === '' || isUrl(word));
  return { ...text(says), schema, expects: 'an http or https URL' };
}

export function oneOf<const T extends string>(
  values: readonly T[],
  fallback: NoInfer<T>,
  says: string,
): Setting<T> {
  const expects = `one of ${values.join(', ')}`;
  return { ...text(says), schema: z.enum(values), fallback, expects };
}

export function wholeNumber(min: number, max: number) {
  const digits = z.string().trim().regex(/^\d+$/).transform(Number);
  return z.union([z.number(), digits]).pipe(z.number().int().min(min).max(max));
}

export function flag(says: string): Setting<boolean> {
  const words = z.enum(['true', 'false', '1', '0']).transform((w) => w === 'true' || w === '1');
  return {
    schema: z.union([z.boolean(), words]),
    fallback: false,
    unit: '',
    expects: 'true or false',
    says,
    atLimit: '',
    standard: [],
  };
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** As kubectl takes them: `90s`, `10m`, `2h`. The value, which a program gives as such, is milliseconds. */
export function duration(says: string): Setting<number> {
  const words = z.string().regex(/^(\d{1,6}[smh])?$/);
  const millis = words.transform((word) => Number.parseInt(word, 10) * UNIT_MS[word.at(-1)!]! || 0);
  const schema = z.union([z.number().int().min(0), millis]);
  return { ...text(says), schema, expects: 'a time such as 90s, 10m or 2h' };
}
