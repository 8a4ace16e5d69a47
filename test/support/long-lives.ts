// What lives long, as recordings: each told by what its controllers do. `loses`: whether Events are
// folded and dropped on the way, as client-go does.
import { MadeRecording } from './made-recording.ts';

/** Milliseconds since the Unix epoch. */
export const START = Date.parse('2026-03-01T10:00:00Z');
export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;

const IMAGE = 'registry.example/app:2';
const PRESENT = `Container image "${IMAGE}" already present on machine and can be accessed by the pod`;
const PULLED = `Successfully pulled image "${IMAGE}" in 10s (10s including waiting). Image size: 71005258 bytes.`;

/** A DaemonSet's image is set; ten pods a second are replaced. */
export function daemonSetRollout(pods: number): Uint8Array {
  const made = new MadeRecording(true);
  const created = START - HOUR_MS;
  const byHand = { manager: 'kubectl-apply', created };
  const agent = made.create(START, 'DaemonSet', 'apps/v1', 'agent', byHand);
  made.change(START + 10_000, agent, 'kubectl-set');
  for (let i = 0; i < pods; i++) {
    const [t, kubelet] = [START + 10_200 + i * 100, `kubelet@node-${i}`];
    const old = made.create(START, 'Pod', 'v1', `agent-${i}a`, { owner: agent, created });
    made.remove(t - 20, old, t + 2000);
    made.say(t, 'daemonset-controller', agent, 'SuccessfulDelete', `Deleted pod: ${old.name}`);
    made.say(t + 200, kubelet, old, 'Killing', 'Stopping container main', { container: 'main' });
    const next = made.create(t + 2200, 'Pod', 'v1', `agent-${i}b`, { owner: agent });
    made.say(
      t + 2250,
      'daemonset-controller',
      agent,
      'SuccessfulCreate',
      `Created pod: ${next.name}`,
    );
    const assigned = `Successfully assigned shop/${next.name} to node-${i}`;
    made.say(t + 2300, 'default-scheduler', next, 'Scheduled', assigned);
    made.say(t + 2500, kubelet, next, 'Pulling', `Pulling image "${IMAGE}"`, { container: 'main' });
    made.say(t + 12_500, kubelet, next, 'Pulled', PULLED, { container: 'main' });
    made.say(t + 12_600, kubelet, next, 'Created', 'Container created', { container: 'main' });
    made.say(t + 12_700, kubelet, next, 'Started', 'Container started', { container: 'main' });
  }
  return made.input();
}

/** A CronJob that runs every minute, each time for 20 s, and keeps three runs. */
export function minutelyCronJob(runs: number, loses: boolean): Uint8Array {
  const made = new MadeRecording(loses);
  const byHand = { manager: 'kubectl-create', created: START - HOUR_MS };
  const tick = made.create(START, 'CronJob', 'batch/v1', 'tick', byHand);
  const jobs = Array.from({ length: runs }, (_, run) => {
    const [t, name] = [START + run * MINUTE_MS, `tick-${29_540_000 + run}`];
    made.say(t + 100, 'cronjob-controller', tick, 'SuccessfulCreate', `Created job ${name}`);
    const job = made.create(t + 150, 'Job', 'batch/v1', name, { owner: tick });
    const pod = made.create(t + 280, 'Pod', 'v1', `${name}-x2v`, { owner: job });
    made.say(t + 300, 'job-controller', job, 'SuccessfulCreate', `Created pod: ${pod.name}`);
    const assigned = `Successfully assigned shop/${pod.name} to node-1`;
    made.say(t + 400, 'default-scheduler', pod, 'Scheduled', assigned);
    made.say(t + 600, 'kubelet@node-1', pod, 'Pulled', PRESENT, { container: 'main' });
    made.say(t + 700, 'kubelet@node-1', pod, 'Created', 'Container created', { container: 'main' });
    made.say(t + 800, 'kubelet@node-1', pod, 'Started', 'Container started', { container: 'main' });
    made.say(t + 20_000, 'job-controller', job, 'Completed', 'Job completed');
    const saw = `Saw completed job: ${name}, condition: Complete`;
    made.say(t + 20_100, 'cronjob-controller', tick, 'SawCompletedJob', saw);
    return { t, job, pod };
  });
  jobs.slice(0, -3).forEach(({ job, pod }, run) => {
    const t = jobs[run + 3]!.t;
    made.say(t + 20_200, 'cronjob-controller', tick, 'SuccessfulDelete', `Deleted job ${job.name}`);
    made.remove(t + 20_180, job, t + 20_300);
    made.remove(t + 20_310, pod, t + 20_400);
  });
  return made.input();
}

