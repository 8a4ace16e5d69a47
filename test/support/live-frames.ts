// Follows a fake API server as the engine would, and keeps the frames that came.
import type { PartialConfig } from '../../src/config.ts';
import { resolveConfig } from '../../src/config-load.ts';
import { connect } from '../../src/ingest/kube-client.ts';
import { watchCluster } from '../../src/ingest/watch.ts';
import type { StreamReport } from '../../src/ingest/watch-view.ts';
import type { ObjectMet } from '../../src/wasm.ts';
import type { FakeApiServer, FakeObject } from './fake-api-server.ts';

export interface LiveFrame {
  type: string;
  object: { kind: string; metadata: FakeObject['metadata'] } & Record<string, unknown>;
  receivedAt: string;
  resource: { group: string; version: string; kind: string };
}

export interface Follower extends AsyncDisposable {
  /** All but those that only tell the time. */
  frames: LiveFrame[];
  /** Those too. */
  ticks: string[];
  notices: string[];
  restarts: StreamReport[];
  /** What the Router would have met. */
  meet(kind: string): void;
  /** Whose metadata the Router would not know. */
  meetObject(object: ObjectMet): void;
  /** Resolves with the first frame for which this holds. */
  until(holds: (frame: LiveFrame) => boolean): Promise<LiveFrame>;
  /** Resolves with the first restart for this reason. */
  restarted(reason: string): Promise<StreamReport>;
  /** Resolves when the clock was told again. */
  tick(): Promise<string>;
  /** Takes nothing more until `resume`. */
  pause(): void;
  resume(): void;
  /** Rejects as the stream did. */
  ended: Promise<void>;
}

/** Begins at once; disposing it ends the stream. */
export async function follow(server: FakeApiServer, given: PartialConfig = {}): Promise<Follower> {
  const config = resolveConfig({ kinds: 'pods', ...given });
  const client = await connect({ kubeconfig: server.kubeconfig, context: '' });
  const ending = new AbortController();
  const [frames, ticks, notices] = [[], [], []] as [LiveFrame[], string[], string[]];
  const restarts: StreamReport[] = [];
  const met: string[] = [];
  const objects: ObjectMet[] = [];
  let listeners: (() => void)[] = [];
  let paused: Promise<void> | undefined;
  let resume = () => {};
  const { signal } = ending;
  const source = watchCluster({
    client,
    config,
    signal,
    takeKindsMet: () => met.splice(0),
    takeObjectsMet: () => objects.splice(0),
    onNotice: (line) => notices.push(line),
    onRestart: (report) => {
      restarts.push(report);
      tell();
    },
  });

  function tell(): void {
    for (const told of listeners.splice(0)) told();
  }

  async function read(): Promise<void> {
    for await (const chunk of source) {
      for (const line of Buffer.from(chunk).toString().split('\n').filter(Boolean)) {
        const frame = JSON.parse(line);
        if (frame.type === 'BOOKMARK') ticks.push(frame.receivedAt);
        else frames.push(frame);
      }
      tell();
      await paused;
    }
  }

  const ended = read().finally(() => client.close());
  ended.catch(() => {});
  const news = () =>
    Promise.race([
      ended.then(() => Promise.reject(new Error('the stream has ended'))),
      new Promise<void>((resolve) => {
        listeners.push(resolve);
      }),
    ]);
  return {
    frames,
    ticks,
    notices,
    restarts,
    ended,
    meet: (kind) => met.push(kind),
    meetObject: (object) => {
      met.push(`${object.apiVersion} ${object.kind}`);
      objects.push(object);
    },
    async until(holds) {
      for (;;) {
        const found = frames.find(holds);
        if (found) return found;
        await news();
      }
    },
    async restarted(reason) {
      for (;;) {
        const found = restarts.find((report) => report.reason.includes(reason));
        if (found) return found;
        await news();
      }
    },
    async tick() {
      const before = ticks.length;
      while (ticks.length === before) await news();
      return ticks.at(-1)!;
    },
    pause() {
      paused = new Promise((resolve) => {
        resume = resolve;
      });
    },
    resume: () => {
      paused = undefined;
      resume();
    },
    async [Symbol.asyncDispose]() {
      listeners = [];
      ending.abort();
      await ended.catch(() => {});
    },
  };
}

/** Names the object of a frame. */
export const isOf = (name: string) => (frame: LiveFrame) => frame.object.metadata.name === name;
