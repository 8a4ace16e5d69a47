// Recordings that are made, not recorded: what happens to objects and what is said about them, told in
// any order, becomes frames in the order of time, with resourceVersions, through a recorder of Events.
import { EventRecorder, type Remark } from './event-recorder.ts';
import { type Frame, inputOf } from './frames.ts';

/** An entry of managedFields that owns f:spec. */
interface SpecEntry {
  manager: string;
  at: number;
  subresource?: string;
}

/** An object of the cluster as it is now; times are milliseconds since the Unix epoch. */
export interface MadeObject {
  kind: string;
  apiVersion: string;
  namespace: string;
  name: string;
  uid: string;
  created: number;
  generation: number;
  owner: MadeObject | undefined;
  entries: SpecEntry[];
  deleting: boolean;
  spec: unknown;
  version: string;
}

type Told = { at: number; tell: () => Frame | undefined };

const NANOS_PER_MS = 1_000_000n;
const ARRIVES_AFTER_MS = 10;

export class MadeRecording {
  #told: Told[] = [];
  #recorder: EventRecorder;
  #events = new Map<string, { uid: string; name: string }>();
  #versions = 1000;
  #uids = 0;

  /** `loses`: whether Events are folded and dropped, as client-go does. */
  constructor(loses: boolean) {
    this.#recorder = new EventRecorder(loses);
  }

