// A local server that plays the API server, for faults that a real one cannot be made to show: it lists
// in pages, watches from a version, sends initial events and metadata only, and answers a request as a
// test has scripted. What a real one does by itself is tried in test/cluster.
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An object as a test writes it; kind and apiVersion come from its resource. */
export interface FakeObject {
  metadata: { name: string; namespace?: string; uid: string; [field: string]: unknown };
  [field: string]: unknown;
}

export interface FakeRequest {
  verb: 'get' | 'list' | 'watch';
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
}

/** Answers one request in the place of the server. */
export type Answer = (response: ServerResponse, request: FakeRequest) => void;

interface Resource {
  group: string;
  version: string;
  name: string;
  kind: string;
  namespaced: boolean;
}

interface Change {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  version: number;
  object: FakeObject;
}

const RESOURCES: Resource[] = (
  [
    ['', 'v1', 'pods', 'Pod'],
    ['', 'v1', 'events', 'Event'],
    ['', 'v1', 'nodes', 'Node'],
    ['apps', 'v1', 'deployments', 'Deployment'],
    ['apps', 'v1', 'replicasets', 'ReplicaSet'],
    ['autoscaling', 'v2', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler'],
    ['example.com', 'v1', 'apps', 'App'],
    ['example.com', 'v1', 'tools', 'Tool'],
  ] as const
).map(([group, version, name, kind]) => ({
  group,
  version,
  name,
  kind,
  namespaced: kind !== 'Node',
}));

/** A status, and nothing more. */
export function status(code: number, headers: Record<string, string> = {}): Answer {
  const body = JSON.stringify({ kind: 'Status', apiVersion: 'v1', code });
  return (response) => response.writeHead(code, headers).end(body);
}

/** Text as the body of a success, which then ends, or stays open and silent. */
export function body(text: string, { open = false } = {}): Answer {
  return (response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.write(text);
    if (!open) response.end();
  };
}

export const ERROR_410 =
  '{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","reason":"Expired","code":410}}\n';

export class FakeApiServer {
  readonly requests: FakeRequest[] = [];
  /** A server before WatchList. */
  knowsWatchList = true;
  readonly #server: Server;
  readonly #folder = mkdtempSync(join(tmpdir(), 'kspan-fake-'));
  readonly #objects = new Map<string, FakeObject>();
  readonly #changes: (Change & { resource: string })[] = [];
  readonly #scripts: { verb: string; path: string; answer: Answer }[] = [];
  readonly #watches = new Set<{ resource: string; request: FakeRequest; out: ServerResponse }>();
  #waiting: (() => void)[] = [];
  #version = 100;

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  /** On the port of one that is closed, or on any. */
  static async start(port = 0): Promise<FakeApiServer> {
    const fake = new FakeApiServer();
    fake.#server.listen(port, '127.0.0.1');
    await once(fake.#server, 'listening');
    fake.writeKubeconfig({ token: 'first' });
    return fake;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get kubeconfig(): string {
    return join(this.#folder, 'kubeconfig');
  }

  /** A kubeconfig for this server; JSON is YAML. */
  writeKubeconfig(user: object): void {
    const server = `http://127.0.0.1:${this.port}`;
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'fake', cluster: { server, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'user', user }],
      contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'user' } }],
      'current-context': 'fake',
    };
    writeFileSync(this.kubeconfig, JSON.stringify(config));
  }

  /** An object comes into being or changes; `resource` as `deployments.apps`. */
  put(resource: string, object: FakeObject): void {
    const key = `${resource} ${object.metadata.uid}`;
    this.#change(resource, this.#objects.has(key) ? 'MODIFIED' : 'ADDED', object);
  }

  remove(resource: string, object: FakeObject): void {
    this.#change(resource, 'DELETED', object);
  }

  /** The next request of this kind is answered so; more of them one after another. */
  script(verb: FakeRequest['verb'], path: string, answer: Answer): void {
    this.#scripts.push({ verb, path, answer });
  }

  /** Ends all open watches without a word. */
  cut(): void {
    for (const { out } of this.#watches) out.destroy();
  }

  /** Ends all open watches as a timeout does. */
  end(): void {
    for (const { out } of this.#watches) out.end();
  }

  /** Resolves when a resource, its list done, is watched from a version on. */
  async isWatched(resource: string, version = 0): Promise<void> {
    const path = `/${resource.split('.')[0]}`;
    // A later version where the resource was listed anew.
    const isAfter = (query: URLSearchParams) =>
      query.has('resourceVersion') && Number(query.get('resourceVersion')) >= version;
    await this.asked(
      ({ verb, path: asked, query }) => verb === 'watch' && asked.endsWith(path) && isAfter(query),
    );
  }

  /** Resolves when a watch goes on after the newest change of a resource. */
  async isRead(resource: string): Promise<void> {
    const newest = this.#changes.findLast((change) => change.resource === resource);
    if (newest) await this.isWatched(resource, newest.version);
  }

  /** Resolves when a request was made for which this holds. */
  async asked(holds: (request: FakeRequest) => boolean): Promise<FakeRequest> {
    for (;;) {
      const found = this.requests.find(holds);
      if (found) return found;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
    rmSync(this.#folder, { recursive: true });
  }

  #change(resource: string, type: Change['type'], given: FakeObject): void {
    const { name, namespace = '', uid, resourceVersion: own, ...rest } = given.metadata;
    const version = own === undefined ? this.#version + 1 : Number(own);
    this.#version = Math.max(this.#version, version);
    const resourceVersion = String(version);
    // In the order of a real server.
    const object = { ...given, metadata: { name, namespace, uid, resourceVersion, ...rest } };
    const key = `${resource} ${uid}`;
    if (type === 'DELETED') this.#objects.delete(key);
    else this.#objects.set(key, object);
    const change = { resource, type, version, object };
    this.#changes.push(change);
    for (const watch of this.#watches) {
      if (watch.resource === resource) watch.out.write(frame(change, resource, watch.request));
    }
  }

  #answer(incoming: IncomingMessage, response: ServerResponse): void {
    const url = new URL(incoming.url ?? '/', 'http://fake');
    const resource = resourceAt(url.pathname);
    const verb = !resource ? 'get' : url.searchParams.has('watch') ? 'watch' : 'list';
    const { headers } = incoming;
    const request: FakeRequest = { verb, path: url.pathname, query: url.searchParams, headers };
    this.requests.push(request);
    for (const resolve of this.#waiting.splice(0)) resolve();
    const scripted = this.#scripts.findIndex(
      (script) => script.verb === verb && script.path === url.pathname,
    );
    if (scripted >= 0) this.#scripts.splice(scripted, 1)[0]!.answer(response, request);
    else if (!resource) discover(url.pathname, response);
    else if (verb === 'list') this.#list(nameOf(resource), request, response);
    else this.#watch(nameOf(resource), request, response);
  }

  #list(resource: string, request: FakeRequest, response: ServerResponse): void {
    const { query } = request;
    const all = this.#objectsOf(resource);
    const start = Number(query.get('continue') ?? 0);
    const end = start + Number(query.get('limit') ?? all.length);
    const more = end < all.length ? { continue: String(end) } : {};
    const metadata = { resourceVersion: String(this.#version), ...more };
    const items = all.slice(start, end).map((object) => shown(object, resource, request, false));
    const { kind, apiVersion } = typeOf(resource, request);
    response.end(JSON.stringify({ kind: `${kind}List`, apiVersion, metadata, items }));
  }

  #watch(resource: string, request: FakeRequest, out: ServerResponse): void {
    const isInitial = request.query.get('sendInitialEvents') === 'true';
    if (isInitial && !this.knowsWatchList) {
      status(422)(out, request);
      return;
    }
    out.writeHead(200, { 'Content-Type': 'application/json' });
    out.flushHeaders();
    if (isInitial) {
      for (const object of this.#objectsOf(resource)) {
        out.write(frame({ type: 'ADDED', version: 0, object }, resource, request));
      }
      const annotations = { 'k8s.io/initial-events-end': 'true' };
      out.write(bookmark(this.#version, annotations));
    }
    const from = isInitial ? this.#version : Number(request.query.get('resourceVersion'));
    for (const change of this.#changes) {
      if (change.resource === resource && change.version > from) {
        out.write(frame(change, resource, request));
      }
    }
    const watch = { resource, request, out };
    this.#watches.add(watch);
    out.on('close', () => this.#watches.delete(watch));
  }

  #objectsOf(resource: string): FakeObject[] {
    const own = [...this.#objects].filter(([key]) => key.startsWith(`${resource} `));
    return own.map(([, object]) => object);
  }
}

/** A bookmark as a server writes it. */
export function bookmark(version: number, annotations?: Record<string, string>): string {
  const metadata = { resourceVersion: String(version), annotations };
  return `${JSON.stringify({ type: 'BOOKMARK', object: { kind: 'Pod', metadata } })}\n`;
}

function frame({ type, object }: Change, resource: string, request: FakeRequest): string {
  return `${JSON.stringify({ type, object: shown(object, resource, request, true) })}\n`;
}

/** Items of a typed list have no kind of their own. */
function shown(object: FakeObject, resource: string, request: FakeRequest, inWatch: boolean) {
  const type = typeOf(resource, request);
  if (type.kind === 'PartialObjectMetadata') return { ...type, metadata: object.metadata };
  return inWatch ? { ...type, ...object } : object;
}

function typeOf(resource: string, { headers }: FakeRequest) {
  const { group, version, kind } = RESOURCES.find((known) => nameOf(known) === resource)!;
  if (headers.accept?.includes('as=PartialObjectMetadata')) {
    return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' };
  }
  return { kind, apiVersion: group ? `${group}/${version}` : version };
}

function nameOf({ name, group }: Resource): string {
  return group ? `${name}.${group}` : name;
}

const pathOf = ({ group, version }: Resource) =>
  group ? `/apis/${group}/${version}` : `/api/${version}`;

function resourceAt(path: string): Resource | undefined {
  const plain = path.replace(/\/namespaces\/[^/]+(?=\/)/, '');
  return RESOURCES.find((resource) => plain === `${pathOf(resource)}/${resource.name}`);
}

function discover(path: string, response: ServerResponse): void {
  if (path === '/apis') {
    const groups = RESOURCES.filter(({ group }) => group).map(({ group: name, version }) => ({
      name,
      preferredVersion: { version },
    }));
    response.end(JSON.stringify({ kind: 'APIGroupList', groups }));
    return;
  }
  const verbs = ['list', 'watch'];
  const resources = RESOURCES.filter((resource) => pathOf(resource) === path).map(
    ({ name, kind, namespaced }) => ({ name, kind, namespaced, verbs }),
  );
  response.end(JSON.stringify({ kind: 'APIResourceList', resources }));
}
