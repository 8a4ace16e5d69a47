// Drives one list-and-watch stream: does what the state machine (watch-state.ts) says, tells it what came
// of that, and yields chunks of whole frames. It reads no further than it is pulled, so a slow consumer
// slows the server. The position moves only after a chunk was taken. Never ends by itself, and throws
// nothing that the network or the server did: that is what the state machine is for.
import { setTimeout as delay } from 'node:timers/promises';
import { reasonOf } from '../errors.js';
import type { KubeClient, KubeResponse } from './kube-client.js';
import type { StreamClock } from './stream-clock.js';
import { frameEnd, listFrames, newestTime, type ResourceKind, WatchLines } from './watch-frames.js';
import {
  begin,
  type Step,
  step,
  type WatchAction,
  type WatchInput,
  type WatchPlan,
  type WatchState,
} from './watch-state.js';
import type { StreamPosition, StreamReport } from './watch-view.js';

/** What is watched: all objects of a resource, or those in one namespace. */
export interface WatchedResource extends ResourceKind {
  /** `/api/v1/namespaces/shop/pods` */
  path: string;
  /** Only the metadata is asked for. */
  metadataOnly: boolean;
}

export interface StreamOptions {
  client: KubeClient;
  clock: StreamClock;
  resource: WatchedResource;
  plan: WatchPlan;
  frameBytesMax: number;
  pageBytesMax: number;
  /** From where it goes on; from its beginning unless told. */
  position?: StreamPosition | undefined;
  signal: AbortSignal;
  /** The first frames come after this. */
  gate?: Promise<void> | undefined;
  /** Items of a list that are wanted. */
  isWanted?: ((item: Buffer) => boolean) | undefined;
  /** The first list is complete, or a new one. */
  onReady: () => void;
  onRestart: (report: StreamReport) => void;
}

const METADATA = (kind: string) =>
  `application/json;as=${kind};g=meta.k8s.io;v=v1,application/json`;

/** A watch that begins so soon after the end of the one before has nothing to catch up with. */
const CONTINUED_MS = 1000;

const PROGRESS = new Set<WatchInput['type']>(['page', 'frames', 'bookmark']);

