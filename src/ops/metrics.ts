// The metrics of a live run in the Prometheus text format, all in one table: name, type, labels, help
// and how to read it. Each is read when somebody asks, all from one look at the run, so the account adds
// up in every answer and the path of an Event knows nothing of metrics. Labels have few values: reasons,
// shards, and the paths of the streams.
import { Counter, Gauge, Registry } from 'prom-client';
import { DEFAULT_DESTINATION } from '../destinations.js';
import type { EngineState, RunSummary } from '../engine.js';
import type { DestinationState } from '../export/sink.js';
import type { StreamView } from '../ingest/watch-view.js';
import type { LiveRun, LiveState } from './live-run.js';

/** A value, and those of the labels in their order. */
type Sample = readonly [value: number, ...labels: string[]];
type Read = (state: LiveState) => Sample[];

export interface Metric {
  type: 'counter' | 'gauge';
  help: string;
  labels: readonly string[];
  read: Read;
}

const MILLIS = 1000;
const MICROS = 1_000_000;

/** By name. */
export const METRICS: Readonly<Record<string, Metric>> = {
  kspan_frames_total: counter(
    'Frames read, by what they were: event, metadata, ignored or skipped.',
    ofAccount(({ received, metadata, ignored, skipped }) => [
      [received, 'event'],
      [metadata, 'metadata'],
      [ignored, 'ignored'],
      [sumOf(skipped), 'skipped'],
    ]),
    'type',
  ),
  kspan_frames_skipped_total: counter(
    'Frames that could not be read.',
    ofAccount(({ skipped }) => byReason(skipped)),
    'reason',
  ),
  kspan_events_total: counter(
    'Events received: those exported, duplicates, dropped and held.',
    ofAccount(({ received }) => [[received]]),
  ),
  kspan_events_exported_total: counter(
    'Events that have become spans.',
    ofEngine(({ finished }) => [[finished]]),
  ),
  kspan_events_duplicates_total: counter(
    'Events that had been received before.',
    ofAccount(({ duplicates }) => [[duplicates]]),
  ),
  kspan_events_missed_total: counter(
    'Occurrences that were never read, since the next frame of their Event had a higher count; not among those received.',
    ofAccount(({ missed }) => [[missed]]),
  ),
  kspan_events_dropped_total: counter(
    'Events that cannot become spans.',
    ofAccount(({ dropped }) => byReason(dropped)),
    'reason',
  ),
  kspan_events_held: gauge(
    'Events that are being worked on.',
    ofAccount(({ held }) => [[held]]),
  ),
  kspan_events_parked: gauge(
    'Of the Events held, those that wait for the owner of their object.',
    ofEngine(({ parked }) => [[parked]]),
  ),
  kspan_events_late_total: counter(
    'Events that came too late for the reorder window.',
    ofAccount(({ late }) => [[late]]),
  ),
  kspan_events_early_total: counter(
    'Events that a limit kept from waiting: for an owner, or for their time.',
    ofAccount(({ parkedEarly, early }) => [
      [parkedEarly, 'owner'],
      [early, 'time'],
    ]),
    'awaited',
  ),
  kspan_events_altered_total: counter(
    'Events whose text was repaired (no Unicode, long names) or cut (long messages).',
    ofAccount(({ repaired, cut }) => [
      [repaired, 'repaired'],
      [cut, 'cut'],
    ]),
    'how',
  ),
  kspan_owner_index_objects: gauge(
    'Objects whose owners are known.',
    ofEngine(({ objects }) => [[objects]]),
  ),
  kspan_owner_index_lost_total: counter(
    'Objects, or what was told of them, that a limit made kspan forget.',
    ofAccount(({ evicted, forgotten }) => [
      [evicted, 'evicted'],
      [forgotten, 'forgotten'],
    ]),
    'how',
  ),
  kspan_memory_bytes: gauge(
    'Memory that holds the owner index, traces and what waits: of the router, and of each shard by its number. It grows in steps and is not given back.',
    ofEngine(({ routerMemoryBytes, shards }) => [
      [routerMemoryBytes, 'router'],
      ...shards.map(({ memoryBytes }, n): Sample => [memoryBytes, `${n}`]),
    ]),
    'of',
  ),
  kspan_spans_synthetic_total: counter(
    'Spans made that no Event stands for.',
    ofEngine(({ finishedSynthetic }) => [[finishedSynthetic]]),
  ),
  kspan_spans_undelivered_total: counter(
    'Spans that did not get where they should.',
    ofAccount(({ undelivered }) => [[undelivered]]),
  ),
  kspan_export_requests_total: counter(
    'Requests to the back end: delivered, partial (some spans refused) or failed, each with its retries.',
    ofDestinations((name, { requests }) =>
      Object.entries(requests).map(([outcome, count]) => [count, outcome, name]),
    ),
    'outcome',
    'destination',
  ),
  kspan_export_delivered_spans_total: counter(
    'Spans that the back end has taken.',
    ofDestinations((name, { deliveredSpans }) => [[deliveredSpans, name]]),
    'destination',
  ),
  kspan_export_waiting_bytes: gauge(
    'Spans in memory that the back end has not taken; --export-room-bytes is the limit.',
    ofDestinations((name, { waitingBytes }) => [[waitingBytes, name]]),
    'destination',
  ),
  kspan_export_spool_bytes: gauge(
    'Spans on disk that the back end has not taken; --spool-bytes-max is the limit.',
    ofDestinations((name, { spoolBytes }) => [[spoolBytes, name]]),
    'destination',
  ),
  kspan_export_waiting_spans: gauge(
    'Spans that wait to be sent.',
    ofDestinations((name, { waitingSpans }) => [[waitingSpans, name]]),
    'destination',
  ),
  kspan_shard_batches_in_flight: gauge(
    'Batches sent to the worker of a shard whose spans are not taken yet.',
    ofEngine(({ shards }) => shards.map((shard, n) => [shard.batchesInFlight, `${n}`])),
    'shard',
  ),
  kspan_shard_busy_seconds_total: counter(
    'Time that the worker of a shard has worked; its rate is the busy share.',
    ofEngine(({ shards }) => shards.map((shard, n) => [shard.busyMs / MILLIS, `${n}`])),
    'shard',
  ),
  kspan_worker_replacements_total: counter(
    'Workers of a shard that were lost and replaced; nothing is lost with them.',
    ofEngine(({ shards }) => shards.map((shard, n) => [shard.replacements, `${n}`])),
    'shard',
  ),
  kspan_quarantined_total: counter(
    'Records that were left out because a worker failed at them; the Events are dropped as quarantined, too.',
    ofAccount(({ quarantined, dropped }) => [
      [dropped.quarantined ?? 0, 'event'],
      [quarantined - (dropped.quarantined ?? 0), 'other'],
    ]),
    'type',
  ),
  kspan_main_busy_seconds_total: counter(
    'Time that the main thread, which reads and routes, has worked; its rate is the busy share.',
    () => [[performance.eventLoopUtilization().active / MILLIS]],
  ),
  kspan_watch_up: gauge(
    'Whether a stream is open and has read what there was.',
    ofStreams(({ isLive }) => Number(isLive)),
    'path',
  ),
  kspan_watch_silence_seconds: gauge(
    'Time since the last byte of a stream was read.',
    ofStreams(({ silentMs }) => silentMs / MILLIS),
    'path',
  ),
  kspan_watch_restarts_total: counter(
    'Times that a stream had to begin anew; closed is the ordinary end of a watch.',
    ({ restarts }) => restarts.map(({ path, cause, count }) => [count, path, cause]),
    'path',
    'cause',
  ),
  kspan_watch_lag_seconds: gauge(
    "By how much the clock of the stream is behind the API server's.",
    ({ cluster }) => (cluster ? [[cluster.lagMs() / MILLIS]] : []),
  ),
  kspan_lookups_total: counter(
    'Objects of kinds that are not watched, by what came of asking for their metadata: found, gone, refused, failed or left_out (--lookup-rate).',
    ({ cluster }) => Object.entries(cluster?.lookups() ?? {}).map(swapped),
    'outcome',
  ),
  kspan_checkpoint_age_seconds: gauge(
    'Time since the newest checkpoint was taken, or the run began; what came since is read again after a crash.',
    ({ checkpointer }) => (checkpointer ? [[checkpointer.ageMs / MILLIS]] : []),
  ),
  kspan_checkpoint_bytes: gauge('Size of the newest checkpoint of this run.', ({ checkpointer }) =>
    checkpointer ? [[checkpointer.bytes]] : [],
  ),
  process_cpu_seconds_total: counter('Processor time of all threads.', () => {
    const { user, system } = process.cpuUsage();
    return [[(user + system) / MICROS]];
  }),
  process_resident_memory_bytes: gauge('Memory of the process, all threads together.', () => [
    [process.memoryUsage.rss()],
  ]),
  process_start_time_seconds: gauge('When the process began, since the Unix epoch.', () => [
    [performance.timeOrigin / MILLIS],
  ]),
};

