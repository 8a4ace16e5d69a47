// Pods of a made-up cluster that come to an end by themselves, and those that no controller keeps.
import { type Cluster, type KubeObject, MS, S, type Story } from './random-cluster.ts';
import { end, makePod, type Pod } from './random-pods.ts';
import { teller } from './random-workloads.ts';

export function* job(cluster: Cluster, owner?: KubeObject): Story {
  const J = cluster.create('Job', cluster.name('run'), { by: 'kubectl-create', owner });
  yield* work(cluster, J);
}

/** The pods of a job, until it is done. */
function* work(cluster: Cluster, J: KubeObject): Story {
  const { chance, events, upTo } = cluster;
  const tell = teller(cluster, 'job-controller', () => J);
  const reporter = events.reporter('job-controller');
  const pods: Pod[] = [];
  for (let left = chance(0.2) ? 2 : 1; left > 0; left--) {
    yield upTo(100 * MS);
    const name = cluster.name(J.metadata.name);
    pods.push(makePod(cluster, name, J));
    tell('Created', name);
  }
  yield cluster.pause(10 * S);
  if (chance(0.1)) {
    events.emit(reporter, J, 'Suspended', 'Job suspended');
    yield cluster.pause(5 * S);
    events.emit(reporter, J, 'Resumed', 'Job resumed');
    yield cluster.pause(5 * S);
  }
  if (chance(0.2)) {
    const message = 'Job has reached the specified backoff limit';
    events.emit(reporter, J, 'BackoffLimitExceeded', message, { type: 'Warning' });
  } else if (chance(0.9)) events.emit(reporter, J, 'Completed', 'Job completed');
  cluster.status(J);
  if (!chance(0.4)) return;
  yield cluster.pause(10 * S);
  const isTold = chance(0.5);
  for (const pod of pods) {
    if (isTold) tell('Deleted', pod.object.metadata.name);
    cluster.start(end(cluster, pod, undefined, S));
  }
  if (!isTold) cluster.remove(J);
}

export function* cronJob(cluster: Cluster): Story {
  const { chance, events } = cluster;
  const cron = cluster.create('CronJob', cluster.name('tick'), { by: 'kubectl-create' });
  const reporter = events.reporter('cronjob-controller');
  const emit = (reason: string, message: string): unknown =>
    events.emit(reporter, cron, reason, message);
  for (let left = 1 + cluster.upTo(3); left > 0; left--) {
    yield cluster.pause(70 * S);
    const J = cluster.create('Job', cluster.name(cron.metadata.name), { owner: cron });
    const { name } = J.metadata;
    emit('SuccessfulCreate', `Created job ${name}`);
    yield* work(cluster, J);
    emit('SawCompletedJob', `Saw completed job: ${name}, condition: Complete`);
    if (chance(0.4)) {
      emit('SuccessfulDelete', `Deleted job ${name}`);
      cluster.remove(J);
    }
    if (chance(0.2)) cluster.change(cron, 'kubectl-edit');
  }
}

export function* barePod(cluster: Cluster): Story {
  const { chance, events } = cluster;
  const pod = makePod(cluster, cluster.name('solo'), undefined, 'kubectl-run');
  yield cluster.pause(30 * S);
  if (!chance(0.6)) return;
  const message = 'Preempted in order to admit critical pod';
  if (chance(0.4)) events.emit(pod.kubelet, pod.object, 'Preempting', message, { type: 'Warning' });
  yield* end(cluster, pod);
}

/** Its kubelet knows it by the hash of its file. */
export function* staticPod(cluster: Cluster): Story {
  const { events, upTo } = cluster;
  const kubelet = cluster.pick(cluster.kubelets);
  const owner = cluster.nodes.find(({ metadata }) => metadata.name === kubelet.host);
  const name = `${cluster.name('etcd')}-${kubelet.host}`;
  for (let left = 1 + upTo(2); left > 0; left--) {
    const hash = cluster.hex(32);
    const annotations = { 'kubernetes.io/config.mirror': hash };
    const pod = cluster.create('Pod', name, { by: 'kubelet', owner, annotations });
    cluster.status(pod);
    const known = { ...pod, metadata: { ...pod.metadata, uid: hash } };
    for (const [reason, message] of [
      ['Pulled', 'Container image "etcd:3" already present on machine'],
      ['Created', 'Created container: etcd'],
      ['Started', 'Started container etcd'],
      ['Killing', 'Stopping container etcd'],
    ] as const) {
      events.emit(kubelet, known, reason, message, { container: 'etcd' });
      yield reason === 'Started' ? cluster.pause(30 * S) : upTo(300 * MS);
    }
    cluster.remove(pod);
    yield cluster.pause(3 * S);
  }
}
