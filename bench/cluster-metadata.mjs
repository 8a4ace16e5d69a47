// The metadata of a large cluster, as `kspan watch` reads it when it starts: applications with one
// Deployment, three ReplicaSets and four Pods each, in namespaces of fifty, and a Node for every
// hundred Pods. Names, labels, owners and managedFields are of the shape and length that real ones
// have. The same number of objects gives the same bytes.

const WORDS = ['checkout', 'catalog', 'session', 'search', 'ledger', 'gateway', 'mailer', 'report'];
const PARTS = ['api', 'worker', 'web', 'consumer', 'cron-runner'];
/** Keeps uids of kinds apart. */
const KINDS = { namespace: 0, node: 1, deployment: 2, replicaSet: 3, pod: 4 };
const REPLICA_SETS = 3;
const PODS = 4;
const OBJECTS_PER_APP = 1 + REPLICA_SETS + PODS;
const APPS_PER_NAMESPACE = 50;
const PODS_PER_NODE = 100;
const CREATED = '2026-01-01T00:00:00Z';
const CHANGED = '2026-01-03T10:00:00Z';

/**
 * The frames of `objects` objects (Buffers of some hundred), and what each is counted as.
 * `ownersFirst`: kind by kind, owners before what they own; else the kinds' lists take turns.
 */
export function clusterMetadata({ objects, ownersFirst }) {
  const apps = Math.floor(
    objects / (OBJECTS_PER_APP + 1 / APPS_PER_NAMESPACE + PODS / PODS_PER_NODE),
  );
  const lists = [
    list(Math.ceil(apps / APPS_PER_NAMESPACE), namespace),
    list(Math.ceil((apps * PODS) / PODS_PER_NODE), node),
    list(apps, deployment),
    list(apps * REPLICA_SETS, replicaSet),
    list(apps * PODS, pod),
  ];
  return { apps, chunks: ownersFirst ? inTurn(lists) : takingTurns(lists) };
}

/** The uid of the Deployment of an application, and its Pods as Events name them. */
export function podOf(app) {
  const index = app * PODS;
  return { name: podName(index), namespace: namespaceName(app), uid: uid(KINDS.pod, index) };
}

export function deploymentOf(app) {
  return { name: appName(app), uid: uid(KINDS.deployment, app) };
}

function* list(count, objectOf, page = 500) {
  for (let from = 0; from < count; from += page) {
    let text = '';
    for (let index = from; index < Math.min(count, from + page); index++) {
      text += `${JSON.stringify(frame(objectOf(index)))}\n`;
    }
    yield Buffer.from(text);
  }
}

function* inTurn(lists) {
  for (const pages of lists) yield* pages;
}

function* takingTurns(lists) {
  let open = lists;
  while (open.length > 0) {
    const still = [];
    for (const pages of open) {
      const { value, done } = pages.next();
      if (done) continue;
      yield value;
      still.push(pages);
    }
    open = still;
  }
}

function frame({ apiVersion, kind, metadata }) {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  return {
    type: 'ADDED',
    object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata },
    receivedAt: '2026-02-01T00:00:00Z',
    resource: { group, version, kind },
  };
}

function namespace(index) {
  const name = namespaceName(index * APPS_PER_NAMESPACE);
  const labels = { 'kubernetes.io/metadata.name': name };
  const managedFields = [
    entry('kubectl-create', 'v1', CREATED, { 'f:metadata': { 'f:labels': {} } }),
  ];
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, ...common(KINDS.namespace, index), labels, managedFields },
  };
}

function node(index) {
  const name = `ip-10-${index >> 8}-${index & 255}-17.eu-central-1.compute.internal`;
  const labels = {
    'beta.kubernetes.io/arch': 'amd64',
    'kubernetes.io/hostname': name,
    'node.kubernetes.io/instance-type': 'm6i.4xlarge',
    'topology.kubernetes.io/zone': 'eu-central-1a',
  };
  const managedFields = [
    entry('kubelet', 'v1', CREATED, { 'f:metadata': { 'f:labels': {} } }),
    entry('cloud-controller-manager', 'v1', CREATED, { 'f:spec': { 'f:providerID': {} } }),
    {
      ...entry('kubelet', 'v1', CHANGED, { 'f:status': { 'f:conditions': {} } }),
      subresource: 'status',
    },
  ];
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, ...common(KINDS.node, index), labels, managedFields },
  };
}

