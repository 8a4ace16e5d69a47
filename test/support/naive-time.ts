// Times of the naive oracle: nanoseconds since the Unix epoch, read from and written as RFC 3339.

export const SECOND = 1_000_000_000n;
export const SECOND_END = SECOND - 1n;
export const MINUTE = 60n * SECOND;

/** `precise`: known to less than a second. */
export interface Stamp {
  at: bigint;
  precise: boolean;
}

/** The start of the second. */
export const floor = (at: bigint): bigint => at - (at % SECOND);

/** The time of an RFC 3339 text; undefined when there is none. */
export function stamp(text: unknown, precise?: boolean): Stamp | undefined {
  const [, seconds, fraction, zone] = /^([^.Z+]{19})(\.\d+)?(Z|[+-].*)$/.exec(`${text}`) ?? [];
  if (seconds === undefined) return undefined;
  const nanos = BigInt((fraction ?? '.').slice(1).padEnd(9, '0').slice(0, 9));
  const at = BigInt(Date.parse(seconds + zone)) * 1_000_000n + nanos;
  return { at, precise: precise ?? fraction !== undefined };
}

/** RFC 3339 in UTC without trailing zeros in the fraction. */
export function rfc3339(at: bigint): string {
  const seconds = new Date(Number(at / 1_000_000n)).toISOString().slice(0, 19);
  const fraction = `${at % SECOND}`.padStart(9, '0').replace(/0+$/, '');
  return `${seconds}${fraction && `.${fraction}`}Z`;
}

/** Nanoseconds of a duration as Go prints it: 1m2.5s, 350ms. */
export function duration(text: string): bigint {
  const units = new Map([
    ['h', 3.6e12],
    ['m', 6e10],
    ['s', 1e9],
    ['ms', 1e6],
    ['µs', 1e3],
  ]);
  const parts = [...text.matchAll(/([\d.]+)(h|ms|m|s|µs)/g)];
  const sum = parts.reduce((total, [, n, unit]) => total + Number(n) * (units.get(unit!) ?? 0), 0);
  return BigInt(Math.round(sum));
}
