// A server on 127.0.0.1 that plays an API server in which so many Events a second happen, with the
// metadata of what they are about. As a real one it does not wait for its readers: it keeps what
// happened, ends a watch that does not read, and goes on from any version that it still has, or says
// 410 and lists.
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ERROR_410 } from '../support/fake-api-server.ts';
import { type Copy, EVENTS, RESOURCES, type Resource, Storm } from './storm.ts';

const TICK_MS = 20;
const LIFE_MS = 2000;
/** What a watch may leave unread before it is ended. */
const UNREAD_BYTES_MAX = 16 * 2 ** 20;
/** Changes of a resource that are kept. */
const KEPT_MAX = 400_000;

interface Stream {
  resource: Resource;
  kept: { version: number; line: string }[];
  /** The newest version that is not kept any more. */
  forgotten: number;
  watches: Set<ServerResponse>;
}

export class LiveCluster implements AsyncDisposable {
  /** Events so far. */
  written = 0;
  /** Watches that were ended because nobody read them. */
  ended = 0;
  readonly #folder = mkdtempSync(join(tmpdir(), 'kspan-live-'));
  readonly #server = createServer((request, response) => this.#answer(request.url!, response));
  readonly #streams: Stream[] = [...RESOURCES, EVENTS].map((resource) => ({
    resource,
    kept: [],
    forgotten: 0,
    watches: new Set(),
  }));
  readonly #storm = new Storm();
  /** Of the newest change. */
  #version = 1;

  static async start(): Promise<LiveCluster> {
    const cluster = new LiveCluster();
    cluster.#server.listen(0, '127.0.0.1');
    await once(cluster.#server, 'listening');
    cluster.#writeKubeconfig();
    return cluster;
  }

  get kubeconfig(): string {
    return join(this.#folder, 'kubeconfig');
  }

  /** So many Events a second happen for so long, or until told. */
  async happen(rate: number, seconds: number, signal?: AbortSignal): Promise<void> {
    const start = performance.now();
    const before = this.written;
    const living: { copies: Copy[]; deadAtMs: number }[] = [];
    const passedMs = () => performance.now() - start;
    while (passedMs() < seconds * 1000 && !signal?.aborted) {
      while (this.written - before < (rate * passedMs()) / 1000) {
        const born = this.#storm.next();
        const dying: Copy[] = [];
        while (living[0] && living[0].deadAtMs <= passedMs()) dying.push(...living.shift()!.copies);
        for (const stream of this.#streams) this.#tell(stream, born, dying);
        this.written += this.#storm.occurrences(born);
        living.push({ copies: born, deadAtMs: passedMs() + LIFE_MS });
      }
      await pause(TICK_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
    rmSync(this.#folder, { recursive: true });
  }

  #tell(stream: Stream, born: Copy[], dying: Copy[]): void {
    const text = this.#storm.render(stream.resource, born, dying);
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const told = withVersion(line, ++this.#version);
      stream.kept.push({ version: this.#version, line: told });
      for (const watch of stream.watches) this.#write(watch, told);
    }
    const tooMany = Math.max(stream.kept.length - KEPT_MAX, 0);
    stream.forgotten = stream.kept.splice(0, tooMany).at(-1)?.version ?? stream.forgotten;
  }

  #write(watch: ServerResponse, line: string): void {
    watch.write(line);
    if (watch.writableLength <= UNREAD_BYTES_MAX || watch.destroyed) return;
    this.ended++;
    watch.destroy();
  }

  #answer(url: string, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(url, 'http://server');
    const stream = this.#streams.find(({ resource }) => pathname === resource.path);
    response.on('error', () => {});
    if (!stream) response.end(JSON.stringify(discovered(pathname)));
    else if (searchParams.has('watch')) this.#watch(stream, searchParams, response);
    else response.end(list(stream, this.#version));
  }

  /** Metadata begins with what there is, which is nothing: objects live for two seconds. */
  #watch(stream: Stream, query: URLSearchParams, response: ServerResponse): void {
    const { forgotten, kept, watches } = stream;
    const isInitial = query.get('sendInitialEvents') === 'true';
    const from = isInitial ? this.#version : Number(query.get('resourceVersion'));
    response.flushHeaders();
    if (from < forgotten) {
      response.end(ERROR_410);
      return;
    }
    if (isInitial) response.write(initialEnd(stream, from));
    for (const { version, line } of kept) if (version > from) response.write(line);
    watches.add(response);
    const timeout = setTimeout(() => response.end(), Number(query.get('timeoutSeconds')) * 1000);
    response.on('close', () => {
      clearTimeout(timeout);
      watches.delete(response);
    });
  }

  #writeKubeconfig(): void {
    const server = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'live', cluster: { server, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'user', user: { token: 'none' } }],
      contexts: [{ name: 'live', context: { cluster: 'live', user: 'user' } }],
      'current-context': 'live',
    };
    writeFileSync(this.kubeconfig, JSON.stringify(config));
  }
}

/** The first one of a line is that of the object itself. */
function withVersion(line: string, version: number): string {
  return `${line.replace(/"resourceVersion":"\d+"/, `"resourceVersion":"${version}"`)}\n`;
}

function initialEnd({ resource }: Stream, version: number): string {
  const annotations = { 'k8s.io/initial-events-end': 'true' };
  const metadata = { resourceVersion: `${version}`, annotations };
  return `${JSON.stringify({ type: 'BOOKMARK', object: { kind: resource.kind, metadata } })}\n`;
}

/** All that is kept, as items. */
function list({ resource, kept }: Stream, version: number): string {
  const items = kept.map(({ line }) => JSON.parse(line).object);
  const metadata = { resourceVersion: `${version}` };
  return JSON.stringify({ kind: `${resource.kind}List`, apiVersion: 'v1', metadata, items });
}

function discovered(path: string): object {
  const groups = ['apps', 'batch'].map((name) => ({ name, preferredVersion: { version: 'v1' } }));
  if (path === '/apis') return { groups };
  const there = RESOURCES.filter((resource) => resource.path === `${path}/${resource.name}`);
  const resources = there.map(({ name, kind }) => {
    return { name, kind, namespaced: kind !== 'Namespace', verbs: ['list', 'watch'] };
  });
  return { resources };
}
