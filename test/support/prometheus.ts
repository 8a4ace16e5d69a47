// Reads the Prometheus text format as strictly as a server does that scrapes it: every sample belongs to
// a family with help and type that stand before it, none comes twice, every value is a number.

/** Values by what stands before them: `kspan_frames_total{type="event"}`. */
export type Samples = ReadonlyMap<string, number>;

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABELS = String.raw`\{${NAME}="(?:[^"\\\n]|\\[\\"n])*"(?:,${NAME}="(?:[^"\\\n]|\\[\\"n])*")*\}`;
const SAMPLE = new RegExp(`^((${NAME})(?:${LABELS})?) (\\S+)$`);
const COMMENT = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`);
const TYPES = ['counter', 'gauge', 'histogram', 'summary'];

/** Throws an Error that shows the first line that is wrong. */
export function parseMetrics(text: string): Samples {
  const samples = new Map<string, number>();
  const told = new Map<string, string[]>();
  for (const line of text.split('\n').filter(Boolean)) {
    const [, what, name, rest = ''] = COMMENT.exec(line) ?? [];
    if (what === 'HELP') told.set(name!, []);
    else if (what === 'TYPE' && TYPES.includes(rest)) told.get(name!)!.push(rest);
    else addSample(line, samples, told);
  }
  return samples;
}

function addSample(line: string, samples: Map<string, number>, told: Map<string, string[]>): void {
  const [, key, name = '', value] = SAMPLE.exec(line) ?? [];
  const family = [name, name.replace(/_(bucket|sum|count)$/, '')].find((one) => told.has(one));
  if (!key || !family || told.get(family)!.length !== 1) throw new Error(`no sample: ${line}`);
  if (samples.has(key) || Number.isNaN(Number(value))) throw new Error(`wrong sample: ${line}`);
  samples.set(key, Number(value));
}

/** All values of a metric together. */
export function total(samples: Samples, name: string): number {
  return [...samples]
    .filter(([key]) => key === name || key.startsWith(`${name}{`))
    .reduce((sum, [, value]) => sum + value, 0);
}
