// `kspan rbac`: what it prints suffices for what is watched, and is no more than that.
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { resolveConfig } from '../src/config-load.ts';
import { accessRules } from '../src/ingest/access-rules.ts';
import { FakeApiServer } from './support/fake-api-server.ts';
import { kspan } from './support/kspan.ts';
import { follow } from './support/live-frames.ts';

const verbs = ['get', 'list', 'watch'];

/** `pods` and `deployments.apps`, as in `--kinds`. */
const granted = (given: Parameters<typeof resolveConfig>[0]) =>
  accessRules(resolveConfig(given)).flatMap(({ apiGroups: [group], resources }) =>
    resources.map((plural) => (group ? `${plural}.${group}` : plural)),
  );

async function rbac(...args: string[]) {
  const { stdout, ...outcome } = await kspan(['rbac', ...args]);
  expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
  return parseAllDocuments(stdout).map((document) => document.toJS());
}

test('a cluster that is watched needs one ClusterRole, and what binds it', async () => {
  const kinds = 'pods,deployments.apps,nodes,replicasets.apps';
  const [role, binding, ...more] = await rbac('--kinds', kinds, '--service-account', 'ops/tracer');
  expect(more).toEqual([]);
  expect(role).toEqual({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'kspan' },
    rules: [
      { apiGroups: [''], resources: ['events', 'pods', 'nodes'], verbs },
      { apiGroups: ['apps'], resources: ['deployments', 'replicasets'], verbs },
    ],
  });
  expect(binding).toEqual({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'kspan' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'kspan' },
    subjects: [{ kind: 'ServiceAccount', namespace: 'ops', name: 'tracer' }],
  });
});

test('namespaces that are watched need a Role each, and nothing of the cluster', async () => {
  const documents = await rbac('--namespace', 'shop', '--namespace', 'bank', '--namespace=shop');
  const shown = documents.map(({ kind, metadata }) => [kind, metadata.namespace]);
  expect(shown).toEqual([
    ['Role', 'shop'],
    ['RoleBinding', 'shop'],
    ['Role', 'bank'],
    ['RoleBinding', 'bank'],
  ]);
  const resources = documents[0].rules.flatMap((rule: { resources: string[] }) => rule.resources);
  expect(resources).toEqual(expect.arrayContaining(['events', 'pods', 'deployments', 'jobs']));
  expect(resources).not.toEqual(expect.arrayContaining(['nodes']));
  expect(resources).not.toEqual(expect.arrayContaining(['namespaces']));
});

for (const namespace of ['', 'shop'])
  test(`what is granted is what is asked for, ${namespace ? 'in a namespace' : 'in a cluster'}`, async () => {
    const server = await FakeApiServer.start();
    const kinds = 'pods,nodes,deployments.apps,apps.example.com';
    {
      await using live = await follow(server, { kinds, namespace });
      await live.tick();
    }
    const asked = server.requests
      .filter(({ verb }) => verb !== 'get')
      .map(({ path }) => path.replace(/\/namespaces\/[^/]+/, '').split('/'))
      .map(([, api, group, version, plural]) => (api === 'api' ? version : `${plural}.${group}`));
    expect(new Set(granted({ kinds, namespace }))).toEqual(new Set(asked));
    await server.close();
  });

test('settings are taken from where watch takes them', async () => {
  const env = { KSPAN_KINDS: 'pods', KSPAN_NAMESPACE: 'shop', KSPAN_FOUND_KINDS_MAX: '0' };
  const { stdout } = await kspan(['rbac'], { env });
  expect(stdout).toMatch(/^apiVersion: /);
  expect(stdout).toContain('namespace: shop\n');
  expect(stdout).not.toContain('deployments');
});

test('a service account without a namespace is one line', async () => {
  expect(await kspan(['rbac', '--service-account', 'tracer'])).toMatchObject({
    exitCode: 2,
    stdout: '',
    stderr: 'kspan: --service-account must be NAMESPACE/NAME, not "tracer"\n',
  });
});
