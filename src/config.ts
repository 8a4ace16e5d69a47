// Every setting and limit, in one table: default, range, unit and what happens at the limit. Its key
// gives the flag (--reorder-window-ms), the environment variable (KSPAN_REORDER_WINDOW_MS) and the key
// of the configuration file (reorderWindowMs); a row also names the standard OpenTelemetry variables
// that serve it. config-load.ts finds and checks the values.
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import type { RuleRow } from './rules.js';

/** Where spans go: text for people, OTLP to a back end, OTLP as JSON lines, or nowhere. */
export const FORMATS = ['tree', 'otlp', 'otlp-json', 'none'] as const;
export type Format = (typeof FORMATS)[number];

/** What is used of a zod schema. The published types name no package that a user would lack. */
interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false };
}

interface Setting<T> {
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

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

function number(
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

function text(says: string, ...standard: string[]): Setting<string> {
  const schema = z.string();
  return { schema, fallback: '', unit: '', expects: 'text', says, atLimit: '', standard };
}

function names(fallback: readonly string[], says: string): Setting<string> {
  return { ...text(says), fallback: fallback.join(','), expects: 'names, separated by commas' };
}

function wholeNumber(min: number, max: number) {
  const digits = z.string().trim().regex(/^\d+$/).transform(Number);
  return z.union([z.number(), digits]).pipe(z.number().int().min(min).max(max));
}

function shards(): Setting<number> {
  const auto = z.literal('auto').transform(() => Math.max(1, availableParallelism() - 1));
  return {
    schema: z.union([auto.pipe(z.number().transform((n) => Math.min(n, 64))), wholeNumber(1, 64)]),
    fallback: 'auto',
    unit: 'threads',
    expects: '"auto" or a whole number from 1 to 64',
    says: 'worker threads; auto leaves one core to the main thread',
    atLimit: '',
    standard: [],
  };
}

function format(): Setting<Format> {
  return {
    schema: z.enum(FORMATS),
    fallback: 'tree',
    unit: '',
    expects: `one of ${FORMATS.join(', ')}`,
    says: `where spans go: ${FORMATS.join(', ')}`,
    atLimit: '',
    standard: [],
  };
}

function flag(says: string): Setting<boolean> {
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

export const SETTINGS = {
  format: format(),
  out: text('write spans to this file, gzipped when it ends in .gz (tree and otlp-json)'),
  strict: flag('exit with 1 when anything was skipped or dropped'),
  shards: shards(),
  reorderWindowMs: number(
    5000,
    [0, 600_000],
    'ms',
    'how long to wait for what arrives out of order',
    'later ones are placed as of their time and marked late',
  ),
  idleMs: number(120_000, [1000, 86_400_000], 'ms', 'a trace without news closes after this'),
  clusterName: text('k8s.cluster.name of every span (also from OTEL_RESOURCE_ATTRIBUTES)'),
  serviceName: text('one service.name for all spans', 'OTEL_SERVICE_NAME'),
  traceparentAnnotations: names(
    [
      'tracing.k8s.io/traceparent',
      'traceparent',
      'tekton.dev/pipelinerunSpanContext',
      'tekton.dev/taskrunSpanContext',
      'tekton.dev/customrunSpanContext',
      'workflows.argoproj.io/trace-id',
    ],
    'annotations of objects that hold a trace context to link to; the first that is valid counts',
  ),
  sourceChunkBytes: number(512 * KIB, [1, 16 * MIB], 'bytes', 'read from an input at a time'),
  shardBatchBytes: number(
    512 * KIB,
    [1, 64 * MIB],
    'bytes',
    'input for each shard that makes a batch',
  ),
  batchesInFlight: number(
    4,
    [1, 64],
    'batches',
    'how far a shard may lag behind the reader',
    'reading waits',
  ),
  objectsMax: number(
    1_000_000,
    [1, 100_000_000],
    'objects',
    'objects whose owners are remembered',
    'the one longest without news is forgotten',
  ),
  eventUidsMax: number(
    1_000_000,
    [1, 100_000_000],
    'Events',
    'Events remembered to tell duplicates',
    'the older half is forgotten',
  ),
  parkedBytesMax: number(
    64 * MIB,
    [0, GIB],
    'bytes',
    'Events that wait for the owner of their object',
    'the oldest goes on with what is known',
  ),
  untimedBytesMax: number(
    GIB,
    [0, 2 * GIB],
    'bytes',
    'Events without receivedAt, which wait for the end of the input',
    'the run ends with an error',
  ),
  frameBytesMax: number(
    8 * MIB,
    [1 * KIB, 256 * MIB],
    'bytes',
    'size of one frame',
    'a larger one is skipped and counted',
  ),
  exportBatchSpans: number(
    512,
    [1, 65_536],
    'spans',
    'spans in one request or line',
    'the next request or line begins',
    'OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
  ),
  exportBatchBytes: number(
    MIB,
    [KIB, 64 * MIB],
    'bytes',
    'bytes in one request or line',
    'the next begins; a larger span goes alone',
  ),
  exportQueueSpans: number(
    2048,
    [1, 1_000_000],
    'spans',
    'spans that may wait for the back end',
    'the source is paused',
    'OTEL_BSP_MAX_QUEUE_SIZE',
  ),
  exportDelayMs: number(
    5000,
    [0, 600_000],
    'ms',
    'a batch that is not full goes after this',
    '',
    'OTEL_BSP_SCHEDULE_DELAY',
  ),
  exportsInFlight: number(4, [1, 64], 'requests', 'requests to the back end at a time', 'waits'),
  exportTimeoutMs: number(
    10_000,
    [1, 600_000],
    'ms',
    'time for one request with its retries',
    'the run ends with an error',
    'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT',
    'OTEL_EXPORTER_OTLP_TIMEOUT',
    'OTEL_BSP_EXPORT_TIMEOUT',
  ),
  treeSpansMax: number(
    100_000,
    [1, 10_000_000],
    'spans',
    'spans that a tree may show',
    'the run ends with an error',
  ),
  shutdownTimeoutMs: number(
    10_000,
    [0, 3_600_000],
    'ms',
    'time after the first SIGINT or SIGTERM to finish what was read',
    'spans not written by then are lost, and counted as held',
  ),
} as const satisfies Record<string, Setting<unknown>>;

export type SettingKey = keyof typeof SETTINGS;

type ValueOf<S> = S extends Setting<infer T> ? T : never;

/** All settings, checked. */
export type Settings = { [Key in SettingKey]: ValueOf<(typeof SETTINGS)[Key]> };

/** All that is set, checked. */
export interface Config extends Settings {
  /** The user's rows of the table of causality. */
  rules: readonly RuleRow[];
}

/** Settings as a program gives them; what is left out has its default. */
export type PartialConfig = Partial<Omit<Config, 'shards'>> & { shards?: number | 'auto' };

/** The flag of a setting: `--reorder-window-ms`. */
export function flagOf(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The environment variable of a setting: `KSPAN_REORDER_WINDOW_MS`. */
export function variableOf(key: string): string {
  return `KSPAN_${key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
