// Ways to the API server and to its trust, as users have them: proxies, an exec plugin, client
// certificates, the files of a pod's service account. The real API server says whether they hold; that
// they do shows in Events that are read.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { changedKubeconfig, readKubeconfig } from '../support/kubeconfig.ts';
import type { Samples } from '../support/prometheus.ts';
import { startHttpProxy, startSocksProxy } from '../support/proxies.ts';
import { requestsOf } from './audit.ts';
import { ownClusterTest as test } from './cluster.ts';
import { ControlPlane } from './control-plane.ts';
import { LiveProof } from './live-proof.ts';
import { createServiceAccount, type ServiceAccount } from './service-account.ts';

/** Each watch asks anew after so long, and shows its credentials. */
const OFTEN = ['--watch-timeout-ms', '5000'];

let folder: string;
let controlPlane: ControlPlane;
let account: ServiceAccount;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kspan-access-'));
  openssl(`req -x509 ${newKey('ca')} -subj /CN=clients -days 1 -out ca.crt`);
  controlPlane = await ControlPlane.startApiServerOnly([`--client-ca-file=${file('ca.crt')}`]);
  account = await createServiceAccount(controlPlane.kubectl, controlPlane.kubeconfig, 'kspan');
});

afterAll(async () => {
  await controlPlane?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test.for([
  ['an HTTP proxy', startHttpProxy],
  ['a SOCKS proxy', startSocksProxy],
] as const)('%s that the kubeconfig names is used', async ([, startProxy]) => {
  await using proxy = await startProxy();
  const cluster = { 'proxy-url': proxy.url };
  await readsThrough(changedKubeconfig(account.kubeconfig, 'proxied', { cluster }));
  expect(new Set(proxy.asked)).toEqual(new Set([apiServer().host]));
});

test('a proxy that the environment names is used', async () => {
  await using proxy = await startHttpProxy();
  await readsThrough(account.kubeconfig, { env: { HTTPS_PROXY: proxy.url } });
  expect(new Set(proxy.asked)).toEqual(new Set([apiServer().host]));
});

test('an exec plugin is asked when its credentials have expired, and not before', async () => {
  const { token } = readKubeconfig(account.kubeconfig).user;
  const give = (expiresAt: number) => {
    const status = { token, expirationTimestamp: new Date(expiresAt).toISOString() };
    const credential = { apiVersion: EXEC, kind: 'ExecCredential', status };
    writeFileSync(file('aside'), JSON.stringify(credential));
    renameSync(file('aside'), file('credential'));
  };
  const args = ['-c', `echo asked >> ${file('calls')}; cat ${file('credential')}`];
  const exec = { apiVersion: EXEC, command: 'sh', args, interactiveMode: 'Never' };
  const calls = () => readFileSync(file('calls'), 'utf8').split('\n').length - 1;
  give(Date.now() - 1000);
  const kubeconfig = changedKubeconfig(controlPlane.kubeconfig, 'exec', { user: { exec } });
  await using proof = await start(kubeconfig, { args: OFTEN });
  expect(calls()).toBeGreaterThan(1);
  give(Date.now() + 3_600_000);
  await allAskAgain(proof);
  const before = calls();
  await allAskAgain(proof);
  await proof.allIsRead();
  expect(calls()).toBe(before);
});

test('a client certificate that is replaced in its file is used from then on', async () => {
  const issue = (name: string) => {
    openssl(`req ${newKey(name)} -subj /O=system:masters/CN=${name} -out csr`);
    openssl('x509 -req -in csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 1 -out crt');
    renameSync(file('crt'), file('client.crt'));
    copyFileSync(file(`${name}.key`), file('client.key'));
  };
  issue('first');
  const user = { 'client-certificate': file('client.crt'), 'client-key': file('client.key') };
  const kubeconfig = changedKubeconfig(controlPlane.kubeconfig, 'certificate', { user });
  await using proof = await start(kubeconfig, { args: OFTEN });
  await proof.allIsRead();
  expect(asked('first')).toBeGreaterThan(0);
  issue('second');
  await proof.kspan.until(() => asked('second') > 0);
  await proof.allIsRead();
});

test('the files of a service account suffice in a pod, and a token put there later is used', async ({
  skip,
}) => {
  const own = ['unshare', '--map-root-user', '--mount', 'sh', '-c'];
  if (spawnSync(own[0]!, [...own.slice(1), `mount --rbind ${folder} /var/run`]).status !== 0)
    skip('there are no mount namespaces to be had');
  const { cluster } = readKubeconfig(account.kubeconfig);
  const secrets = file('run/secrets/kubernetes.io/serviceaccount');
  mkdirSync(secrets, { recursive: true });
  copyFileSync(cluster['certificate-authority'], join(secrets, 'ca.crt'));
  writeFileSync(join(secrets, 'namespace'), account.namespace);
  writeFileSync(join(secrets, 'token'), await newToken('first'));
  const { hostname, port } = apiServer();
  const env = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
  const mounted = `mount --rbind ${file('run')} /var/run && exec "$@"`;
  const under = [...own, mounted, 'sh'];
  await using proof = await start('', { env, under, args: OFTEN });
  await proof.allIsRead();
  writeFileSync(join(secrets, 'token'), await newToken('second'));
  await controlPlane.kubectl.run(['-n', account.namespace, 'delete', 'secret', 'first']);
  await proof.kspan.until(isRefused);
  await proof.allIsRead();
});

/** That holds as long as a Secret of that name is there. */
async function newToken(name: string): Promise<string> {
  const { kubectl } = controlPlane;
  const inside = ['-n', account.namespace, 'create'];
  await kubectl.run([...inside, 'secret', 'generic', name]);
  const bound = ['--bound-object-kind=Secret', `--bound-object-name=${name}`];
  return (await kubectl.run([...inside, 'token', account.name, ...bound])).trim();
}

/** Resolves when each watch has ended by its timeout, and was begun again. */
async function allAskAgain({ kspan }: LiveProof): Promise<void> {
  const before = await kspan.scrape();
  const keys = [...before.keys()];
  const paths = keys.flatMap((key) => /^kspan_watch_up\{(path="[^"]+")/.exec(key)?.[1] ?? []);
  const closed = (samples: Samples, path: string) =>
    samples.get(`kspan_watch_restarts_total{${path},cause="closed"}`) ?? 0;
  await kspan.until((now) => paths.every((path) => closed(now, path) > closed(before, path)));
}

function isRefused(samples: Samples): boolean {
  return [...samples.keys()].some((key) => key.endsWith('cause="unauthorized"}'));
}

interface Way {
  args?: string[];
  env?: Record<string, string>;
  under?: string[];
}

const EXEC = 'client.authentication.k8s.io/v1';

function start(kubeconfig: string, way: Way): Promise<LiveProof> {
  return LiveProof.start({ kubectl: controlPlane.kubectl, kubeconfig, ...way });
}

/** Runs until kspan has read what was written since, and ends. */
async function readsThrough(kubeconfig: string, way: Way = {}): Promise<void> {
  await using proof = await start(kubeconfig, way);
  await proof.allIsRead();
}

function apiServer(): URL {
  return new URL(readKubeconfig(controlPlane.kubeconfig).cluster.server);
}

/** How often, as the API server saw it. */
const asked = (username: string) => requestsOf(controlPlane.auditLog, username).length;

const file = (name: string) => join(folder, name);
const newKey = (name: string) => `-newkey rsa:2048 -nodes -keyout ${name}.key`;

/** In the folder. */
function openssl(command: string): void {
  execFileSync('openssl', command.split(' '), { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
}
