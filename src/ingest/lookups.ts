// Metadata of single objects, for those that no watch covers. In go objects that Events were about,
// out go frames as a watch would have them. Each is asked for once, whatever comes of it, and no
// more are than the budget allows: a rate, with a burst after a pause. Nobody waits for an answer,
// and a kind that may not be read, or is not there, is left alone from then on. Secrets are never
// asked for.
import type { Config } from '../config.js';
import type { ObjectMet } from '../wasm.js';
import { ask, METADATA } from './ask.js';
import { type ApiResource, type Discovery, pathOf } from './discovery.js';
import type { KubeClient } from './kube-client.js';
import { addedFrame } from './watch-frames.js';

/** What came of objects that were to be looked up; `left_out`: too many waited for the budget. */
export type LookupOutcome = 'found' | 'gone' | 'refused' | 'failed' | 'left_out';

export interface LookupOptions {
  client: KubeClient;
  discovery: Pick<Discovery, 'byKind'>;
  config: Pick<Config, 'lookupRate' | 'lookupBurst'>;
  signal: AbortSignal;
  /** Of the stream, as RFC 3339. */
  time: () => string;
  /** Takes a frame; resolves when there is room for the next. */
  onFound: (frame: Buffer) => Promise<void>;
  onNotice: (line: string) => void;
  /** Milliseconds that never go back. */
  elapsed?: () => number;
}

/** A slow server is not asked for more at a time. */
const AT_A_TIME = 4;
const ANSWER_TIMEOUT_MS = 5000;
/** Their Events go on long before their turn comes; at the limit further ones are left out. */
const WAITING_MAX = 1000;
/** Objects that will not be asked for again; at the limit the oldest may be. */
const ASKED_MAX = 65_536;
const KINDS_MAX = 1000;

export class Lookups {
  readonly counts = { found: 0, gone: 0, refused: 0, failed: 0, left_out: 0 };
  readonly #options: LookupOptions;
  readonly #budget: Budget;
  /** By uid. */
  readonly #asked = new Set<string>();
  readonly #resources = new Map<string, Promise<ApiResource | undefined>>();
  /** Kinds of which no object can be had, and why. */
  readonly #settled = new Map<string, LookupOutcome>();
  #waiting: ObjectMet[] = [];
  #inFlight = 0;

  constructor(options: LookupOptions) {
    this.#options = options;
    this.#budget = new Budget(options);
  }

  /** Those that were asked for before do not count. */
  add(objects: ObjectMet[]): void {
    if (this.#options.config.lookupRate === 0) return;
    for (const object of objects) this.#add(object);
    this.proceed();
  }

  /** Asks for as many as may be asked for now. */
  proceed(): void {
    while (this.#inFlight < AT_A_TIME && this.#waiting.length > 0 && this.#budget.take()) {
      this.#inFlight += 1;
      void this.#follow(this.#waiting.shift()!);
    }
  }

  #add(object: ObjectMet): void {
    if (object.kind === 'Secret' || this.#asked.has(object.uid)) return;
    const settled = this.#settled.get(kindOf(object));
    if (settled) this.counts[settled] += 1;
    else if (this.#waiting.length >= WAITING_MAX) this.counts.left_out += 1;
    else {
      this.#asked.add(object.uid);
      keepNewest(ASKED_MAX, this.#asked);
      this.#waiting.push(object);
    }
  }

  async #follow(object: ObjectMet): Promise<void> {
    // Whatever the reason is, nothing depends on an answer.
    const outcome = await this.#lookUp(object).catch(() => 'failed' as const);
    this.counts[outcome] += 1;
    this.#inFlight -= 1;
    this.proceed();
  }

  async #lookUp(object: ObjectMet): Promise<LookupOutcome> {
    const { client, time, onFound } = this.#options;
    const resource = await this.#resourceOf(object);
    if (!resource) return this.#settle(kindOf(object), 'gone');
    const path = `${pathOf(resource, resource.namespaced ? object.namespace : '')}/${object.name}`;
    const signal = AbortSignal.any([this.#options.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
    const { status, body } = await ask(client, path, { accept: METADATA, signal });
    if (status === 403 || status === 405) return this.#refuse(kindOf(object), resource, status);
    if (status === 404) return 'gone';
    if (status !== 200) return 'failed';
    const found = JSON.parse(body);
    // Another object may have its name by now.
    if (found.metadata.uid !== object.uid) return 'gone';
    await onFound(addedFrame(found, resource, time()));
    return 'found';
  }

  #resourceOf(object: ObjectMet): Promise<ApiResource | undefined> {
    const kind = kindOf(object);
    const known = this.#resources.get(kind);
    if (known !== undefined) return known;
    const asked = this.#options.discovery.byKind(object.apiVersion, object.kind);
    this.#resources.set(kind, asked);
    keepNewest(KINDS_MAX, this.#resources);
    asked.catch(() => this.#resources.delete(kind));
    return asked;
  }

  #refuse(kind: string, { plural, group }: ApiResource, status: number): LookupOutcome {
    const name = group ? `${plural}.${group}` : plural;
    const line = `cannot look up ${name}: forbidden (${status})`;
    if (!this.#settled.has(kind)) this.#options.onNotice(line);
    return this.#settle(kind, 'refused');
  }

  #settle(kind: string, outcome: LookupOutcome): LookupOutcome {
    this.#settled.set(kind, outcome);
    keepNewest(KINDS_MAX, this.#settled);
    const others = this.#waiting.filter((object) => kindOf(object) !== kind);
    this.counts[outcome] += this.#waiting.length - others.length;
    this.#waiting = others;
    return outcome;
  }
}

/** A token bucket. */
class Budget {
  readonly #rate: number;
  readonly #burst: number;
  readonly #elapsed: () => number;
  #left: number;
  #at: number;

  constructor({ config, elapsed = performance.now.bind(performance) }: LookupOptions) {
    this.#rate = config.lookupRate;
    this.#burst = config.lookupBurst;
    this.#elapsed = elapsed;
    this.#left = config.lookupBurst;
    this.#at = elapsed();
  }

  /** Whether one more may be asked for. */
  take(): boolean {
    const now = this.#elapsed();
    this.#left = Math.min(this.#burst, this.#left + (this.#rate * (now - this.#at)) / 1000);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

function kindOf({ apiVersion, kind }: ObjectMet): string {
  return `${apiVersion} ${kind}`;
}

/** What was put in first goes. */
function keepNewest(max: number, held: Set<string> | Map<string, unknown>): void {
  for (const key of held.keys()) {
    if (held.size <= max) return;
    held.delete(key);
  }
}