export class Metrics {
  readonly contentType: string;
  readonly #run: LiveRun;
  readonly #registry = new Registry();
  #state: LiveState;

  constructor(run: LiveRun) {
    this.#run = run;
    this.#state = run.look();
    this.contentType = this.#registry.contentType;
    for (const [name, metric] of Object.entries(METRICS)) this.#register(name, metric);
  }

  /** All of them, as of now. */
  text(): Promise<string> {
    this.#state = this.#run.look();
    return this.#registry.metrics();
  }

  #register(name: string, { type, help, labels, read }: Metric): void {
    const options = { name, help, labelNames: [...labels], registers: [this.#registry] };
    const samples = () => read(this.#state);
    // The library takes the whole value of a counter only from nought.
    const collect = function (this: Counter | Gauge) {
      this.reset();
      for (const [value, ...of] of samples()) this.labels(...of).inc(value);
    };
    if (type === 'counter') new Counter({ ...options, collect });
    else new Gauge({ ...options, collect });
  }
}

function counter(help: string, read: Read, ...labels: string[]): Metric {
  return { type: 'counter', help, labels, read };
}

function gauge(help: string, read: Read, ...labels: string[]): Metric {
  return { type: 'gauge', help, labels, read };
}

function ofAccount(read: (account: RunSummary) => Sample[]): Read {
  return ({ account }) => (account ? read(account) : []);
}

function ofEngine(read: (engine: EngineState) => Sample[]): Read {
  return ({ engine }) => (engine ? read(engine) : []);
}

/** By name; where there is one, it is the ordinary one. */
function ofDestinations(read: (name: string, state: DestinationState) => Sample[]): Read {
  return ofEngine(({ exports }) => {
    if (!exports) return [];
    const { destinations = [{ ...exports, name: DEFAULT_DESTINATION }] } = exports;
    return destinations.flatMap((one) => read(one.name, one));
  });
}

function ofStreams(read: (stream: StreamView) => number): Read {
  return ({ cluster }) =>
    [...(cluster?.events ?? []), ...(cluster?.metadata ?? [])].map((stream) => [
      read(stream),
      stream.resource.path,
    ]);
}

function byReason(counts: Record<string, number>): Sample[] {
  return Object.entries(counts).map(swapped);
}

function swapped([label, value]: [string, number]): Sample {
  return [value, label];
}

function sumOf(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
