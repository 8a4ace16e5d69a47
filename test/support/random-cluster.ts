// A made-up cluster: objects that change, components that write Events about them, and what a watcher of
// its API server would have recorded, in all weathers: loss, delay, restarts, clocks that are wrong or
// tell the second only. A seed gives the same recording everywhere. Times are microseconds.
import { randomFrom } from '../../src/bench/random.ts';
import { RandomEvents, type Reporter } from './random-events.ts';
import { addMarks } from './random-marks.ts';
import { drawWeather, type Weather } from './random-weather.ts';

// biome-ignore lint/suspicious/noExplicitAny: made-up JSON
export type Json = any;
/** A story is told in steps: what it yields is how long it waits before the next. */
export type Story = Generator<number, void>;

export const MS = 1000;
export const S = 1000 * MS;
export const MIN = 60 * S;
/** Longer than the reorder window and all delays within it. */
const WINDOW = 15 * S;
const START = Date.UTC(2026, 2, 1, 10) * MS;

const VERSIONS: Record<string, string> = {
  ...{ Deployment: 'apps/v1', ReplicaSet: 'apps/v1', StatefulSet: 'apps/v1', DaemonSet: 'apps/v1' },
  ...{ Job: 'batch/v1', CronJob: 'batch/v1', HorizontalPodAutoscaler: 'autoscaling/v2' },
  ...{ Kustomization: 'kustomize.toolkit.fluxcd.io/v1', HelmRelease: 'helm.toolkit.fluxcd.io/v2' },
  ...{ Application: 'argoproj.io/v1alpha1', Widget: 'example.com/v1', Gadget: 'example.com/v1' },
};

/** `isUnseen`: no watcher is told of it. */
export interface KubeObject {
  kind: string;
  apiVersion: string;
  metadata: Json;
  spec?: Json;
  isUnseen: boolean;
}

export interface ObjectOptions {
  by?: string;
  owner?: KubeObject | undefined;
  /** The owner is none that controls it. */
  plain?: boolean;
  namespace?: string;
  isUnseen?: boolean;
  uid?: string;
  annotations?: Json;
  spec?: Json;
}

interface Step {
  at: number;
  order: number;
  step: () => void;
}

interface Sent {
  at: number;
  order: number;
  frame: Json;
}

export class Cluster {
  readonly weather: Weather;
  readonly events: RandomEvents;
  readonly nodes: KubeObject[] = [];
  readonly kubelets: Reporter[] = [];
  now = START;
  #random: () => number;
  #revision = 100;
  #names = 0;
  #order = 0;
  #sent: Sent[] = [];
  #lastSent = new Map<string, number>();
  #steps: Step[] = [];
  #live = new Map<string, KubeObject>();
  #isDown = false;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
    this.weather = drawWeather(this.#random);
    this.events = new RandomEvents(this);
  }

