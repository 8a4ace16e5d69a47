// Which resources an API server has: from the names that users write (`deployments.apps`) and from the
// kinds that owner references and Events name (`apps/v1 Deployment`) to what can be watched. Each group
// is asked for once; a custom resource that is not found is looked for again when it is next asked for.
import { InputError, reasonOf } from '../errors.js';
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

const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

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

  /** A custom resource by a kind such as `argoproj.io/v1alpha1 Rollout`. */
  async customByKind(met: string): Promise<ApiResource | undefined> {
    const [apiVersion = '', kind] = met.split(' ');
    const [group = '', version] = apiVersion.split('/');
    if (version === undefined || !isCustom(group)) return undefined;
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
    if (status !== 200) throw this.#error(path, new Error(`status ${status}`));
    try {
      return JSON.parse(body);
    } catch (error) {
      throw this.#error(path, error);
    }
  }

  async #ask(path: string, accept: string): Promise<{ status: number; body: string }> {
    const options = { accept, signal: this.#signal };
    try {
      let response = await this.#client.get(path, options);
      if (response.status === 401) {
        response.body.destroy();
        this.#client.refresh();
        response = await this.#client.get(path, options);
      }
      const chunks: Uint8Array[] = [];
      for await (const chunk of response.body) chunks.push(chunk);
      return { status: response.status, body: Buffer.concat(chunks).toString('utf8') };
    } catch (error) {
      throw this.#error(path, error);
    }
  }

  #error(path: string, cause: unknown): InputError {
    const message = `cannot ask ${this.#client.server} for ${path}: ${reasonOf(cause)}`;
    return new InputError('input_unreadable', message, cause);
  }
}

function isCustom(group: string): boolean {
  return group.includes('.') && !BUILT_IN_GROUPS.has(group);
}
