// `kspan watch` in a process of its own, as a user would start it, with its metrics served: what it tells
// of itself is asked for until it is what a test waits for.
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { type Outcome, outcomeOf, type RunOptions, startKspan } from './kspan.ts';
import { parseMetrics, type Samples } from './prometheus.ts';

const POLL_MS = 50;

export class LiveKspan {
  /** When it has ended. */
  readonly done: Promise<Outcome>;
  readonly #child: ReturnType<typeof startKspan>;
  #log = '';
  #url = '';

  /** `kspan watch ARGS...`; resolves when its metrics are served. */
  static async start(args: string[], env: NonNullable<RunOptions['env']>): Promise<LiveKspan> {
    const live = new LiveKspan(args, env);
    await Promise.race([live.#served(), live.#failure()]);
    return live;
  }

  private constructor(args: string[], env: NonNullable<RunOptions['env']>) {
    this.#child = startKspan(['watch', '--metrics-addr', '127.0.0.1:0', ...args], { env });
    this.#child.stdin.end();
    this.#child.stderr.on('data', (data) => {
      this.#log += data;
    });
    this.done = outcomeOf(this.#child);
  }

  get(path: string): Promise<Response> {
    return fetch(`${this.#url}${path}`);
  }

  async scrape(): Promise<Samples> {
    return parseMetrics(await (await this.get('/metrics')).text());
  }

  /** The first scrape for which this holds; rejects when kspan ends before. */
  until(holds: (samples: Samples) => boolean): Promise<Samples> {
    return this.#poll(async () => {
      const samples = await this.scrape();
      return holds(samples) ? samples : undefined;
    });
  }

  /** The text of the first answer of /readyz with this status. */
  readiness(status: number): Promise<string> {
    return this.#poll(async () => {
      const answer = await this.get('/readyz');
      const text = await answer.text();
      return answer.status === status ? text : undefined;
    });
  }

  /** Ends it as its user would. */
  stop(): Promise<Outcome> {
    this.#child.kill('SIGTERM');
    return this.done;
  }

  /** Ends it as a crash would. */
  kill(): Promise<Outcome> {
    this.#child.kill('SIGKILL');
    return this.done;
  }

  async #served(): Promise<void> {
    for (;;) {
      const [, url] = /"url":"([^"]+)"/.exec(this.#log) ?? [];
      if (url) this.#url = url;
      if (url) return;
      await once(this.#child.stderr, 'data');
    }
  }

  async #poll<T>(look: () => Promise<T | undefined>): Promise<T> {
    const ended = this.#failure();
    for (;;) {
      const seen = await Promise.race([look(), ended]);
      if (seen !== undefined) return seen;
      await pause(POLL_MS);
    }
  }

  async #failure(): Promise<never> {
    const { exitCode, stderr } = await this.done;
    throw new Error(`kspan has ended with ${exitCode}:\n${stderr}`);
  }
}
