// A live cluster as one stream of frames: its Events, and the metadata of what they are about. All
// metadata that there is comes before the first Event; after that chunks come as they arrive, and a
// frame that tells nothing but the time when none does. Nothing is read from the sockets that was
// not asked for, and no request is made for an Event about what is watched. What the server refuses
// is told once and done without.
import { setMaxListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { Config } from '../config.js';
import { listOf } from '../config-setting.js';
import { InputError } from '../errors.js';
import type { ObjectMet } from '../wasm.js';
import { ChunkQueue } from './chunk-queue.js';
import { Coverage } from './coverage.js';
import { type ApiResource, Discovery, pathsOf } from './discovery.js';
import type { KubeClient } from './kube-client.js';
import { Liveness } from './liveness.js';
import { Lookups } from './lookups.js';
import { StreamClock } from './stream-clock.js';
import { newestTime, tickFrame } from './watch-frames.js';
import type { Beginning } from './watch-state.js';
import { type WatchedResource, WatchStream } from './watch-stream.js';
import {
  type ClusterPosition,
  type ClusterView,
  isDone,
  isGivenUp,
  type StreamReport,
} from './watch-view.js';

export interface WatchOptions {
  client: KubeClient;
  config: Config;
  /** From where it goes on; unless told it begins as the settings say. */
  position?: ClusterPosition | undefined;
  /** Ends the stream. */
  signal: AbortSignal;
  /** Kinds that were met since it was last asked, such as `apps/v1 Deployment`. */
  takeKindsMet: () => string[];
  /** Objects that Events were about and that are not known, since it was last asked. */
  takeObjectsMet: () => ObjectMet[];
  /** Something that is not watched, and why, as a line. */
  onNotice: (line: string) => void;
  /** A stream had to begin anew. */
  onRestart?: ((report: StreamReport) => void) | undefined;
  /** Given what can be seen of the streams, before they start. */
  onOpen?: ((cluster: ClusterView) => void) | undefined;
}

/** The time is told this often when nothing else comes. */
const TICK_MS = 1000;
/** How late a server may close a watch before it counts as dead. */
const GRACE_MS = 15_000;
/** A list after a break may be without what was written so long before the break. */
const OVERLAP_MS = 60_000;
/** Watched whole: what an autoscaler scales stands in its spec. */
const WHOLE_KINDS = new Set(['HorizontalPodAutoscaler']);
const EVENTS = { group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true };

/** Frames of the cluster until the signal comes. Throws an InputError when no Events can be had. */
export async function* watchCluster(options: WatchOptions): AsyncGenerator<Buffer> {
  const watch = new ClusterWatch(options);
  options.onOpen?.(watch.view);
  try {
    await watch.start();
    while (!options.signal.aborted) {
      const chunk = await watch.next();
      if (chunk) yield chunk;
    }
  } catch (error) {
    if (!options.signal.aborted) throw error;
  } finally {
    watch.stop();
  }
}

class ClusterWatch {
  readonly #options: WatchOptions;
  readonly #namespaces: string[];
  readonly #clock: StreamClock;
  readonly #startedAt: number;
  readonly #queue = new ChunkQueue();
  readonly #coverage: Coverage;
  readonly #lookups: Lookups;
  readonly #liveness: Liveness;
  readonly #ending = new AbortController();
  readonly #events: WatchStream[] = [];
  readonly #metadata: WatchStream[] = [];
  readonly #refused = new Set<string>();
  readonly #metadataRead = gate();
  #lookedAt = 0;
  #told = '';
  #failure: unknown;

  constructor(options: WatchOptions) {
    const { client, config, signal, position } = options;
    this.#options = options;
    this.#namespaces = [...new Set(listOf(config.namespace))];
    this.#clock = new StreamClock(position ? Date.now() - position.clock : config.since);
    this.#startedAt = position?.startedAt ?? this.#clock.now - TICK_MS;
    setMaxListeners(0, this.#ending.signal);
    const discovery = new Discovery(client, this.#ending.signal);
    this.#lookups = this.#newLookups(discovery);
    this.#coverage = new Coverage({
      ...options,
      discovery,
      lookups: this.#lookups,
      namespaces: this.#namespaces,
      onWatch: (resource) => this.#watchMetadata(resource),
    });
    this.#liveness = new Liveness({
      client,
      clock: this.#clock,
      signal: this.#ending.signal,
      onLost: () => {
        for (const stream of [...this.#events, ...this.#metadata]) stream.distrust();
      },
    });
    signal.addEventListener('abort', () => this.stop());
    if (signal.aborted) this.stop();
  }

  get view(): ClusterView {
    return {
      events: this.#events,
      metadata: this.#metadata,
      isCertain: () => this.#liveness.isCertain,
      lagMs: () => this.#clock.lagMs,
      lookups: () => this.#lookups.counts,
      position: () => (this.#hasBegun() ? this.#position() : undefined),
    };
  }

  async start(): Promise<void> {
    const { config, position } = this.#options;
    await this.#coverage.begin(position?.found ?? []);
    for (const path of pathsOf(EVENTS, this.#namespaces)) {
      const stream: WatchStream = this.#open(
        { ...EVENTS, path, metadataOnly: false },
        {
          beginning: config.since > 0 ? 'list' : 'now',
          gate: this.#metadataRead.opened,
          isWanted: (item) => {
            const newest = stream.hasBegun ? stream.readUntil - OVERLAP_MS : 0;
            return !(newestTime(item) < Math.max(this.#startedAt, newest));
          },
        },
      );
      this.#events.push(stream);
    }
  }

  /** The next chunk, or undefined when it has ended. */
  async next(): Promise<Buffer | undefined> {
    this.#clock.look(this.#mayRun());
    while (!this.#ending.signal.aborted) {
      this.#lookAround();
      if (this.#queue.isEmpty) await turn();
      if (this.#queue.isEmpty) await turn();
      const chunk = this.#queue.take() ?? (await this.#tick());
      if (chunk) return chunk;
    }
    return undefined;
  }

  stop(): void {
    this.#ending.abort();
    this.#queue.wake();
  }

  /** Nothing is there to read: waits for something, and tells the time when that has moved. */
  async #tick(): Promise<Buffer | undefined> {
    if (this.#mayRun()) this.#clock.catchUp();
    await this.#queue.arrival(TICK_MS);
    if (!this.#queue.isEmpty) return undefined;
    this.#clock.look(this.#mayRun());
    if (this.#mayRun()) this.#clock.catchUp();
    const text = this.#clock.text;
    if (text === this.#told) return undefined;
    this.#told = text;
    return tickFrame(text);
  }

  #lookAround(): void {
    if (this.#failure) throw this.#failure;
    this.#requireEvents();
    this.#liveness.check();
    if (this.#metadata.every(isDone)) this.#metadataRead.open();
    if (performance.now() - this.#lookedAt < TICK_MS) return;
    this.#lookedAt = performance.now();
    this.#coverage.look().catch((error) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#queue.wake();
  }

  #watchMetadata(resource: ApiResource): void {
    const metadataOnly = !WHOLE_KINDS.has(resource.kind);
    for (const path of pathsOf(resource, this.#namespaces)) {
      const watched: WatchedResource = { ...resource, path, metadataOnly };
      this.#metadata.push(this.#open(watched, { beginning: 'watch-list' }));
    }
  }

  #newLookups(discovery: Discovery): Lookups {
    return new Lookups({
      ...this.#options,
      discovery,
      signal: this.#ending.signal,
      time: () => this.#clock.text,
      onFound: (frame) => this.#queue.put(frame),
    });
  }

  #open(resource: WatchedResource, { beginning, ...more }: StreamStart): WatchStream {
    const { client, config } = this.#options;
    const { watchTimeoutMs: timeoutMs, listPageObjects: pageObjects } = config;
    const stream = new WatchStream({
      client,
      clock: this.#clock,
      resource,
      plan: { beginning, timeoutMs, graceMs: GRACE_MS, pageObjects },
      frameBytesMax: config.frameBytesMax,
      pageBytesMax: config.listPageBytesMax,
      position: this.#options.position?.streams[resource.path],
      signal: this.#ending.signal,
      onReady: () => this.#queue.wake(),
      onRestart: (report) => this.#report(report),
      ...more,
    });
    this.#pump(stream).catch((error) => this.#fail(error));
    return stream;
  }

  async #pump(stream: WatchStream): Promise<void> {
    for await (const chunk of stream.frames()) await this.#queue.put(chunk);
  }

  #report(report: StreamReport): void {
    const { onNotice, onRestart } = this.#options;
    const { path, cause, code } = report;
    onRestart?.(report);
    this.#queue.wake();
    if (cause !== 'refused' || this.#refused.has(path)) return;
    this.#refused.add(path);
    onNotice(`cannot watch ${path}: ${code === 403 ? 'forbidden' : 'not there'} (${code})`);
  }

  /** The Events that there were at the start are read, or the place is known from where on they count. */
  #hasBegun(): boolean {
    return this.#events.length > 0 && this.#events.every(isDone);
  }

  #position(): ClusterPosition {
    const streams = [...this.#events, ...this.#metadata];
    return {
      clock: this.#clock.now,
      startedAt: this.#startedAt,
      streams: Object.fromEntries(
        streams.map(({ resource, position }) => [resource.path, position]),
      ),
      found: this.#coverage.found,
    };
  }

  /** Whether nothing is being waited for: time may go on. */
  #mayRun(): boolean {
    const isWaitedFor = (stream: WatchStream) => !stream.isLive && !isGivenUp(stream);
    return (
      this.#events.some((stream) => stream.isLive) &&
      !this.#events.some(isWaitedFor) &&
      !this.#metadata.some(isWaitedFor)
    );
  }

  #requireEvents(): void {
    const isHopeless = (stream: WatchStream) => stream.isRefused && !stream.hasBegun;
    if (this.#events.length === 0 || !this.#events.every(isHopeless)) return;
    const { server } = this.#options.client;
    throw new InputError('input_unreadable', `${server} does not let Events be watched`);
  }
}

interface StreamStart {
  beginning: Beginning;
  gate?: Promise<void>;
  isWanted?: (item: Buffer) => boolean;
}

function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