/** A pod of a Deployment that crashes five seconds after each start, and waits ever longer. */
export function crashLoop(hours: number, loses: boolean): Uint8Array {
  const made = new MadeRecording(loses);
  const [, , pod] = deployed(made);
  const kubelet = (at: number, reason: string, message: string, type = 'Normal') =>
    made.say(at, 'kubelet@node-1', pod, reason, message, { container: 'main', type });
  const waiting = `Back-off restarting failed container main in pod ${pod.name}_shop(${pod.uid})`;
  let [t, wait] = [START + 2000, 10_000];
  while (t < START + hours * HOUR_MS) {
    if (t > START + 2000) started(made, pod, t);
    const crashed = t + 5000;
    for (let at = crashed + 500; at < crashed + wait; at += 12_000)
      kubelet(at, 'BackOff', waiting, 'Warning');
    t = crashed + wait;
    wait = Math.min(2 * wait, 300_000);
  }
  return made.input();
}

/** An autoscaler that adds a pod every 30 s for half of the time, then removes one every 30 s. */
export function restlessAutoscaler(minutes: number, loses: boolean): Uint8Array {
  const made = new MadeRecording(loses);
  const target = { scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' } };
  const byHand = { manager: 'kubectl-autoscale', spec: target };
  const hpa = made.create(START, 'HorizontalPodAutoscaler', 'autoscaling/v2', 'web', byHand);
  const [web, set, first] = deployed(made);
  const pods = [first];
  const steps = minutes * 2;
  for (let step = 1; step < steps; step++) {
    const t = START + step * (MINUTE_MS / 2);
    const up = step <= steps / 2;
    const [from, to] = [pods.length, pods.length + (up ? 1 : -1)];
    const why = up
      ? 'cpu resource utilization (percentage of request) above target'
      : 'All metrics below target';
    made.change(t, web, 'kube-controller-manager', 'scale');
    const rescaled = `New size: ${to}; reason: ${why}`;
    made.say(t + 100, 'horizontal-pod-autoscaler', hpa, 'SuccessfulRescale', rescaled);
    const scaled = `Scaled ${up ? 'up' : 'down'} replica set ${set.name} from ${from} to ${to}`;
    made.say(t + 200, 'deployment-controller', web, 'ScalingReplicaSet', scaled);
    made.change(t + 250, set, 'kube-controller-manager');
    if (up) pods.push(createdPod(made, set, t + 300, `web-1-${step}`));
    else endedPod(made, set, t + 300, pods.pop()!);
  }
  return made.input();
}

type Made = ReturnType<MadeRecording['create']>;

/** A Deployment of one pod. */
function deployed(made: MadeRecording): [deployment: Made, set: Made, pod: Made] {
  const web = made.create(START + 50, 'Deployment', 'apps/v1', 'web', {
    manager: 'kubectl-create',
  });
  const set = made.create(START + 120, 'ReplicaSet', 'apps/v1', 'web-1', { owner: web });
  const scaled = 'Scaled up replica set web-1 from 0 to 1';
  made.say(START + 100, 'deployment-controller', web, 'ScalingReplicaSet', scaled);
  return [web, set, createdPod(made, set, START + 200, 'web-1-0')];
}

function createdPod(made: MadeRecording, set: Made, t: number, name: string): Made {
  const pod = made.create(t - 20, 'Pod', 'v1', name, { owner: set });
  made.say(t, 'replicaset-controller', set, 'SuccessfulCreate', `Created pod: ${name}`);
  made.say(
    t + 100,
    'default-scheduler',
    pod,
    'Scheduled',
    `Successfully assigned shop/${name} to node-1`,
  );
  started(made, pod, t + 300);
  return pod;
}

function started(made: MadeRecording, pod: Made, t: number): void {
  made.say(t, 'kubelet@node-1', pod, 'Pulled', PRESENT, { container: 'main' });
  made.say(t + 100, 'kubelet@node-1', pod, 'Created', 'Container created', { container: 'main' });
  made.say(t + 200, 'kubelet@node-1', pod, 'Started', 'Container started', { container: 'main' });
}

function endedPod(made: MadeRecording, set: Made, t: number, pod: Made): void {
  made.remove(t - 20, pod, t + 2000);
  made.say(t, 'replicaset-controller', set, 'SuccessfulDelete', `Deleted pod: ${pod.name}`);
  made.say(t + 200, 'kubelet@node-1', pod, 'Killing', 'Stopping container main', {
    container: 'main',
  });
}
