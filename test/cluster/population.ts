// Many objects in a cluster of which nothing but the API server runs: Deployments, each with a ReplicaSet
// and its Pods, of the size that such objects have in a cluster that is used. No controller touches them.
import { readFileSync } from 'node:fs';
import { Agent, type Dispatcher, request } from 'undici';
import { readKubeconfig } from '../support/kubeconfig.ts';

export interface Population {
  deployments: number;
  podsOfEach: number;
}

interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; uid: string };
}

const NAMESPACES = 50;
const CONNECTIONS = 32;
const NODES = 500;

/** Resolves when all of it is there. */
export async function populate(kubeconfig: string, population: Population): Promise<void> {
  const api = new Api(kubeconfig);
  for (let n = 0; n < NAMESPACES; n++) {
    await api.create('/api/v1/namespaces', { metadata: { name: namespaceOf(n) } });
    // Without it no Pod is let in.
    const account = { metadata: { name: 'default' } };
    await api.create(`/api/v1/namespaces/${namespaceOf(n)}/serviceaccounts`, account);
  }
  let next = 0;
  const work = async () => {
    while (next < population.deployments) await deploy(api, next++, population.podsOfEach);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  await api.close();
}

async function deploy(api: Api, n: number, pods: number): Promise<void> {
  const namespace = `namespaces/${namespaceOf(n)}`;
  const labels = { app: `service-${n}`, 'app.kubernetes.io/part-of': 'shop', tier: 'backend' };
  const spec = (replicas: number) => ({
    replicas,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: podSpec(n) },
  });
  const deployment = await api.create(`/apis/apps/v1/${namespace}/deployments`, {
    metadata: { name: `service-${n}`, labels },
    spec: spec(pods),
  });
  const replicaSet = await api.create(`/apis/apps/v1/${namespace}/replicasets`, {
    metadata: { name: `service-${n}-5d59d67564`, labels, ownerReferences: [ownerOf(deployment)] },
    spec: spec(pods),
  });
  for (let index = 0; index < pods; index++) {
    const name = `${replicaSet.metadata.name}-${index}`;
    await api.create(`/api/v1/${namespace}/pods`, {
      metadata: { name, labels, ownerReferences: [ownerOf(replicaSet)] },
      spec: { ...podSpec(n), nodeName: `node-${(n * pods + index) % NODES}` },
    });
    await api.setStatus(`/api/v1/${namespace}/pods/${name}/status`, RUNNING);
  }
}

const namespaceOf = (n: number) => `team-${n % NAMESPACES}`;

const podSpec = (n: number) => ({
  containers: ['main', 'proxy'].map((name) => ({
    name,
    image: `registry.example/${name}:${n}`,
    env: [{ name: 'LOG_LEVEL', value: 'info' }],
    ports: [{ containerPort: name === 'main' ? 8080 : 8443 }],
    resources: { requests: { cpu: '100m', memory: '128Mi' } },
  })),
});

/** As a kubelet reports it. */
const RUNNING = {
  phase: 'Running',
  podIP: '10.0.0.1',
  startTime: '2026-11-23T10:00:00Z',
  conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
    type,
    status: 'True',
    lastTransitionTime: '2026-11-23T10:00:00Z',
  })),
};

function ownerOf({ apiVersion, kind, metadata }: KubeObject): object {
  return { apiVersion, kind, ...metadata, controller: true, blockOwnerDeletion: true };
}

/** The API server, asked over a few connections that are kept. */
class Api {
  readonly #server: string;
  readonly #headers: Record<string, string>;
  readonly #dispatcher: Dispatcher;

  constructor(kubeconfig: string) {
    const { cluster, user } = readKubeconfig(kubeconfig);
    const ca = readFileSync(cluster['certificate-authority']);
    this.#server = cluster.server;
    this.#headers = {
      authorization: `Bearer ${user.token}`,
      'user-agent': 'kube-controller-manager',
    };
    this.#dispatcher = new Agent({ connections: CONNECTIONS, connect: { ca } });
  }

  create(path: string, object: object): Promise<KubeObject> {
    return this.#send('POST', path, 'application/json', object);
  }

  setStatus(path: string, status: object): Promise<KubeObject> {
    return this.#send('PATCH', `${path}?fieldManager=kubelet`, 'application/merge-patch+json', {
      status,
    });
  }

  close(): Promise<void> {
    return this.#dispatcher.close();
  }

  async #send(
    method: 'POST' | 'PATCH',
    path: string,
    type: string,
    content: object,
  ): Promise<KubeObject> {
    const { statusCode, body } = await request(`${this.#server}${path}`, {
      method,
      dispatcher: this.#dispatcher,
      headers: { ...this.#headers, 'content-type': type },
      body: JSON.stringify(content),
    });
    const answer = await body.text();
    if (statusCode >= 300) throw new Error(`${method} ${path}: ${answer}`);
    const { apiVersion, kind, metadata } = JSON.parse(answer);
    return { apiVersion, kind, metadata: { name: metadata.name, uid: metadata.uid } };
  }
}
