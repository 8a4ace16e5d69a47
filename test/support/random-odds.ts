// Everything else that happens in a made-up cluster: node trouble, autoscalers, GitOps, custom resources
// with owners of all kinds, things that nobody owns or knows.
import { type Cluster, type Json, type KubeObject, S, type Story } from './random-cluster.ts';
import { deployment } from './random-workloads.ts';

export function* nodeTrouble(cluster: Cluster): Story {
  const { chance, events, upTo } = cluster;
  const node = cluster.pick(cluster.nodes);
  const { name } = node.metadata;
  const kubelet = cluster.kubelets.find(({ host }) => host === name)!;
  const controller = events.reporter('node-controller');
  for (let left = 1 + upTo(4); left > 0; left--) {
    yield cluster.pause(20 * S);
    const reporter = chance(0.5) ? kubelet : controller;
    const status = cluster.pick([
      ...['NodeReady', 'NodeNotReady', 'NodeNotReady', 'NodeHasDiskPressure', 'RegisteredNode'],
      ...['NodeHasNoDiskPressure', 'NodeNotSchedulable', 'NodeSchedulable'],
    ]);
    const registered = `Node ${name} event: Registered Node ${name} in Controller`;
    const message =
      status === 'RegisteredNode' ? registered : `Node ${name} status is now: ${status}`;
    events.emit(reporter, node, status, message);
    if (chance(0.3)) cluster.status(node);
    if (status !== 'NodeNotReady' || chance(0.3)) continue;
    const pods = cluster.live('Pod').filter(() => chance(0.5));
    for (const pod of pods.slice(0, 2)) {
      yield upTo(2 * S);
      events.emit(controller, pod, 'NodeNotReady', 'Node is not ready', { type: 'Warning' });
    }
  }
}

export function* autoscaled(cluster: Cluster): Story {
  const { events, upTo, chance } = cluster;
  const spec = { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: '' } };
  const name = cluster.name('hpa');
  const reporter = events.reporter('horizontal-pod-autoscaler');
  let hpa: KubeObject | undefined;
  yield* deployment(cluster, undefined, {
    made: ({ metadata }) => {
      spec.scaleTargetRef.name = chance(0.9) ? metadata.name : 'nobody';
      hpa = cluster.create('HorizontalPodAutoscaler', name, { by: 'kubectl-create', spec });
    },
    scaled: (size) => {
      const message = `New size: ${size}; reason: cpu resource utilization above target`;
      events.emit(reporter, hpa!, 'SuccessfulRescale', message);
    },
  });
  if (!hpa || chance(0.5)) return;
  yield upTo(S);
  const message = 'failed to get cpu utilization: no metrics';
  events.emit(reporter, hpa, 'FailedGetResourceMetric', message, { type: 'Warning' });
}

/** An autoscaler at work for an hour or two. */
export function* rescaled(cluster: Cluster): Story {
  const { events, upTo, chance } = cluster;
  const D = cluster.create('Deployment', cluster.name('api'), { by: 'kubectl-create' });
  const { name } = D.metadata;
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name };
  const options = { by: 'kubectl-create', spec: { scaleTargetRef } };
  const hpa = cluster.create('HorizontalPodAutoscaler', name, options);
  const [autoscaler, controller] = [
    events.reporter('horizontal-pod-autoscaler'),
    events.reporter('deployment-controller'),
  ];
  for (let left = upTo(chance(0.5) ? 40 : 8); left > 0; left--) {
    yield 60 * S + upTo(70 * S);
    cluster.change(D, 'kube-controller-manager', 'scale');
    const size = 1 + upTo(9);
    events.emit(autoscaler, hpa, 'SuccessfulRescale', `New size: ${size}; reason: cpu`);
    yield upTo(S);
    const message = `Scaled up replica set ${name}-1 from ${size - 1} to ${size}`;
    events.emit(controller, D, 'ScalingReplicaSet', message);
  }
}

/** The tools that the marks of other objects speak of. */
export function* gitOps(cluster: Cluster): Story {
  const { chance, events, upTo, pick } = cluster;
  const [kind, component, namespace] = pick([
    ['Kustomization', 'kustomize-controller', 'shop'],
    ['HelmRelease', 'helm-controller', 'shop'],
    ['Application', 'argocd-application-controller', pick(['argocd', 'shop'])],
  ] as const);
  const tool = cluster.create(kind, pick(['one', 'two']), { by: 'kubectl-apply', namespace });
  const reporter = events.reporter(component);
  for (let left = upTo(4); left > 0; left--) {
    yield cluster.pause(15 * S);
    if (chance(0.4)) cluster.change(tool, pick(['kubectl-apply', component]));
    const applied = cluster
      .live(pick(['Deployment', 'Widget', 'Pod']))
      .slice(0, 3)
      .map(({ kind, metadata }) => `${kind}/${metadata.namespace}/${metadata.name} configured`);
    const [reason, message] = pick([
      ['Progressing', applied.join('\n') || 'nothing to do'],
      ['ReconciliationSucceeded', 'Reconciliation finished in 1.2s, next run in 10m0s'],
      ['OperationStarted', 'admin initiated sync to v2'],
      ['OperationCompleted', 'Sync operation to v2 succeeded'],
      ['UpgradeSucceeded', 'Helm upgrade succeeded for release shop/one.v2 with chart one@1.2.3'],
    ] as const);
    events.emit(reporter, tool, reason, message);
  }
}