  /** An object that comes to be at `at`, or is listed then because it is older. */
  create(
    at: number,
    kind: string,
    apiVersion: string,
    name: string,
    more: { owner?: MadeObject; manager?: string; created?: number; spec?: unknown } = {},
  ): MadeObject {
    const { owner, manager = 'kube-controller-manager', created = at, spec } = more;
    const identity = { kind, apiVersion, namespace: 'shop', name, uid: this.#uid() };
    const entries = [{ manager, at: created }];
    const state = { created, generation: 1, owner, entries, deleting: false, spec, version: '' };
    const object: MadeObject = { ...identity, ...state };
    this.#tell(at, () => this.#frame('ADDED', object, at));
    return object;
  }

  /** Somebody changes its spec: by `scale`, as an autoscaler does, or as a whole. */
  change(at: number, object: MadeObject, manager: string, subresource?: 'scale'): void {
    this.#tell(at, () => {
      object.generation++;
      const isOther = (e: SpecEntry) => e.manager !== manager || e.subresource !== subresource;
      const entry = { manager, at, ...(subresource ? { subresource } : {}) };
      object.entries = [...object.entries.filter(isOther), entry];
      return this.#frame('MODIFIED', object, at);
    });
  }

  /** It is to be deleted, and is gone later. */
  remove(at: number, object: MadeObject, gone: number): void {
    this.#tell(at, () => {
      object.deleting = true;
      return this.#frame('MODIFIED', object, at);
    });
    this.#tell(gone, () => this.#frame('DELETED', object, gone));
  }

  /** A controller, the scheduler or a kubelet says something; `component` may be followed by `@node`. */
  say(
    at: number,
    component: string,
    object: MadeObject,
    reason: string,
    message: string,
    more: { container?: string; type?: string } = {},
  ): void {
    const [name = '', host = ''] = component.split('@');
    const { container, type = 'Normal' } = more;
    const fieldPath = container === undefined ? '' : `spec.containers{${container}}`;
    const said = { at, component: name, host, about: object.uid, fieldPath, type, reason, message };
    this.#tell(at, () => this.#event(said, object));
  }

  /** The recording; all that was told is written once. */
  input(): Uint8Array {
    const inOrder = this.#told.toSorted((a, b) => a.at - b.at);
    return inputOf(inOrder.map(({ tell }) => tell()).filter((frame) => frame !== undefined));
  }

  #tell(at: number, tell: Told['tell']): void {
    this.#told.push({ at, tell });
  }

  #frame(type: string, object: MadeObject, at: number): Frame {
    const { kind, apiVersion, namespace, name, uid, created, generation, owner, spec } = object;
    object.version = `${++this.#versions}`;
    const ownerReferences = owner && [
      { ...refOf(owner), namespace: undefined, controller: true, blockOwnerDeletion: true },
    ];
    const metadata = {
      ...{ name, namespace, uid, resourceVersion: object.version, generation },
      creationTimestamp: second(created),
      ...(object.deleting ? { deletionTimestamp: second(at + 30_000) } : {}),
      ...(ownerReferences ? { ownerReferences } : {}),
      managedFields: object.entries.map(({ manager, at, subresource }) => ({
        ...{ manager, operation: 'Update', apiVersion, fieldsType: 'FieldsV1' },
        // The API server writes no time into entries of the scale subresource.
        ...(subresource ? { subresource } : { time: second(at) }),
        fieldsV1: { 'f:spec': { 'f:replicas': {} } },
      })),
    };
    const whole = spec === undefined ? {} : { spec };
    return { type, object: { kind, apiVersion, metadata, ...whole }, receivedAt: iso(at) };
  }

  #event(remark: Remark, object: MadeObject): Frame | undefined {
    if (remark.component === 'default-scheduler') return this.#schedulersEvent(remark, object);
    const written = this.#recorder.record(remark);
    if (!written) return undefined;
    const { key, count, first, message } = written;
    const { at, component, host, fieldPath, type, reason } = remark;
    const event = this.#events.get(key) ?? { uid: this.#uid(), name: nameOf(object, first) };
    this.#events.set(key, event);
    return this.#written(count > 1 ? 'MODIFIED' : 'ADDED', at, first, event, {
      involvedObject: { ...refOf(object), resourceVersion: object.version, fieldPath },
      ...{ reason, message, type, count, eventTime: null },
      source: { component, host },
      ...{ firstTimestamp: second(first), lastTimestamp: second(at) },
      ...{ reportingComponent: component, reportingInstance: host },
    });
  }

  #schedulersEvent({ at, reason, message, type }: Remark, object: MadeObject): Frame {
    const event = { uid: this.#uid(), name: nameOf(object, at) };
    return this.#written('ADDED', at, at, event, {
      involvedObject: { ...refOf(object), resourceVersion: object.version },
      ...{ reason, message, type, source: {}, firstTimestamp: null, lastTimestamp: null },
      ...{ eventTime: `${iso(at).slice(0, -1)}000Z`, action: 'Binding' },
      ...{ reportingComponent: 'default-scheduler', reportingInstance: 'default-scheduler-cp-1' },
    });
  }

  #written(
    type: string,
    at: number,
    created: number,
    { uid, name }: { uid: string; name: string },
    fields: object,
  ): Frame {
    const entry = { manager: 'recorder', operation: 'Update', apiVersion: 'v1', time: second(at) };
    const metadata = {
      ...{ name, namespace: 'shop', uid, resourceVersion: `${++this.#versions}` },
      creationTimestamp: second(created),
      managedFields: [{ ...entry, fieldsType: 'FieldsV1', fieldsV1: { 'f:count': {} } }],
    };
    const object = { kind: 'Event', apiVersion: 'v1', metadata, ...fields };
    return { type, object, receivedAt: iso(at + ARRIVES_AFTER_MS) };
  }

  #uid(): string {
    const hex = (++this.#uids).toString(16).padStart(12, '0');
    return `${hex.slice(-8)}-5eed-4000-8000-${hex}`;
  }
}

function refOf({ kind, apiVersion, namespace, name, uid }: MadeObject) {
  return { kind, apiVersion, namespace, name, uid };
}

/** client-go ends an Event's name in the nanoseconds at which it happened first. */
function nameOf({ name }: MadeObject, first: number): string {
  return `${name}.${(BigInt(first) * NANOS_PER_MS).toString(16).padStart(16, '0')}`;
}

const iso = (at: number): string => new Date(at).toISOString();
const second = (at: number): string => `${iso(at).slice(0, 19)}Z`;