  chance = (share: number): boolean => this.#random() < share;
  upTo = (max: number): number => Math.floor(this.#random() * max);
  pick = <T>(list: readonly T[]): T => list[this.upTo(list.length)]!;
  name = (stem: string): string => `${stem}-${(this.#names++).toString(36)}`;
  revision = (): string => `${++this.#revision}`;

  uuid = (): string =>
    this.hex(32).replace(/^(.{8})(.{4}).(.{3})(.{4})(.{12})$/, '$1-$2-4$3-$4-$5');
  hex = (digits: number): string =>
    Array.from({ length: digits }, () => '0123456789abcdef'[this.upTo(16)]).join('');

  /** How long a story pauses: mostly shortly, now and then for long enough that traces close. */
  pause(max = 500 * MS): number {
    const long = [100 * S, 130 * S, 5 * MIN, 16 * MIN, 31 * MIN, 62 * MIN];
    if (this.chance(this.weather.gaps)) return this.pick(long) + this.upTo(10 * S);
    return this.upTo(this.chance(0.1) ? 4 * max : max);
  }

  start(story: Story, delay = 0): void {
    this.after(delay, () => {
      const { done, value } = story.next();
      if (!done) this.start(story, Math.floor(value));
    });
  }

  after(delay: number, step: () => void): void {
    this.#steps.push({ at: this.now + delay, order: this.#order++, step });
  }

  /** Tells all stories to their ends, step by step in time. */
  run(): void {
    const earlier = (a: Step, b: Step): boolean =>
      a.at < b.at || (a.at === b.at && a.order < b.order);
    while (this.#steps.length > 0) {
      const next = this.#steps.reduce((a, b) => (earlier(b, a) ? b : a));
      this.#steps.splice(this.#steps.indexOf(next), 1);
      this.now = next.at;
      next.step();
    }
  }

  create(kind: string, name: string, options: ObjectOptions = {}): KubeObject {
    const { by = 'kube-controller-manager', owner, namespace = 'shop', spec } = options;
    const apiVersion = VERSIONS[kind] ?? 'v1';
    const metadata: Json = {
      ...{ name, ...(namespace && { namespace }), uid: options.uid ?? this.uuid() },
      ...{ resourceVersion: '', creationTimestamp: rfc3339(this.now) },
      ...(kind !== 'Node' && { generation: 1 }),
      ...(owner && { ownerReferences: [reference(owner, options.plain)] }),
      ...(options.annotations && { annotations: options.annotations }),
    };
    const isUnseen = options.isUnseen ?? this.chance(this.weather.unseen);
    const object: KubeObject = { kind, apiVersion, metadata, isUnseen, ...(spec && { spec }) };
    if (!this.weather.bare) metadata.managedFields = [this.#entry(object, by, '')];
    addMarks(this, object);
    this.#live.set(metadata.uid, object);
    this.write('ADDED', object);
    return object;
  }

  /** A new generation. */
  change(object: KubeObject, by: string, subresource = ''): void {
    object.metadata.generation++;
    this.#enter(object, this.#entry(object, by, subresource));
    this.write('MODIFIED', object);
  }

  /** A new generation whose writer cannot be seen: fields of another one are gone, or nothing is. */
  changeUnseen(object: KubeObject): void {
    const { metadata } = object;
    metadata.generation++;
    const [first] = metadata.managedFields ?? [];
    if (first && this.chance(0.5)) first.fieldsV1 = { 'f:spec': { 'f:less': {} } };
    this.write('MODIFIED', object);
  }

  /** A new version of the same generation. */
  status(object: KubeObject): void {
    const entry = { ...this.#entry(object, 'kube-controller-manager', 'status') };
    this.#enter(object, { ...entry, fieldsV1: { 'f:status': {} } });
    this.write('MODIFIED', object);
  }

  /** Its deletion begins. */
  terminate(object: KubeObject): void {
    if (object.metadata.deletionTimestamp) return;
    object.metadata.deletionTimestamp = rfc3339(this.now + 30 * S);
    if (object.metadata.generation) object.metadata.generation++;
    this.write('MODIFIED', object);
  }

  remove(object: KubeObject): void {
    this.#live.delete(object.metadata.uid);
    this.write('DELETED', object);
  }

  /** All that exist. */
  live(kind: string): KubeObject[] {
    return [...this.#live.values()].filter((object) => object.kind === kind);
  }

  /** Another owner controls it; Events on the way go with the one they find, so nothing is on the way. */
  *adopt(object: KubeObject, owner: KubeObject | undefined): Story {
    const { metadata, isUnseen } = object;
    yield WINDOW;
    delete metadata.ownerReferences;
    if (owner) metadata.ownerReferences = [reference(owner, false)];
    metadata.resourceVersion = this.revision();
    if (!isUnseen) this.send(metadata.uid, frameOf('MODIFIED', object), 5 * MS);
    yield WINDOW;
  }

  write(type: string, object: KubeObject): void {
    const { metadata, isUnseen } = object;
    const { lostDeletions, slowMetadata, again } = this.weather;
    metadata.resourceVersion = this.revision();
    if (isUnseen || (type === 'DELETED' && this.chance(lostDeletions))) return;
    // What has no namespace is there before all else: a watcher lists it first.
    const slow = metadata.namespace && this.chance(0.3) ? this.upTo(slowMetadata + 1) : 0;
    const delay = 5 * MS + this.upTo(20 * MS) + slow;
    this.send(metadata.uid, frameOf(type, object), delay);
    if (type !== 'DELETED' && this.chance(again))
      this.send(metadata.uid, frameOf('ADDED', object), delay + this.upTo(3 * S));
  }

  /** What a watcher receives, frames of one object in their order. */
  send(key: string, frame: Json, delay: number): void {
    if (this.#isDown) return;
    const at = Math.max(this.now + delay, this.#lastSent.get(key) ?? 0);
    this.#lastSent.set(key, at);
    this.#sent.push({ at, order: this.#order++, frame: structuredClone(frame) });
  }

  /** The watcher is gone for a while and lists everything when it is back. */
  *outage(): Story {
    this.#isDown = true;
    yield this.upTo(this.chance(0.3) ? 3 * MIN : 10 * S);
    this.#isDown = false;
    let after = 0;
    for (const object of this.#live.values())
      if (!object.isUnseen) this.send(object.metadata.uid, frameOf('ADDED', object), MS * after++);
    for (const event of this.events.written)
      this.send(event.metadata.uid, { type: 'ADDED', object: event }, MS * after++);
  }

  /** All frames in the order of their arrival. */
  recording(): Json[] {
    const frames = this.#sent.sort((a, b) => a.at - b.at || a.order - b.order);
    if (this.weather.untimed) return frames.map(({ frame }) => frame);
    return frames.map(({ at, frame }) => ({ ...frame, receivedAt: rfc3339(at, 3) }));
  }

  #entry({ apiVersion, metadata }: KubeObject, manager: string, subresource: string): Json {
    return {
      ...{ manager, operation: this.chance(0.2) ? 'Apply' : 'Update', apiVersion },
      // The scale subresource leaves no time.
      ...((subresource !== 'scale' || this.chance(0.1)) && { time: rfc3339(this.now) }),
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:spec': { [`f:v${metadata.generation}`]: {} } },
      ...(subresource && { subresource }),
    };
  }

  #enter({ metadata }: KubeObject, entry: Json): void {
    if (!metadata.managedFields) return;
    const isSame = (e: Json): boolean =>
      e.manager === entry.manager && (e.subresource ?? '') === (entry.subresource ?? '');
    metadata.managedFields = metadata.managedFields.filter((e: Json) => !isSame(e));
    metadata.managedFields.push(entry);
  }
}

function reference({ apiVersion, kind, metadata }: KubeObject, plain = false): Json {
  const { name, uid } = metadata;
  return { apiVersion, kind, name, uid, ...(!plain && { controller: true }) };
}

function frameOf(type: string, { isUnseen, ...object }: KubeObject): Json {
  return { type, object };
}

/** With so many digits of its fraction. */
export function rfc3339(at: number, digits = 0): string {
  const text = new Date(Math.floor(at / MS)).toISOString().slice(0, 19);
  return digits === 0 ? `${text}Z` : `${text}.${`${at % S}`.padStart(6, '0').slice(0, digits)}Z`;
}