/** Custom resources: owned plainly, by what has no namespace, by what nobody watches, in a circle. */
export function* widget(cluster: Cluster): Story {
  const { chance, events, pick, upTo } = cluster;
  const isClustered = chance(0.2);
  const isHigh = isClustered || chance(0.2);
  const seen = { namespace: '', isUnseen: false };
  const uid = cluster.uuid();
  const name = cluster.name('w');
  const itself = { kind: 'Widget', apiVersion: 'example.com/v1', metadata: { name, uid } };
  const owner = chance(0.4)
    ? cluster.create('Gadget', cluster.name('g'), {
        by: 'gadgetctl',
        ...(isHigh ? seen : { isUnseen: chance(0.3) }),
        ...(!isHigh && chance(0.2) && { owner: { ...itself, isUnseen: true } }),
      })
    : undefined;
  const W = cluster.create('Widget', name, {
    ...{ uid, owner, by: 'widgetctl', plain: chance(0.4) },
    ...(isClustered ? seen : { isUnseen: chance(0.4) }),
  });
  const reporter = events.reporter('widget-controller');
  events.emit(reporter, W, 'Synced', 'in step');
  yield cluster.pause();
  const hasChild = chance(0.6);
  if (hasChild) cluster.start(deployment(cluster, W));
  for (let left = upTo(5); left > 0; left--) {
    yield cluster.pause(15 * S);
    if (chance(0.4)) cluster.change(W, pick(['widgetctl', 'kubectl-edit']));
    if (chance(0.1)) cluster.changeUnseen(W);
    // Without managedFields an object begins anew under its next root.
    if (!hasChild && !cluster.weather.bare && chance(0.15))
      yield* cluster.adopt(W, chance(0.5) ? owner : undefined);
    const about = owner && chance(0.3) ? owner : W;
    const isRelated = owner?.metadata.namespace && about !== owner && chance(0.3);
    const event = events.emit(reporter, about, pick(['Synced', 'Failed', 'Updated']), 'so it is', {
      type: pick(['Normal', 'Warning']),
      ...(isRelated && { related: owner }),
    });
    if (!chance(0.3)) continue;
    yield cluster.pause(10 * S);
    events.again(event);
  }
  if (hasChild || !chance(0.3)) return;
  cluster.terminate(W);
  yield upTo(S);
  cluster.remove(W);
}

export function* orphan(cluster: Cluster): Story {
  const { chance, events, pick } = cluster;
  const kind = pick(['Widget', 'ConfigMap', 'Pod']);
  const thing = cluster.create(kind, cluster.name('x'), { by: 'someone', isUnseen: chance(0.7) });
  for (let left = 1 + cluster.upTo(4); left > 0; left--) {
    const event = events.emit(events.reporter('someone'), thing, 'Seen', 'there it is');
    yield cluster.pause(60 * S);
    if (chance(0.4)) events.again(event);
  }
}

/** What a row of the table has as its samples, about objects that may or may not exist. */
export function* sampled(cluster: Cluster, rows: Json[]): Story {
  const { chance, events, pick, upTo } = cluster;
  const controllers: string[] = pick(rows).controllers ?? ['someone'];
  const component = pick(controllers).replace('*', 'x');
  const fits = (row: Json): boolean => !row.controllers || row.controllers.includes(component);
  const mine = rows.filter((row) => fits(row) && row.samples);
  const objects = new Map<string, KubeObject>();
  for (let left = 1 + upTo(6); left > 0; left--) {
    const row = pick(mine.filter((r) => r.controllers || chance(0.2)).concat(mine[0] ?? []));
    const kind: string = pick(row.kinds ?? ['Widget']);
    if (!objects.has(kind)) {
      const group = row.groups?.[0];
      const options = kind === 'Node' ? { namespace: '' } : {};
      const isNode = kind === 'Node' && chance(0.5);
      const made = isNode
        ? pick(cluster.nodes)
        : cluster.create(kind, cluster.name('s'), { ...options, by: 'someone' });
      if (group) made.apiVersion = `${group}/v1`;
      objects.set(kind, made);
    }
    const object = objects.get(kind)!;
    const sample = pick<Json>(row.samples);
    const named = Object.values<string>(sample.want ?? {}).filter((text) =>
      /^[a-z0-9-]+$/.test(text),
    );
    if (named.length > 0 && chance(0.5))
      cluster.create(pick(['Pod', 'Job', 'ReplicaSet']), pick(named), { owner: object });
    const reporter = events.reporter(sample.controller?.replace('*', 'x') ?? component);
    const reason: string = sample.reason ?? pick(row.reasons ?? ['Done']);
    const type: string = sample.type ?? pick(row.types ?? ['Normal', 'Warning']);
    const event = events.emit(reporter, object, reason, sample.message, { type });
    yield cluster.pause(20 * S);
    if (chance(0.2)) events.again(event);
    if (kind === 'Node') continue;
    if (chance(0.1)) cluster.change(object, 'someone');
    if (!chance(0.1)) continue;
    cluster.remove(object);
    objects.delete(kind);
  }
}