/** Half of them are Helm's, and changed twice since. */
function deployment(app) {
  const name = appName(app);
  const isHelm = app % 2 === 0;
  const helm = {
    'meta.helm.sh/release-name': name,
    'meta.helm.sh/release-namespace': namespaceName(app),
  };
  const metadata = {
    name,
    namespace: namespaceName(app),
    ...common(KINDS.deployment, app),
    generation: REPLICA_SETS,
    labels: labelsOf(app),
    annotations: {
      'deployment.kubernetes.io/revision': String(REPLICA_SETS),
      ...(isHelm ? helm : {}),
    },
    managedFields: [
      entry(isHelm ? 'helm' : 'kubectl-client-side-apply', 'apps/v1', CHANGED, {
        'f:spec': { 'f:replicas': {}, 'f:template': { 'f:spec': { 'f:containers': {} } } },
      }),
      {
        ...entry('kube-controller-manager', 'apps/v1', CHANGED, { 'f:status': {} }),
        subresource: 'status',
      },
    ],
  };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata };
}

function replicaSet(index) {
  const app = Math.floor(index / REPLICA_SETS);
  const metadata = {
    name: replicaSetName(index),
    namespace: namespaceName(app),
    ...common(KINDS.replicaSet, index),
    generation: 2,
    labels: { ...labelsOf(app), 'pod-template-hash': hashOf(index) },
    annotations: { 'deployment.kubernetes.io/revision': String(1 + (index % REPLICA_SETS)) },
    ownerReferences: [owner('Deployment', appName(app), uid(KINDS.deployment, app))],
    managedFields: [
      entry('kube-controller-manager', 'apps/v1', CREATED, {
        'f:spec': { 'f:replicas': {}, 'f:selector': {} },
      }),
      {
        ...entry('kube-controller-manager', 'apps/v1', CHANGED, { 'f:status': {} }),
        subresource: 'status',
      },
    ],
  };
  return { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata };
}

/** All of the newest ReplicaSet. */
function pod(index) {
  const app = Math.floor(index / PODS);
  const newest = newestReplicaSet(app);
  const metadata = {
    name: podName(index),
    generateName: `${replicaSetName(newest)}-`,
    namespace: namespaceName(app),
    ...common(KINDS.pod, index),
    generation: 1,
    labels: { ...labelsOf(app), 'pod-template-hash': hashOf(newest) },
    ownerReferences: [owner('ReplicaSet', replicaSetName(newest), uid(KINDS.replicaSet, newest))],
    managedFields: [
      entry('kube-controller-manager', 'v1', CREATED, {
        'f:spec': { 'f:containers': {}, 'f:restartPolicy': {} },
      }),
      {
        ...entry('kubelet', 'v1', CHANGED, { 'f:status': { 'f:phase': {} } }),
        subresource: 'status',
      },
    ],
  };
  return { apiVersion: 'v1', kind: 'Pod', metadata };
}

function common(kind, index) {
  const version = 1_000_000 + (mixed(index, 100 + kind) % 100_000_000);
  return { uid: uid(kind, index), resourceVersion: String(version), creationTimestamp: CREATED };
}

function entry(manager, apiVersion, time, fieldsV1) {
  return { manager, operation: 'Update', apiVersion, time, fieldsType: 'FieldsV1', fieldsV1 };
}

function owner(kind, name, ownerUid) {
  return {
    apiVersion: 'apps/v1',
    kind,
    name,
    uid: ownerUid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

function labelsOf(app) {
  const name = appName(app);
  return { 'app.kubernetes.io/instance': name, 'app.kubernetes.io/name': name };
}

function namespaceName(app) {
  return `team-${String(Math.floor(app / APPS_PER_NAMESPACE)).padStart(4, '0')}`;
}

function appName(app) {
  return `${WORDS[app % WORDS.length]}-${PARTS[app % PARTS.length]}-${app % APPS_PER_NAMESPACE}`;
}

function newestReplicaSet(app) {
  return app * REPLICA_SETS + REPLICA_SETS - 1;
}

function replicaSetName(index) {
  return `${appName(Math.floor(index / REPLICA_SETS))}-${hashOf(index)}`;
}

function podName(index) {
  const set = replicaSetName(newestReplicaSet(Math.floor(index / PODS)));
  return `${set}-${mixed(index, 201).toString(36).padStart(7, '0').slice(-5)}`;
}

/** As a pod-template-hash is. */
function hashOf(index) {
  return mixed(index, 200).toString(16).padStart(10, '7');
}

function uid(kind, index) {
  const words = [0, 1, 2, 3].map((word) => mixed(index, kind * 4 + word));
  const hex = words.map((word) => word.toString(16).padStart(8, '0')).join('');
  const group = (from, to) => hex.slice(from, to);
  return `${group(0, 8)}-${group(8, 12)}-4${group(13, 16)}-a${group(17, 20)}-${group(20, 32)}`;
}

/** A number of 32 bits for two numbers (the finaliser of MurmurHash3). */
function mixed(index, salt) {
  let bits = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(salt + 1, 0x85ebca77);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