export class WatchStream {
  readonly #options: StreamOptions;
  #state: WatchState;
  #actions: WatchAction[];
  #isOpen = false;
  #troubledAt: number | undefined;
  #heardAt = performance.now();
  #endedAt = Number.NEGATIVE_INFINITY;
  #readUntil = 0;
  #reader: Reader | undefined;
  #reason = '';

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#readUntil = options.position?.readUntil ?? 0;
    const first = begin(options.plan, Math.random(), options.position);
    this.#state = first.state;
    this.#actions = first.actions;
  }

  get resource(): WatchedResource {
    return this.#options.resource;
  }

  /** Everything that there was is read, and what comes will come. */
  get isLive(): boolean {
    return this.#isOpen && this.#state.phase.name === 'Watching';
  }

  /** The server does not let it be watched. */
  get isRefused(): boolean {
    return this.#state.phase.name === 'Refused';
  }

  /** Its first list is complete. */
  get hasBegun(): boolean {
    return this.#state.begun;
  }

  /** All that was written before has come, on the clock of the stream. */
  get readUntil(): number {
    return this.#readUntil;
  }

  /** All before it was handed on and taken. */
  get position(): StreamPosition {
    const { begun, version } = this.#state;
    return { begun, version, readUntil: this.#readUntil };
  }

  /** For how long nothing has worked. */
  get troubledMs(): number {
    return this.#troubledAt === undefined ? 0 : performance.now() - this.#troubledAt;
  }

  /** Since the server sent a byte that was read, or since the start. */
  get silentMs(): number {
    return performance.now() - this.#heardAt;
  }

  /** The network is lost: an open connection may be dead, so it is made anew. */
  distrust(): void {
    this.#reader?.kill();
  }

  /** Chunks of frames, until the signal says so. */
  async *frames(): AsyncGenerator<Buffer> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      const actions = this.#actions;
      for (const action of actions) yield* this.#perform(action);
    }
  }

  async *#perform(action: WatchAction): AsyncGenerator<Buffer> {
    const { signal, onReady, onRestart, resource } = this.#options;
    switch (action.do) {
      case 'list':
        return yield* this.#list(action);
      case 'watch':
        return yield* this.#watch(action);
      case 'wait':
        await delay(action.ms, undefined, { signal }).catch(() => {});
        return this.#tell({ type: 'waited' });
      case 'refresh':
        return this.#refresh();
      case 'restart': {
        const { cause, code } = action;
        const again = this.#troubledAt !== undefined;
        if (cause === 'closed') this.#troubledAt = undefined;
        else this.#troubledAt ??= performance.now();
        return onRestart({ path: resource.path, cause, code, reason: this.#reason, again });
      }
      case 'ready':
        this.#readUntil = this.#options.clock.now;
        return onReady();
    }
  }

  async *#list(action: WatchAction & { do: 'list' }): AsyncGenerator<Buffer> {
    const { resource, clock, pageBytesMax, gate, isWanted } = this.#options;
    if (!action.probe) await gate;
    const query: Record<string, string> = { limit: String(action.limit) };
    if (action.continueToken) query.continue = action.continueToken;
    const response = await this.#get('PartialObjectMetadataList', query);
    if (!response) return;
    const wanted = action.probe ? () => false : isWanted;
    try {
      const page = await readPage(response, pageBytesMax);
      if (!page) return this.#tell({ type: 'page-too-large' });
      const { frames, ...position } = listFrames(page, frameEnd(resource, clock.text), wanted);
      if (frames.length > 0) yield frames;
      this.#tell({ type: 'page', ...position });
    } catch (error) {
      this.#fail(error);
    }
  }

  async *#watch(action: WatchAction & { do: 'watch' }): AsyncGenerator<Buffer> {
    const { gate, clock, resource, frameBytesMax } = this.#options;
    await gate;
    const response = await this.#get('PartialObjectMetadata', watchQuery(action));
    if (!response) return;
    const openedAt = performance.now();
    const reader = new Reader(response, action.silenceMs);
    this.#reader = reader;
    const lines = new WatchLines(frameBytesMax);
    const pending = this.#actions;
    this.#isOpen = true;
    if (!resource.metadataOnly && openedAt - this.#endedAt > CONTINUED_MS) clock.fallBehind(this);
    try {
      while (this.#actions === pending) {
        const chunk = await reader.next();
        this.#heardAt = performance.now();
        clock.heard();
        if (!chunk) return this.#close(this.#heardAt - openedAt);
        const found = lines.push(chunk, frameEnd(resource, clock.text));
        if (found.frames.length > 0) {
          if (clock.isBehind) clock.read(this, newestTime(found.frames));
          yield found.frames;
          this.#tell({ type: 'frames', version: found.version });
        }
        if (found.bookmark) this.#tell({ type: 'bookmark', ...found.bookmark });
        if (found.errorCode) return this.#tell({ type: 'status', code: found.errorCode });
        this.#readUntil = clock.now;
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isOpen = false;
      reader.end();
      clock.stop();
    }
  }

  /** The server ended the watch: all that was written by now has come. */
  #close(lastedMs: number): undefined {
    this.#endedAt = this.#heardAt;
    this.#tell({ type: 'closed', lastedMs });
  }

  /** Undefined: there was no answer, or none of use; the state machine was told. */
  async #get(metadataKind: string, query: Record<string, string>) {
    const { client, resource, signal, clock } = this.#options;
    const accept = resource.metadataOnly ? METADATA(metadataKind) : 'application/json';
    const askedAt = performance.now();
    try {
      const path = `${resource.path}?${new URLSearchParams(query)}`;
      const response = await client.get(path, { accept, signal });
      const { status, serverTime, retryAfterMs } = response;
      this.#heardAt = performance.now();
      clock.answered(this.#heardAt - askedAt, serverTime);
      if (status === 200) return response;
      response.body.destroy();
      return this.#tell({ type: 'status', code: status, retryAfterMs });
    } catch (error) {
      return this.#fail(error);
    }
  }

  /** What cannot be read now may be there at the next try. */
  #refresh(): void {
    try {
      this.#options.client.refresh();
    } catch (error) {
      this.#reason = reasonOf(error);
    }
  }

  #fail(error: unknown): undefined {
    this.#reason = reasonOf(error);
    this.#tell({ type: 'failed' });
  }

  #tell(input: WatchInput): undefined {
    const { state, actions }: Step = step(this.#state, input, Math.random());
    this.#state = state;
    if (PROGRESS.has(input.type)) this.#troubledAt = undefined;
    if (actions.length > 0) this.#actions = actions;
  }
}

/** Undefined: it is larger than a page may be. */
async function readPage(response: KubeResponse, bytesMax: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > bytesMax) return undefined;
  }
  return Buffer.concat(chunks);
}

function watchQuery(action: WatchAction & { do: 'watch' }): Record<string, string> {
  const timeoutSeconds = String(Math.ceil(action.timeoutMs / 1000));
  const query = { watch: '1', allowWatchBookmarks: 'true', timeoutSeconds };
  return action.initial
    ? { ...query, sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
    : { ...query, resourceVersion: action.version };
}

/** A body of which each read must bring something in time. While nobody reads, no time passes. */
class Reader {
  readonly #body: KubeResponse['body'];
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #silence: NodeJS.Timeout;
  #isReading = false;
  #isSilent = false;

  constructor({ body }: KubeResponse, silenceMs: number) {
    this.#body = body;
    this.#iterator = body[Symbol.asyncIterator]();
    this.#silence = setTimeout(() => {
      if (this.#isReading) this.kill();
    }, silenceMs);
  }

  /** Undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    this.#isReading = true;
    this.#silence.refresh();
    try {
      const { done, value } = await this.#iterator.next();
      return done ? undefined : value;
    } catch (error) {
      throw this.#isSilent ? new Error('nothing came in time: the connection is dead') : error;
    } finally {
      this.#isReading = false;
    }
  }

  /** The next read fails. */
  kill(): void {
    this.#isSilent = true;
    this.#body.destroy();
  }

  end(): void {
    clearTimeout(this.#silence);
    this.#body.destroy();
  }
}
