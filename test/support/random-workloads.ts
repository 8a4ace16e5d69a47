// Controllers of a made-up cluster that keep pods running: Deployments that roll out and scale,
// StatefulSets that make their pods anew, DaemonSets.
import { type Cluster, type KubeObject, MS, S, type Story } from './random-cluster.ts';
import type { RandomEvent } from './random-events.ts';
import { end, makePod, type Pod } from './random-pods.ts';

export type Tell = (verb: 'Created' | 'Deleted', pod: string) => void;

interface ReplicaSet {
  object: KubeObject;
  pods: Pod[];
  tell: Tell;
  isDead: boolean;
}

/** What a controller writes about its pods; beyond some the recorder folds it. */
export function teller(
  cluster: Cluster,
  component: string,
  owner: () => KubeObject,
  say = (verb: string, pod: string): string => `${verb} pod: ${pod}`,
): Tell {
  const { chance, events } = cluster;
  const reporter = events.reporter(component);
  let left = chance(0.2) ? 2 : 100;
  let folded: RandomEvent | undefined;
  return (verb, pod) => {
    const reason = verb === 'Created' ? 'SuccessfulCreate' : 'SuccessfulDelete';
    const combined = `(combined from similar events): ${say(verb, pod)}`;
    if (left-- > 0) events.emit(reporter, owner(), reason, say(verb, pod));
    else if (folded?.object.reason === reason) events.again(folded, combined);
    else folded = events.emit(reporter, owner(), reason, combined);
  };
}

export function* deployment(cluster: Cluster, owner?: KubeObject, hooks?: DeploymentHooks): Story {
  const { chance, events, pick, upTo } = cluster;
  const by = pick(['kubectl-create', 'helm', 'argocd-controller']);
  const D = cluster.create('Deployment', cluster.name('web'), { by, owner });
  hooks?.made?.(D);
  const controller = events.reporter('deployment-controller');
  const sets: ReplicaSet[] = [];
  const scale = (set: ReplicaSet, to: number): void => {
    const way = to > set.pods.length ? 'up' : 'down';
    const { name } = set.object.metadata;
    const message = `Scaled ${way} replica set ${name} from ${set.pods.length} to ${to}`;
    events.emit(controller, D, 'ScalingReplicaSet', message);
    cluster.start(reach(cluster, set, to), upTo(50 * MS));
  };
  yield upTo(100 * MS);
  let size = 1 + upTo(3);
  sets.push(replicaSet(cluster, D));
  scale(sets[0]!, size);
  cluster.status(D);
  for (let left = upTo(5); left > 0; left--) {
    yield chance(0.5) ? cluster.pause(3 * S) : cluster.pause(40 * S);
    const what = upTo(20);
    const newest = sets.at(-1)!;
    if (what < 7) {
      cluster.change(D, pick([by, 'kubectl-set', 'helm']));
      yield upTo(100 * MS);
      sets.push(replicaSet(cluster, D));
      for (let n = 1; n <= size; n++) {
        scale(sets.at(-1)!, n);
        yield cluster.pause(2 * S);
        if (newest.pods.length > 0) scale(newest, newest.pods.length - 1);
        yield upTo(100 * MS);
      }
    } else if (what < 12) {
      size = upTo(4);
      if (chance(0.3)) hooks?.scaled?.(size);
      const scaler = pick(['kube-controller-manager', 'keda-operator', 'kubectl']);
      if (chance(0.5)) cluster.change(D, scaler, 'scale');
      else cluster.change(D, by);
      yield upTo(100 * MS);
      cluster.change(newest.object, 'kube-controller-manager');
      if (size !== newest.pods.length) scale(newest, size);
    } else if (what < 14) events.emit(events.reporter('rollout-bot'), D, 'Checked', 'looks good');
    else if (what < 17) cluster.status(D);
    else yield* evict(cluster, newest.pods.pop());
  }
  if (!chance(0.5)) return;
  yield cluster.pause(20 * S);
  if (chance(0.3)) {
    cluster.terminate(D);
    yield upTo(200 * MS);
  }
  cluster.remove(D);
  for (const set of sets) {
    set.isDead = true;
    yield upTo(50 * MS);
    cluster.remove(set.object);
    for (const pod of set.pods) cluster.start(end(cluster, pod, undefined, S), upTo(200 * MS));
  }
}

/** Where other stories join a Deployment's. */
export interface DeploymentHooks {
  made?: (object: KubeObject) => void;
  scaled?: (size: number) => void;
}

function replicaSet(cluster: Cluster, owner: KubeObject): ReplicaSet {
  const object = cluster.create('ReplicaSet', cluster.name(owner.metadata.name), { owner });
  const tell = teller(cluster, 'replicaset-controller', () => object);
  return { object, pods: [], tell, isDead: false };
}

