// The Events of a made-up cluster: what components write about objects, as old and new API servers keep
// it, and what becomes of it when it happens again.
import { type Cluster, type Json, type KubeObject, MS, rfc3339, S } from './random-cluster.ts';

/** A component that writes Events, in a process whose clock may be wrong. */
export interface Reporter {
  component: string;
  host: string;
  /** Writes through events.k8s.io. */
  isNew: boolean;
  skew: number;
}

export interface RandomEvent {
  object: Json;
  reporter: Reporter;
}

export interface EventOptions {
  type?: string;
  container?: string;
  related?: KubeObject;
  /** It says which version of the object it saw. */
  isVersioned?: boolean;
}

export class RandomEvents {
  readonly written: Json[] = [];
  #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  reporter(component: string, host = '', isNew = this.#chance('newApi')): Reporter {
    const { chance, upTo, weather } = this.#cluster;
    const skew = chance(0.4) ? upTo(2 * weather.skew + 1) - weather.skew : 0;
    return { component, host, isNew, skew };
  }

  emit(
    reporter: Reporter,
    object: KubeObject,
    reason: string,
    message: string,
    options: EventOptions = {},
  ): RandomEvent {
    const { now, upTo, chance, weather, uuid } = this.#cluster;
    const at = now + reporter.skew;
    const { component, host, isNew } = reporter;
    const isVague = !isNew && this.#chance('vague');
    const nanos = (BigInt(at) * 1000n + BigInt(upTo(1000))).toString(16).padStart(16, '0');
    const { name, namespace = 'default' } = object.metadata;
    const event: Json = {
      ...{ kind: 'Event', apiVersion: 'v1' },
      metadata: {
        name: `${name}.${isVague ? uuid() : nanos}`,
        ...{ namespace, uid: uuid() },
        ...(this.#chance('topLevel') && { annotations: { topLevelSpan: 'true' } }),
      },
      involvedObject: this.#involved(reporter, object, options),
      ...(options.related && { related: this.#related(options.related) }),
      ...{ reason, message, type: options.type ?? 'Normal' },
    };
    const times = isNew
      ? { eventTime: rfc3339(at, 6), firstTimestamp: null, lastTimestamp: null, action: reason }
      : { firstTimestamp: rfc3339(at), lastTimestamp: rfc3339(at), count: 1, eventTime: null };
    Object.assign(event, times, {
      source: isNew ? {} : { component, ...(host && { host }) },
      reportingComponent: component,
      reportingInstance: isNew ? host || `${component}-vm` : host,
    });
    const written = { object: event, reporter };
    const delay = chance(0.3) ? upTo(weather.slowWrite + 1) : upTo(3 * MS);
    this.#cluster.after(delay, () => this.#store('ADDED', written));
    return written;
  }

  /** The same again, or something similar: count or series go up, a folded one tells the newest. */
  again({ object, reporter }: RandomEvent, message = object.message): void {
    const { now, upTo, chance } = this.#cluster;
    const at = now + reporter.skew;
    const step = chance(0.2) ? 1 + upTo(4) : 1;
    object.message = message;
    if (reporter.isNew) {
      const count = (object.series?.count ?? 1) + step;
      object.series = { count, lastObservedTime: rfc3339(at, 6) };
    } else {
      object.count += step;
      object.lastTimestamp = rfc3339(at);
    }
    this.#cluster.after(upTo(3 * MS), () => this.#store('MODIFIED', { object, reporter }));
  }

  #chance(name: 'newApi' | 'vague' | 'topLevel' | 'noUid' | 'stranger' | 'lost'): boolean {
    return this.#cluster.chance(this.#cluster.weather[name]);
  }

  #involved(reporter: Reporter, object: KubeObject, options: EventOptions): Json {
    const { kind, apiVersion, metadata, isUnseen } = object;
    const { name, namespace, resourceVersion } = metadata;
    let { uid } = metadata;
    if (kind === 'Node' && reporter.component === 'kubelet') uid = name;
    else if (this.#chance('noUid')) uid = undefined;
    // An uid that nobody knows, of a name that metadata tells of, is not what names are for.
    else if (kind === 'Pod' && isUnseen && this.#chance('stranger')) uid = this.#cluster.uuid();
    const isVersioned = options.isVersioned ?? this.#cluster.chance(0.5);
    return {
      ...{ kind, apiVersion, name, ...(namespace && { namespace }), ...(uid && { uid }) },
      ...(isVersioned && { resourceVersion }),
      ...(options.container && { fieldPath: `spec.containers{${options.container}}` }),
    };
  }

  #related({ kind, apiVersion, metadata }: KubeObject): Json {
    const { name, namespace, uid } = metadata;
    const isKnown = this.#cluster.chance(0.8);
    return { kind, apiVersion, name, ...(namespace && { namespace }), ...(isKnown && { uid }) };
  }

  #store(type: string, { object, reporter }: RandomEvent): void {
    const { now, upTo, chance, weather } = this.#cluster;
    const { metadata } = object;
    const { component: manager, isNew } = reporter;
    metadata.resourceVersion = this.#cluster.revision();
    metadata.creationTimestamp ??= rfc3339(now);
    const entry = { manager, operation: 'Update', apiVersion: 'v1', time: rfc3339(now) };
    if (metadata.managedFields || !chance(weather.bareEvents))
      metadata.managedFields = [{ ...entry, fieldsV1: { 'f:count': {} } }];
    const shown = isNew && chance(0.5) ? newer(object) : object;
    if (type === 'ADDED') this.written.push(shown);
    if (this.#chance('lost')) return;
    const slow = chance(0.5) ? upTo(weather.slow + 1) : 0;
    const late = chance(weather.late) ? upTo(30 * S) : 0;
    const delay = 5 * MS + upTo(20 * MS) + slow + late;
    this.#cluster.send(metadata.uid, { type, object: shown }, delay);
    if (!chance(weather.doubled)) return;
    this.#cluster.send(metadata.uid, { type, object }, delay + upTo(5 * S));
  }
}

/** The same Event as events.k8s.io/v1 shows it. */
function newer(event: Json): Json {
  const { involvedObject, message, source, firstTimestamp, lastTimestamp, count, ...rest } = event;
  const { reportingComponent, ...same } = rest;
  return {
    ...{ ...same, apiVersion: 'events.k8s.io/v1', regarding: involvedObject, note: message },
    ...{ deprecatedSource: source, deprecatedFirstTimestamp: firstTimestamp },
    ...{ deprecatedLastTimestamp: lastTimestamp, ...(count && { deprecatedCount: count }) },
    reportingController: reportingComponent,
  };
}
