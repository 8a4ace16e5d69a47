// The attributes of the naive oracle's spans, in their documented order.

import type { Node } from './naive-knowledge.ts';
import type { Occurrence } from './naive-model.ts';

export type Attributes = Record<string, string | number | boolean>;

const STEMS = new Map([
  ['Pod', 'pod'],
  ['ReplicaSet', 'replicaset'],
  ['Deployment', 'deployment'],
  ['StatefulSet', 'statefulset'],
  ['DaemonSet', 'daemonset'],
  ['Job', 'job'],
  ['CronJob', 'cronjob'],
  ['Node', 'node'],
  ['ReplicationController', 'replicationcontroller'],
  ['HorizontalPodAutoscaler', 'hpa'],
  ['Service', 'service'],
  ['PersistentVolume', 'persistentvolume'],
  ['PersistentVolumeClaim', 'persistentvolumeclaim'],
  ['StorageClass', 'storageclass'],
  ['ResourceQuota', 'resourcequota'],
]);

/** An absent value is left out, never empty. */
export function withoutAbsent(
  attributes: Record<string, string | number | boolean | undefined>,
): Attributes {
  const present = Object.entries(attributes).filter(
    ([, value]) => value !== undefined && value !== '',
  );
  return Object.fromEntries(present) as Attributes;
}

/** Attributes of a synthetic span of the first object on a path. */
export function objectAttributes(path: Node[], generation: number): Attributes {
  const { kind, name, uid, apiVersion } = path[0]!;
  return withoutAbsent({
    ...pathAttributes(path),
    'k8s.object.kind': kind,
    'k8s.object.name': name,
    'k8s.object.uid': uid,
    'k8s.object.api_version': apiVersion,
    'k8s.object.generation': generation > 0 ? generation : undefined,
  });
}

/** Attributes of an occurrence, but those that say how it was placed. */
export function occurrenceAttributes(e: Occurrence, path: Node[], generation: number): Attributes {
  const { regarding } = e;
  const above = pathAttributes(path);
  return withoutAbsent({
    ...above,
    'k8s.node.name':
      above['k8s.node.name'] ?? e.captures.node ?? (e.component === 'kubelet' ? e.host : ''),
    'k8s.container.name': containerOf(e),
    'k8s.object.kind': regarding.kind,
    'k8s.object.name': regarding.name,
    'k8s.object.uid': path[0]!.uid,
    'k8s.object.api_version': regarding.apiVersion,
    'k8s.object.fieldpath': regarding.fieldPath,
    'k8s.object.resource_version': regarding.resourceVersion,
    'k8s.object.generation': generation > 0 ? generation : undefined,
    'k8s.event.uid': e.uid,
    'k8s.event.name': e.name,
    'k8s.event.reason': e.reason,
    'k8s.event.action': e.action,
    'k8s.event.message': e.message,
    'k8s.event.type': e.type,
    'k8s.event.count': e.count > 0 ? e.count : undefined,
  });
}

/** The container that an Event is about, '' when it is about the whole object. */
export function containerOf(e: Occurrence): string {
  return /\{(.*)\}$/.exec(e.regarding.fieldPath ?? '')?.[1] ?? '';
}

function pathAttributes(path: Node[]): Record<string, string | undefined> {
  const attributes: Record<string, string | undefined> = {
    'k8s.namespace.name': path[0]!.namespace,
  };
  for (const { kind, name, uid } of path) {
    const stem = STEMS.get(kind);
    if (stem === undefined || attributes[`k8s.${stem}.name`] !== undefined) continue;
    attributes[`k8s.${stem}.name`] = name;
    attributes[`k8s.${stem}.uid`] = uid;
  }
  return attributes;
}
