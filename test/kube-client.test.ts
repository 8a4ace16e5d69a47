// The client that asks an API server: which way it goes. That a real one lets it in, by whatever
// credentials, is shown in test/cluster.
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { connect } from '../src/ingest/kube-client.ts';
import { FakeApiServer } from './support/fake-api-server.ts';
import { changedKubeconfig } from './support/kubeconfig.ts';
import { startHttpProxy, startSocksProxy } from './support/proxies.ts';

const { signal } = new AbortController();

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
