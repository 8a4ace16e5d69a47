// Which resources an API server has: from the names that users write (`deployments.apps`) and from the
// kinds that owner references and Events name (`apps/v1 Deployment`) to what can be watched. Each group
// is asked for once; what is not found is looked for again when it is next asked for.
import { type Answer, ask, askError, METADATA } from './ask.js';
import type { KubeClient } from './kube-client.js';
import type { ResourceKind } from './watch-frames.js';

/** A resource that can be listed and watched. */
export interface ApiResource extends ResourceKind {
  /** `deployments` */
  plural: string;
  namespaced: boolean;
}

interface GroupList {
  groups: { name: string; preferredVersion: { version: string } }[];
}

interface ResourceList {
  resources: { name: string; kind: string; namespaced: boolean; verbs: string[] }[];
}

// Resources of these groups are part of Kubernetes: whoever wants them watched says so.
const BUILT_IN_GROUPS = new Set([
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'apiregistration.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'certificates.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'events.k8s.io',
  'flowcontrol.apiserver.k8s.io',
  'internal.apiserver.k8s.io',
  'metrics.k8s.io',
  'networking.k8s.io',
  'node.k8s.io',
  'rbac.authorization.k8s.io',
  'resource.k8s.io',
  'scheduling.k8s.io',
  'storage.k8s.io',
  'storagemigration.k8s.io',
]);

export class Discovery {
  readonly #client: KubeClient;
  readonly #signal: AbortSignal;
  #versions: Map<string, string> | undefined;
  readonly #resources = new Map<string, ApiResource[]>();

  constructor(client: KubeClient, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  /** By a name such as `pods` or `deployments.apps`. Rejects when the server cannot be asked. */
  async byName(name: string): Promise<ApiResource | undefined> {
    const [plural = '', ...group] = name.split('.');
    const groupName = group.join('.');
    this.#versions ??= await this.#readVersions();
    const version = groupName === '' ? 'v1' : this.#versions.get(groupName);
    if (version === undefined) return undefined;
    const resources = await this.#resourcesOf(groupName, version);
    return resources.find((resource) => resource.plural === plural);
  }

  /** By a kind such as `apps/v1` and `Deployment`. Rejects when the server cannot be asked. */
  async byKind(apiVersion: string, kind: string): Promise<ApiResource | undefined> {
    const group = groupOf(apiVersion);
    const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
    const isIt = (resource: ApiResource) => resource.kind === kind;
    const found = (await this.#resourcesOf(group, version)).find(isIt);
    if (found) return found;
    // Owner references may name a version that is no longer served.
    const preferred = (await this.#readVersions()).get(group);
    return preferred === undefined
      ? undefined
      : (await this.#resourcesOf(group, preferred)).find(isIt);
  }

  /** Uid of the namespace kube-system, which stands for the cluster; undefined: it may not be read. */
  async clusterUid(): Promise<string | undefined> {
    const { status, body } = await this.#ask('/api/v1/namespaces/kube-system', METADATA);
    return status === 200 ? JSON.parse(body).metadata?.uid : undefined;
  }

  async #readVersions(): Promise<Map<string, string>> {
    const { groups } = await this.#read<GroupList>('/apis');
    return new Map(groups.map((group) => [group.name, group.preferredVersion.version]));
  }

  async #resourcesOf(group: string, version: string): Promise<ApiResource[]> {
    const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
    const known = this.#resources.get(path);
    if (known) return known;
    const { resources } = await this.#read<ResourceList>(path);
    const found = resources
      .filter(({ verbs }) => verbs.includes('list') && verbs.includes('watch'))
      .map(({ name: plural, kind, namespaced }) => ({ group, version, kind, plural, namespaced }));
    if (found.length > 0) this.#resources.set(path, found);
    return found;
  }

  async #read<T extends object>(path: string): Promise<T> {
    const { status, body } = await this.#ask(path, 'application/json');
    if (status === 404) return { resources: [], groups: [] } as object as T;
    if (status !== 200) throw askError(this.#client, path, new Error(`status ${status}`));
    try {
      return JSON.parse(body);
    } catch (error) {
      throw askError(this.#client, path, error);
    }
  }

  #ask(path: string, accept: string): Promise<Answer> {
    return ask(this.#client, path, { accept, signal: this.#signal });
  }
}

/** Of `apps/v1` it is `apps`, of `v1` the one without a name. */
export function groupOf(apiVersion: string): string {
  return apiVersion.slice(0, Math.max(0, apiVersion.indexOf('/')));
}

/** Whether it is no part of Kubernetes. */
export function isCustom(group: string): boolean {
  return group.includes('.') && !BUILT_IN_GROUPS.has(group);
}

/** Where its objects in these namespaces are; none named: all, also those in no namespace. */
export function pathsOf(resource: ApiResource, namespaces: readonly string[]): string[] {
  if (namespaces.length === 0) return [pathOf(resource)];
  return resource.namespaced ? namespaces.map((namespace) => pathOf(resource, namespace)) : [];
}

/** Where its objects are: those of one namespace, or all. */
export function pathOf({ group, version, plural }: ApiResource, namespace = ''): string {
  const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return namespace === '' ? `${base}/${plural}` : `${base}/namespaces/${namespace}/${plural}`;
}
