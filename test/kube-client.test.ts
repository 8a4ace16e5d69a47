// The client that asks an API server: which one, and which way it goes. That a real one lets it in, by
// whatever credentials, is shown in test/cluster.
import { writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { connect } from '../src/ingest/kube-client.ts';
import { FakeApiServer } from './support/fake-api-server.ts';
import { changedKubeconfig } from './support/kubeconfig.ts';
import { startHttpProxy, startSocksProxy } from './support/proxies.ts';

const { signal } = new AbortController();

test('the context that is named says which cluster, else the current one does', async () => {
  const server = await FakeApiServer.start();
  const names = ['staging', 'production'];
  const config = {
    clusters: names.map((name) => ({ name, cluster: { server: `https://${name}.example` } })),
    users: [{ name: 'user', user: { token: 'secret' } }],
    contexts: names.map((name) => ({ name, context: { cluster: name, user: 'user' } })),
    'current-context': 'production',
  };
  writeFileSync(server.kubeconfig, JSON.stringify(config));
  const { kubeconfig } = server;
  expect((await connect({ kubeconfig, context: 'staging' })).server).toBe(
    'https://staging.example',
  );
  expect((await connect({ kubeconfig, context: '' })).server).toBe('https://production.example');
  await expect(connect({ kubeconfig, context: 'test' })).rejects.toThrow(
    'there is no context "test", only staging, production',
  );
  await server.close();
});

test.for([
  ['an HTTP proxy', startHttpProxy],
  ['a SOCKS proxy', startSocksProxy],
] as const)('%s that the kubeconfig names is used', async ([, startProxy]) => {
  const server = await FakeApiServer.start();
  await using proxy = await startProxy();
  const cluster = { 'proxy-url': proxy.url };
  const kubeconfig = changedKubeconfig(server.kubeconfig, 'proxied', { cluster });
  const client = await connect({ kubeconfig, context: '' });
  const { status, body } = await client.get('/apis', { accept: 'application/json', signal });
  expect(status).toBe(200);
  expect(await text(body)).toContain('APIGroupList');
  expect(proxy.asked).toEqual([`127.0.0.1:${server.port}`]);
  await client.close();
  await server.close();
});
