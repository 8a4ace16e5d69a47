// The proof that a live run owes: `kspan watch` goes on beside a cluster while a test does what it likes
// to either, and in the end every Event that the cluster stored meanwhile is compared with the spans
// that came out, of all runs together. Nothing is waited for by the clock: that kspan has read all that
// was stored shows in an Event about nothing, which it drops, and counts at once.

import type { Outcome } from '../support/kspan.ts';
import { LiveKspan } from '../support/live-kspan.ts';
import { decodeOtlp } from '../support/otlp.ts';
import { type Samples, total } from '../support/prometheus.ts';
import type { PlainSpan } from '../support/spans.ts';
import { startTraceReceiver, type TraceReceiver } from '../support/trace-receiver.ts';
import type { Kubectl } from './kubectl.ts';
import {
  type Faults,
  faultsOf,
  type KubeEvent,
  occurrenceOf,
  storedEvents,
} from './stored-events.ts';

export interface ProofOptions {
  /** Of an administrator. */
  kubectl: Kubectl;
  /** That kspan uses. */
  kubeconfig: string;
  /** The only one that it watches. */
  namespace?: string;
  args?: string[];
}

export interface Account {
  /** Of the last run. */
  outcome: Outcome;
  /** Written since the start, and still there in the end. */
  stored: KubeEvent[];
  spans: PlainSpan[];
  faults: Faults;
}

const MARK = 'KspanHasRead';

export class LiveProof implements AsyncDisposable {
  readonly #options: ProofOptions;
  readonly #receiver: TraceReceiver;
  #before = new Set<string>();
  #kspan!: LiveKspan;

  /** Resolves when kspan is ready: what is written from now on must have its span. */
  static async start(options: ProofOptions): Promise<LiveProof> {
    const proof = new LiveProof(options, await startTraceReceiver());
    try {
      await proof.startKspan();
      proof.#before = new Set((await storedEvents(options.kubectl)).map(occurrenceOf));
      return proof;
    } catch (error) {
      await proof[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(options: ProofOptions, receiver: TraceReceiver) {
    this.#options = options;
    this.#receiver = receiver;
  }

  /** The run that goes on. */
  get kspan(): LiveKspan {
    return this.#kspan;
  }

  /** Another run; resolves when it is ready. */
  async startKspan(): Promise<void> {
    const { kubeconfig, namespace, args = [] } = this.#options;
    const confined = namespace === undefined ? [] : ['--namespace', namespace];
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: this.#receiver.endpoint };
    this.#kspan = await LiveKspan.start(['--kubeconfig', kubeconfig, ...confined, ...args], env);
    await this.#kspan.readiness(200);
  }

  /** Resolves when kspan has read every Event that the cluster holds now. */
  async allIsRead(): Promise<void> {
    const { namespace = 'default', kubectl } = this.#options;
    const before = await this.#kspan.until(isWatching);
    const mark = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { generateName: 'mark-', namespace },
      involvedObject: { namespace },
      reason: MARK,
    };
    await kubectl.run(['create', '-f', '-'], JSON.stringify(mark));
    await this.#kspan.until((now) => dropped(now) > dropped(before) && isWatching(now));
  }

  /** Ends kspan, when it has read all that there is, and draws up the account. */
  async finish(): Promise<Account> {
    const stored = (await storedEvents(this.#options.kubectl)).filter(
      (event) => event.reason !== MARK && !this.#before.has(occurrenceOf(event)),
    );
    await this.allIsRead();
    const outcome = await this.#kspan.stop();
    const spans = this.#receiver.bodies.flatMap(decodeOtlp);
    return { outcome, stored, spans, faults: faultsOf(stored, spans) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kspan?.kill();
    await this.#receiver.close();
  }
}

const dropped = (samples: Samples) => total(samples, 'kspan_events_dropped_total');

/** What is written now comes through the watch, after all that was written before. */
function isWatching(samples: Samples): boolean {
  const up = [...samples].filter(([key]) => /^kspan_watch_up\{path="[^"]*\/events"\}/.test(key));
  return up.length > 0 && up.every(([, isUp]) => isUp === 1);
}
