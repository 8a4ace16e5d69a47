// Drives a cluster through what the bundled recordings show, each in a namespace of its own, and
// resolves when the last step has come to its end. Events of it may still be on their way.
import type { Kubectl } from './kubectl.ts';

/** Drives a cluster inside the namespace. */
export type Workload = (inside: Namespace) => Promise<void>;

/** By the name of the recording. */
export const WORKLOADS: Record<string, Workload> = {
  async rollout(inside) {
    await inside.kubectl('create', 'deployment', 'web', '--image=nginx:1.25', '--replicas=2');
    await inside.rolledOut('deployment/web');
    await inside.kubectl('set', 'image', 'deployment/web', 'nginx=nginx:1.26');
    await inside.rolledOut('deployment/web');
    await inside.kubectl('delete', 'deployment', 'web');
    await inside.until('delete', 'pod', '--all');
  },

  async statefulset(inside) {
    for (const tag of ['1', '2']) {
      await inside.apply(statefulSet(`registry.example/db:${tag}`));
      await inside.rolledOut('statefulset/db');
    }
  },

  async daemonset(inside) {
    await inside.apply(daemonSet('registry.example/agent:1'));
    await inside.rolledOut('daemonset/agent');
    await inside.kubectl('set', 'image', 'daemonset/agent', 'main=registry.example/agent:2');
    await inside.rolledOut('daemonset/agent');
  },

  async job(inside) {
    await inside.kubectl('create', 'job', 'once', '--image=busybox:1', '--', 'true');
    await inside.until('jsonpath={.status.ready}=1', 'job/once');
    const everyMinute = ['--image=busybox:1', '--schedule=* * * * *', '--', 'true'];
    await inside.kubectl('create', 'cronjob', 'tick', ...everyMinute);
    await inside.until('jsonpath={.status.active[0].name}', 'cronjob/tick');
    const active = ['get', 'cronjob/tick', '-o', 'jsonpath={.status.active[0].name}'];
    await inside.until('jsonpath={.status.ready}=1', `job/${await inside.kubectl(...active)}`);
  },

  async pending(inside) {
    await inside.apply(pickyDeployment(inside.name));
    await inside.until('jsonpath={.status.replicas}=2', 'deployment/picky');
    await inside.until('condition=PodScheduled=False', 'pod', '--all');
    const [node] = (await inside.kubectl('get', 'nodes', '-o', 'name')).trim().split('\n');
    await inside.kubectl('label', node!, `${ZONE}=${inside.name}`);
    await inside.rolledOut('deployment/picky');
    await inside.kubectl('label', node!, `${ZONE}-`);
  },
};

const ZONE = 'kspan.test/zone';

/** A namespace, ready for Pods. */
export class Namespace {
  readonly name: string;
  readonly #kubectl: Kubectl;

  static async create(kubectl: Kubectl, name: string): Promise<Namespace> {
    await kubectl.run(['create', 'namespace', name]);
    await kubectl.until(['-n', name, 'get', 'serviceaccount', 'default']);
    return new Namespace(kubectl, name);
  }

  private constructor(kubectl: Kubectl, name: string) {
    this.#kubectl = kubectl;
    this.name = name;
  }

  kubectl(...args: string[]): Promise<string> {
    return this.#kubectl.run(['-n', this.name, ...args]);
  }

  async apply(object: object): Promise<void> {
    await this.#kubectl.run(['-n', this.name, 'apply', '-f', '-'], JSON.stringify(object));
  }

  async until(condition: string, ...objects: string[]): Promise<void> {
    await this.#kubectl.wait(['-n', this.name, `--for=${condition}`, ...objects]);
  }

  async rolledOut(object: string): Promise<void> {
    await this.kubectl('rollout', 'status', object);
  }
}

function statefulSet(image: string): object {
  const spec = { serviceName: 'db', replicas: 3, ...podsOf('db', { containers: [main(image)] }) };
  return { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db' }, spec };
}

function daemonSet(image: string): object {
  const spec = podsOf('agent', { containers: [main(image)] });
  return { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'agent' }, spec };
}

/** Its Pods fit on no Node until one is labelled with the zone. */
function pickyDeployment(zone: string): object {
  const pod = { nodeSelector: { [ZONE]: zone }, containers: [main('nginx:1.25')] };
  const spec = { replicas: 2, ...podsOf('picky', pod) };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'picky' }, spec };
}

const main = (image: string) => ({ name: 'main', image });

function podsOf(app: string, spec: object): object {
  const labels = { app };
  const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 1, ...spec } };
  return { selector: { matchLabels: labels }, template };
}
