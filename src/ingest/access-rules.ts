// The least rights that a live source needs, for given settings and without asking a cluster: to read
// Events and the kinds whose metadata is watched, one rule for each API group. In namespaced mode
// these are the rights in each of the namespaces, without what is in no namespace.
import type { Config } from '../config.js';
import { listOf } from '../config-setting.js';

/** A rule as in a Role. */
export interface AccessRule {
  apiGroups: [string];
  resources: string[];
  verbs: string[];
}

const VERBS = ['get', 'list', 'watch'];

/** Of those that Kubernetes itself has. */
const CLUSTER_SCOPED = new Set([
  'componentstatuses',
  'namespaces',
  'nodes',
  'persistentvolumes',
  'apiservices.apiregistration.k8s.io',
  'certificatesigningrequests.certificates.k8s.io',
  'clusterrolebindings.rbac.authorization.k8s.io',
  'clusterroles.rbac.authorization.k8s.io',
  'csidrivers.storage.k8s.io',
  'csinodes.storage.k8s.io',
  'customresourcedefinitions.apiextensions.k8s.io',
  'deviceclasses.resource.k8s.io',
  'flowschemas.flowcontrol.apiserver.k8s.io',
  'ingressclasses.networking.k8s.io',
  'ipaddresses.networking.k8s.io',
  'mutatingwebhookconfigurations.admissionregistration.k8s.io',
  'priorityclasses.scheduling.k8s.io',
  'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io',
  'resourceslices.resource.k8s.io',
  'runtimeclasses.node.k8s.io',
  'servicecidrs.networking.k8s.io',
  'storageclasses.storage.k8s.io',
  'validatingadmissionpolicies.admissionregistration.k8s.io',
  'validatingadmissionpolicybindings.admissionregistration.k8s.io',
  'validatingwebhookconfigurations.admissionregistration.k8s.io',
  'volumeattachments.storage.k8s.io',
  'volumeattributesclasses.storage.k8s.io',
]);

/** The namespaces to which a live source is confined; none: it is not. */
export function namespacesOf({ namespace }: Config): string[] {
  return [...new Set(listOf(namespace))];
}

export function accessRules(config: Config): AccessRule[] {
  const isConfined = namespacesOf(config).length > 0;
  const groups = new Map<string, Set<string>>();
  for (const name of ['events', ...listOf(config.kinds)]) {
    if (isConfined && CLUSTER_SCOPED.has(name)) continue;
    const [plural = '', ...rest] = name.split('.');
    const group = rest.join('.');
    groups.set(group, (groups.get(group) ?? new Set()).add(plural));
  }
  return [...groups].map(([group, plurals]) => ({
    apiGroups: [group],
    resources: [...plurals],
    verbs: [...VERBS],
  }));
}
