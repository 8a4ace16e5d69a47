// The one file that knows @kubernetes/client-node. In go a kubeconfig (or the service account
// of a pod) and paths of the API; out come responses whose bodies are raw bytes that are read only as
// they are pulled. Promises that every request has the credentials of its moment (rotated tokens and
// certificates, exec plugins), that connections are kept, and that proxies are used. Both packages
// are loaded by `connect`, for they are large and only live commands need them.
import { existsSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import type { buildConnector, Dispatcher } from 'undici';
import { ConfigError, reasonOf } from '../errors.js';

export interface ClusterAccess {
  /** Path of a kubeconfig; empty: KUBECONFIG, ~/.kube/config, else the service account of the pod. */
  kubeconfig: string;
  /** Of the kubeconfig; empty: its current one. */
  context: string;
}

export interface KubeResponse {
  status: number;
  /** The API server's clock, to the second. */
  serverTime: number | undefined;
  retryAfterMs: number | undefined;
  /** Destroying it ends the request. */
  body: AsyncIterable<Uint8Array> & { destroy(): void };
}

export interface KubeClient {
  /** `https://10.0.0.1:6443`, for messages. */
  server: string;
  /** Rejects when there is no answer. */
  get(path: string, options: { accept: string; signal: AbortSignal }): Promise<KubeResponse>;
  /** Credentials did not work: reads all of them anew. */
  refresh(): void;
  close(): Promise<void>;
}

type TlsMaterial = buildConnector.BuildOptions & { ca?: string; cert?: string; key?: string };

const HEADERS_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 30_000, timeout: CONNECT_TIMEOUT_MS };

/** Throws a ConfigError when the cluster or its credentials cannot be found. */
export async function connect(access: ClusterAccess): Promise<KubeClient> {
  // CommonJS: what a bundle makes of it has nothing but the default.
  const [{ KubeConfig }, { default: undici }] = await Promise.all([
    import('@kubernetes/client-node'),
    import('undici'),
  ]);
  const load = () => loaded(new KubeConfig(), access);
  let config = load();
  let current: { secrets: string; dispatcher: Dispatcher } | undefined;

  /** Connections are made anew only when what secures them has changed. */
  function dispatcherFor(tls: TlsMaterial, proxy: string | undefined): Dispatcher {
    const secrets = [proxy, tls.ca, tls.cert, tls.key].map(String).join();
    if (current?.secrets === secrets) return current.dispatcher;
    current?.dispatcher.close().catch(() => {});
    const options = { connect: { ...tls, ...KEEP_ALIVE }, requestTls: tls };
    // The one for SOCKS takes no settings for its own connection.
    const dispatcher = !proxy
      ? new undici.EnvHttpProxyAgent(options)
      : proxy.startsWith('socks')
        ? new undici.Socks5ProxyAgent(proxy, { requestTls: tls } as object)
        : new undici.ProxyAgent({ ...options, uri: proxy });
    current = { secrets, dispatcher };
    return dispatcher;
  }

  return {
    server: clusterOf(config).server,
    async get(path, { accept, signal }) {
      const { server, proxyUrl } = clusterOf(config);
      const { headers, tls } = await credentialsOf(config);
      const dispatcher = dispatcherFor(tls, proxyUrl);
      const response = await undici.request(`${server.replace(/\/$/, '')}${path}`, {
        dispatcher,
        signal,
        headers: { ...headers, accept },
        headersTimeout: HEADERS_TIMEOUT_MS,
        bodyTimeout: 0,
      });
      // Without a listener an aborted body would end the process.
      response.body.on('error', () => {});
      return {
        status: response.statusCode,
        serverTime: timeOf(response.headers.date),
        retryAfterMs: retryAfterOf(response.headers['retry-after']),
        body: response.body,
      };
    },
    refresh() {
      config = load();
    },
    async close() {
      await current?.dispatcher.destroy();
    },
  };
}

function loaded(config: KubeConfig, { kubeconfig, context }: ClusterAccess): KubeConfig {
  try {
    if (kubeconfig) config.loadFromFile(kubeconfig);
    else config.loadFromDefault();
  } catch (error) {
    const name = kubeconfig || process.env.KUBECONFIG || 'the kubeconfig';
    const message = `cannot read ${name}: ${reasonOf(error)}`;
    throw new ConfigError('config_unreadable', message, error);
  }
  if (context) selectContext(config, context);
  requireCluster(config);
  return config;
}

function selectContext(config: KubeConfig, context: string): void {
  const names = config.getContexts().map(({ name }) => name);
  if (!names.includes(context)) {
    const message = `there is no context "${context}", only ${names.join(', ') || 'none'}`;
    throw new ConfigError('config_invalid', message);
  }
  config.setCurrentContext(context);
}

/** Without any kubeconfig client-node would try a server on this host. */
function requireCluster(config: KubeConfig): void {
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    const message = `the kubeconfig has no cluster for its context "${config.currentContext}"`;
    throw new ConfigError('config_invalid', message);
  }
  if (!URL.canParse(cluster.server)) {
    const message = `the server of the cluster is no URL: ${cluster.server}`;
    throw new ConfigError('config_invalid', message);
  }
  const isGuess = cluster.name === 'cluster' && cluster.server === 'http://localhost:8080';
  if (isGuess && !existsSync(process.env.KUBECONFIG ?? '')) {
    const message = 'there is no kubeconfig (--kubeconfig, KUBECONFIG, ~/.kube/config)';
    throw new ConfigError('config_invalid', `${message} and no service account`);
  }
}

function clusterOf(config: KubeConfig) {
  return config.getCurrentCluster()!;
}

/** Reads token and certificate files again where they may have changed, runs an exec plugin. */
async function credentialsOf(config: KubeConfig) {
  const found: RequestOptions = {};
  await config.applyToHTTPSOptions(found);
  const { ca, cert, key, servername, rejectUnauthorized, auth } = found;
  const given = Object.entries({ ca, cert, key, servername, rejectUnauthorized });
  const tls = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  const basic = auth && { authorization: `Basic ${Buffer.from(auth).toString('base64')}` };
  const headers = { ...(found.headers as Record<string, string>), ...(basic || {}) };
  return { headers, tls: tls as TlsMaterial };
}

function timeOf(header: string | string[] | undefined): number | undefined {
  const time = Date.parse(String(header));
  return Number.isNaN(time) ? undefined : time;
}

/** Seconds, or a date. */
function retryAfterOf(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined;
  const seconds = Number(header);
  if (!Number.isNaN(seconds)) return Math.max(0, seconds * 1000);
  const time = timeOf(header);
  return time === undefined ? undefined : Math.max(0, time - Date.now());
}
