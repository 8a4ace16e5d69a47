// Pods of a made-up cluster: scheduled, started, in all kinds of trouble, and ended.
import { type Cluster, type KubeObject, MIN, MS, S, type Story } from './random-cluster.ts';
import type { EventOptions, RandomEvent, Reporter } from './random-events.ts';

export interface Pod {
  object: KubeObject;
  kubelet: Reporter;
  /** Its end has begun. */
  isOver: boolean;
}

const WARNING = { type: 'Warning' };

export function makePod(cluster: Cluster, name: string, owner?: KubeObject, by?: string): Pod {
  const object = cluster.create('Pod', name, { owner, ...(by && { by }) });
  const pod = { object, kubelet: cluster.pick(cluster.kubelets), isOver: false };
  cluster.start(life(cluster, pod), cluster.upTo(100 * MS));
  return pod;
}

/** `tell` is how its controller says so: before, or up to a second later. */
export function* end(cluster: Cluster, pod: Pod, tell?: () => void, within = 3 * S): Story {
  if (pod.isOver) return;
  pod.isOver = true;
  const { upTo, chance, events } = cluster;
  const { object, kubelet } = pod;
  const isEarly = chance(0.3);
  if (isEarly) tell?.();
  cluster.terminate(object);
  yield upTo(20 * MS);
  if (!isEarly && tell) cluster.after(upTo(600 * MS), tell);
  yield upTo(50 * MS);
  for (const container of chance(0.2) ? ['main', 'side'] : ['main'])
    events.emit(kubelet, object, 'Killing', `Stopping container ${container}`, { container });
  yield chance(0.03) ? 11 * MIN : upTo(within);
  if (chance(0.1))
    events.emit(kubelet, object, 'Unhealthy', 'Readiness probe failed: off', WARNING);
  cluster.remove(object);
}

function* life(cluster: Cluster, pod: Pod): Story {
  const { chance, events, upTo } = cluster;
  const { object, kubelet } = pod;
  const scheduler = events.reporter('default-scheduler', '', chance(0.7));
  if (chance(0.15)) {
    const message = '0/2 nodes are available: 2 Insufficient cpu.';
    const failed = events.emit(scheduler, object, 'FailedScheduling', message, WARNING);
    yield* repeated(cluster, pod, failed, 20 * S);
    if (pod.isOver) return;
  }
  const assigned = `Successfully assigned shop/${object.metadata.name} to ${kubelet.host}`;
  events.emit(scheduler, object, 'Scheduled', assigned);
  cluster.status(object);
  if (chance(0.12)) yield* heldUp(cluster, pod);
  for (const container of chance(0.25) ? ['init', 'main', 'side'] : ['main'])
    yield* startUp(cluster, pod, container);
  if (!pod.isOver) cluster.status(object);
  while (chance(0.35)) {
    yield cluster.pause(20 * S);
    if (pod.isOver) return;
    if (chance(0.3)) yield* restart(cluster, pod);
    else if (chance(0.2)) yield* crashLoop(cluster, pod);
    else {
      const options = { ...WARNING, container: 'main' };
      const message = `${cluster.pick(['Readiness', 'Liveness'])} probe failed: refused`;
      const failed = events.emit(kubelet, object, 'Unhealthy', message, options);
      if (chance(0.5)) yield* repeated(cluster, pod, failed, upTo(2) ? 10 * S : 60 * S);
    }
  }
}

function* startUp(cluster: Cluster, pod: Pod, container: string): Story {
  const { chance, events, upTo } = cluster;
  const { object, kubelet } = pod;
  const emit = (reason: string, message: string, options: EventOptions = {}): RandomEvent =>
    events.emit(kubelet, object, reason, message, { container, ...options });
  const image = `"nginx:${upTo(3)}"`;
  yield cluster.pause();
  if (pod.isOver) return;
  if (chance(0.5)) {
    if (chance(0.8)) emit('Pulling', `Pulling image ${image}`);
    yield chance(0.03) ? 32 * MIN : cluster.pause(4 * S);
    if (pod.isOver) return;
    if (chance(0.1)) {
      emit('Failed', 'Failed to pull image: not found', WARNING);
      yield* repeated(cluster, pod, emit('BackOff', `Back-off pulling image ${image}`), 30 * S);
      if (pod.isOver) return;
    }
    const took = `${1 + upTo(3)}.5s (${2 + upTo(3)}.25s including waiting)`;
    emit('Pulled', `Successfully pulled image ${image} in ${took}. Image size: 7 bytes.`);
  } else emit('Pulled', `Container image ${image} already present on machine`);
  yield cluster.pause(300 * MS);
  if (pod.isOver) return;
  emit('Created', `Created container: ${container}`);
  yield cluster.pause(100 * MS);
  if (pod.isOver) return;
  if (chance(0.06)) emit('Failed', 'Error: cannot run', WARNING);
  else emit('Started', `Started container ${container}`);
}

/** Volumes and sandboxes that do not come at once. */
function* heldUp(cluster: Cluster, pod: Pod): Story {
  const { events } = cluster;
  const { object, kubelet } = pod;
  const controller = events.reporter('attachdetach-controller');
  const [reporter, reason, message] = cluster.pick<[Reporter, string, string]>([
    [kubelet, 'FailedMount', 'MountVolume.SetUp failed for volume "data" : not found'],
    [kubelet, 'FailedCreatePodSandBox', 'Failed to create pod sandbox: no network'],
    [controller, 'FailedAttachVolume', 'AttachVolume.Attach failed for volume "data" : in use'],
  ]);
  const failed = events.emit(reporter, object, reason, message, WARNING);
  yield* repeated(cluster, pod, failed, 30 * S);
  if (reporter !== controller || pod.isOver) return;
  const attached = 'AttachVolume.Attach succeeded for volume "data"';
  events.emit(controller, object, 'SuccessfulAttachVolume', attached);
}

function* restart(cluster: Cluster, pod: Pod): Story {
  const { events } = cluster;
  const { object, kubelet } = pod;
  const options = { container: 'main' };
  const killed = 'Container main failed liveness probe, will be restarted';
  events.emit(kubelet, object, 'Killing', killed, options);
  yield cluster.pause();
  if (pod.isOver) return;
  const present = 'Container image "nginx:1" already present on machine';
  events.emit(kubelet, object, 'Pulled', present, options);
  events.emit(kubelet, object, 'Started', 'Started container main', options);
}

function* crashLoop(cluster: Cluster, pod: Pod): Story {
  const { events, chance } = cluster;
  const { object, kubelet } = pod;
  const options = { ...WARNING, container: 'main' };
  const message = `Back-off restarting failed container main in pod ${object.metadata.name}_shop(0)`;
  const backOff = events.emit(kubelet, object, 'BackOff', message, options);
  if (chance(0.1)) yield* repeated(cluster, pod, backOff, 9 * MIN, 20);
  else yield* repeated(cluster, pod, backOff, chance(0.3) ? 6 * MIN : 30 * S);
  if (pod.isOver || chance(0.5)) return;
  yield* startUp(cluster, pod, 'main');
}

/** Writes an Event again, a few times, each after a pause. */
function* repeated(cluster: Cluster, pod: Pod, event: RandomEvent, pause: number, most = 4): Story {
  for (let left = cluster.upTo(most); left > 0; left--) {
    yield cluster.pause(pause);
    if (pod.isOver) return;
    cluster.events.again(event);
  }
}
