// Every setting and limit, in one table: default, range, unit and what happens at the limit. Its key
// gives the flag (--reorder-window-ms), the environment variable (KSPAN_REORDER_WINDOW_MS) and the key
// of the configuration file (reorderWindowMs); a row also names the standard OpenTelemetry variables
// that serve it. config-load.ts finds and checks the values.
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import {
  address,
  duration,
  flag,
  names,
  number,
  oneOf,
  type Setting,
  text,
  url,
  wholeNumber,
} from './config-setting.js';
import type { Destination } from './destinations.js';
import type { RuleRow } from './rules.js';

/** Where spans go: text for people, OTLP to a back end, OTLP as JSON lines, or nowhere. */
export const FORMATS = ['tree', 'otlp', 'otlp-json', 'none'] as const;
export type Format = (typeof FORMATS)[number];

/** What `kspan watch` logs: that, and all that is graver. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

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

export const SETTINGS = {
  format: oneOf(
    FORMATS,
    'tree',
    `where spans go: ${FORMATS.join(', ')}; watch sends otlp unless told`,
  ),
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
  kubeconfig: text(
    'kubeconfig of the cluster to watch (also KUBECONFIG, ~/.kube/config, a service account)',
  ),
  context: text('context of the kubeconfig; its current one unless told'),
  namespace: names([], 'watch these namespaces only; all, with nodes, unless told'),
  since: duration('watch: begin with Events not older than this; with new ones unless told'),
  kinds: names(
    [
      'pods',
      'replicationcontrollers',
      'persistentvolumeclaims',
      'nodes',
      'namespaces',
      'deployments.apps',
      'replicasets.apps',
      'statefulsets.apps',
      'daemonsets.apps',
      'jobs.batch',
      'cronjobs.batch',
      'horizontalpodautoscalers.autoscaling',
    ],
    'resources whose metadata is watched, as RESOURCE.GROUP',
  ),
  foundKindsMax: number(
    64,
    [0, 1000],
    'kinds',
    'custom resources, met as owners or in Events, whose metadata is watched too',
    'further ones are not watched: their objects are roots',
  ),
  lookupRate: number(
    10,
    [0, 1000],
    'objects/s',
    'objects of kinds that are not watched whose metadata is asked for, each once; 0: none',
    'further ones wait, and their Events go on with what is known; 1000 may wait, the rest is left out',
  ),
  lookupBurst: number(
    50,
    [1, 10_000],
    'objects',
    'of those, asked for at once after a pause',
    'the rate holds',
  ),
  watchTimeoutMs: number(
    60_000,
    [5000, 3_600_000],
    'ms',
    'how long one watch lasts; a connection that is dead is found out by then',
    'it is asked for again from where it was',
  ),
  listPageObjects: number(500, [1, 10_000], 'objects', 'asked for in one page of a list'),
  listPageBytesMax: number(
    64 * MIB,
    [64 * KIB, GIB],
    'bytes',
    'size of one page of a list',
    'half as many objects are asked for',
  ),
  stateDir: text(
    'watch: keep checkpoints in this folder, of one process at a time, and go on from the newest',
  ),
  checkpointIntervalMs: number(
    5000,
    [100, 3_600_000],
    'ms',
    'from one checkpoint to the next, or more where taking one takes long; spans go out with one',
  ),
  outboxBytesMax: number(
    16 * MIB,
    [0, GIB],
    'bytes',
    'finished spans that wait for a checkpoint',
    'one is taken at once',
  ),
  captureTo: text('watch: also record the frames to this file, as kspan record does'),
  recordBytesMax: number(
    GIB,
    [KIB, 1024 * GIB],
    'bytes',
    'size of one file of a recording, as it is on the disk',
    'it gets its time into its name, and the next begins',
  ),
  metricsAddr: address(
    'watch: serve /metrics, /healthz and /readyz on HOST:PORT; without a host on all, nowhere unless told',
  ),
  selfTraces: url(
    "send traces of kspan's own work (requests, checkpoints, workers) to this OTLP/HTTP URL, with its path; nowhere unless told",
  ),
  logLevel: oneOf(LOG_LEVELS, 'info', 'watch: what is logged on stderr, as JSON lines'),
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
  journalBytesMax: number(
    8 * MIB,
    [0, 2 * GIB],
    'bytes',
    'batches of one shard that are kept, to give them to the next worker when one is lost',
    'a snapshot of the shard takes their place; they may be 8 times its size first',
  ),
  replacementsMax: number(
    8,
    [0, 1000],
    'workers',
    'replaced one after the other, of one shard, without any news from it',
    'the run ends with an error',
  ),
  quarantineFile: text(
    'frames that make a worker fail go there; kspan-quarantine.ndjson in the state folder or that for temporary files unless told',
  ),
  quarantineBytesMax: number(
    64 * MIB,
    [0, GIB],
    'bytes',
    'size of that file',
    'further frames are counted only',
  ),
  quarantinedMax: number(
    100,
    [0, 1_000_000],
    'frames',
    'left out of one run because a worker failed at them',
    'the run ends with an error',
  ),
  objectsMax: number(
    1_000_000,
    [1, 100_000_000],
    'objects',
    'objects whose owners are remembered',
    'the one longest without news is forgotten, owners last',
  ),
  eventUidsMax: number(
    1_000_000,
    [1, 100_000_000],
    'Events',
    'Events remembered to tell duplicates, and to place late ones beside them',
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
  exportRoomBytes: number(
    64 * MIB,
    [0, 16 * GIB],
    'bytes',
    'finished spans in memory that the back end has not taken, those on their way too',
    'they go to --spool-dir, where there is one; else the source is paused',
  ),
  exportQueueSpans: number(
    1_000_000,
    [1, 100_000_000],
    'spans',
    'finished spans in memory that the back end has not taken, counted in spans',
    'as with --export-room-bytes',
    'OTEL_BSP_MAX_QUEUE_SIZE',
  ),
  spoolDir: text(
    'keep spans in this folder, of one process at a time, when they have no room in memory or at the end have not arrived; they go out when they can, also in the next run',
  ),
  spoolBytesMax: number(
    GIB,
    [0, 1024 * GIB],
    'bytes',
    'size of all files in --spool-dir',
    'the source is paused; at the end of a run the rest is lost',
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
    'time for one request with its answer',
    'it is sent again',
    'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT',
    'OTEL_EXPORTER_OTLP_TIMEOUT',
    'OTEL_BSP_EXPORT_TIMEOUT',
  ),
  exportGiveUpMs: number(
    60_000,
    [0, 86_400_000],
    'ms',
    'time for which what does not arrive is sent again; 0, as in watch: without end',
    'the run ends with an error',
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
  /** Of `--format otlp`, beside the ordinary one. */
  destinations: readonly Destination[];
}

/** Settings as a program gives them; what is left out has its default. */
export type PartialConfig = Partial<Omit<Config, 'shards' | 'destinations'>> & {
  shards?: number | 'auto';
};

/** The flag of a setting: `--reorder-window-ms`. */
export function flagOf(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The environment variable of a setting: `KSPAN_REORDER_WINDOW_MS`. */
export function variableOf(key: string): string {
  return `KSPAN_${key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
