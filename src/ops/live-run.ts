// A live run as those see it who ask how it gets on: metrics and readiness. The run puts in its parts as
// they come to be; `look` takes one consistent picture of them, and costs nothing until it is called.
import type { Checkpointer } from '../checkpoint/checkpointer.js';
import type { Engine, EngineState, RunSummary } from '../engine.js';
import type { ClusterView, StreamReport } from '../ingest/watch-view.js';

/** How often a stream began anew for one cause. */
export interface RestartCount {
  path: string;
  cause: StreamReport['cause'];
  count: number;
}

/** A live run at one moment; what is not there yet is undefined. */
export interface LiveState {
  account: RunSummary | undefined;
  engine: EngineState | undefined;
  cluster: ClusterView | undefined;
  checkpointer: Checkpointer | undefined;
  restarts: readonly RestartCount[];
  /** It was told to end. */
  isEnding: boolean;
}

export class LiveRun {
  engine: Engine | undefined;
  cluster: ClusterView | undefined;
  checkpointer: Checkpointer | undefined;
  /** Aborted when the run is to end. */
  signal: AbortSignal | undefined;
  /** One for each stream and cause. */
  readonly #restarts = new Map<string, RestartCount>();

  countRestart({ path, cause }: StreamReport): void {
    const key = `${path} ${cause}`;
    const known = this.#restarts.get(key);
    if (known) known.count += 1;
    else this.#restarts.set(key, { path, cause, count: 1 });
  }

  look(): LiveState {
    return {
      account: this.engine?.summary(),
      engine: this.engine?.state(),
      cluster: this.cluster,
      checkpointer: this.checkpointer,
      restarts: [...this.#restarts.values()],
      isEnding: this.signal?.aborted ?? false,
    };
  }
}