/** Makes pods or ends them until there are so many. */
function* reach(cluster: Cluster, set: ReplicaSet, count: number): Story {
  const { chance, events, upTo } = cluster;
  const { object, pods, tell } = set;
  while (pods.length < count) {
    yield upTo(200 * MS);
    if (set.isDead) return;
    const name = cluster.name(object.metadata.name);
    if (chance(0.08)) {
      const message = `Error creating: pods "${name}" is forbidden: quota`;
      const reporter = events.reporter('replicaset-controller');
      events.emit(reporter, object, 'FailedCreate', message, { type: 'Warning' });
      yield cluster.pause(5 * S);
      if (set.isDead) return;
    }
    const isEarly = chance(0.2);
    if (isEarly) tell('Created', name);
    pods.push(makePod(cluster, name, object));
    if (!isEarly) tell('Created', name);
  }
  while (pods.length > count) {
    yield upTo(100 * MS);
    const pod = pods.pop();
    if (!pod) break;
    cluster.start(end(cluster, pod, () => tell('Deleted', pod.object.metadata.name)));
  }
  cluster.status(object);
}

/** A pod is taken away by something else than its controller. */
export function* evict(cluster: Cluster, pod: Pod | undefined): Story {
  if (!pod || pod.isOver) return;
  const { events, upTo } = cluster;
  const { object, kubelet } = pod;
  const { name } = object.metadata;
  const preemptor = cluster.chance(0.5) ? makePod(cluster, cluster.name('vip')) : undefined;
  const [component, reason, message] = cluster.pick([
    ['kubelet', 'Evicted', 'The node was low on resource: memory.'],
    [
      'default-scheduler',
      'Preempted',
      `Preempted by pod ${cluster.uuid()} on node ${kubelet.host}`,
    ],
    ['taint-eviction-controller', 'TaintManagerEviction', `Marking for deletion Pod shop/${name}`],
  ] as const);
  const reporter = component === 'kubelet' ? kubelet : events.reporter(component);
  const related = preemptor && reason === 'Preempted' && { related: preemptor.object };
  events.emit(reporter, object, reason, message, { type: 'Warning', ...related });
  yield upTo(300 * MS);
  if (reason === 'TaintManagerEviction' && cluster.chance(0.3)) {
    events.emit(reporter, object, reason, `Cancelling deletion of Pod shop/${name}`);
    return;
  }
  cluster.start(end(cluster, pod));
}

export function* statefulSet(cluster: Cluster): Story {
  const { chance, events, upTo } = cluster;
  const name = cluster.name('db');
  const [create, remove] = chance(0.5) ? ['create', 'delete'] : ['Create', 'Delete'];
  let set = cluster.create('StatefulSet', name, { by: 'kubectl-create' });
  const tell = teller(
    cluster,
    'statefulset-controller',
    () => set,
    (verb, pod) =>
      `${verb === 'Created' ? create : remove} Pod ${pod} in StatefulSet ${name} successful`,
  );
  const pods: Pod[] = [];
  const make = (n: number): void => {
    pods[n] = makePod(cluster, `${name}-${n}`, set);
    tell('Created', `${name}-${n}`);
  };
  for (let n = 0; n <= upTo(3); n++) {
    yield cluster.pause(3 * S);
    const claim = `${create} Claim data-${name}-${n} Pod ${name}-${n} in StatefulSet ${name} success`;
    if (chance(0.2))
      events.emit(events.reporter('statefulset-controller'), set, 'SuccessfulCreate', claim);
    make(n);
  }
  for (let left = upTo(3); left > 0; left--) {
    yield cluster.pause(20 * S);
    if (chance(0.5)) {
      cluster.change(set, 'kubectl-set');
      yield upTo(100 * MS);
    }
    const n = upTo(pods.length);
    yield* end(cluster, pods[n]!, chance(0.7) ? () => tell('Deleted', `${name}-${n}`) : undefined);
    yield upTo(300 * MS);
    make(n);
  }
  if (!chance(0.3)) return;
  yield cluster.pause(10 * S);
  cluster.remove(set);
  for (const pod of pods) cluster.start(end(cluster, pod, undefined, S), upTo(300 * MS));
  yield cluster.pause(5 * S);
  if (!chance(0.5)) return;
  // Another one of the same name.
  set = cluster.create('StatefulSet', name, { by: 'kubectl-create' });
  yield upTo(100 * MS);
  make(0);
}

export function* daemonSet(cluster: Cluster): Story {
  const { chance, events, upTo } = cluster;
  const set = cluster.create('DaemonSet', cluster.name('agent'), { by: 'helm' });
  const tell = teller(cluster, 'daemonset-controller', () => set);
  const pods: Pod[] = [];
  const make = (): void => {
    const name = cluster.name('agent');
    pods.push(makePod(cluster, name, set));
    tell('Created', name);
  };
  for (const _ of cluster.nodes) {
    yield upTo(200 * MS);
    make();
  }
  for (let left = upTo(3); left > 0; left--) {
    yield cluster.pause(20 * S);
    const pod = pods.shift()!;
    const { name } = pod.object.metadata;
    if (chance(0.4)) {
      cluster.change(set, 'helm');
      yield upTo(100 * MS);
    }
    if (chance(0.3)) {
      const message = `Found failed daemon pod shop/${name} on node hollow-1, will try to kill it`;
      const reporter = events.reporter('daemonset-controller');
      events.emit(reporter, set, 'FailedDaemonPod', message, { type: 'Warning' });
    }
    cluster.start(end(cluster, pod, () => tell('Deleted', name)));
    yield upTo(500 * MS);
    make();
  }
}
