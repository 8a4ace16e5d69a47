// The HTTP server of `--metrics-addr`: /metrics for Prometheus, /healthz (this process runs its loop) and
// /readyz (the run does its work; else 503 and one line). It listens on the one address that it was
// given, answers GET and HEAD, and has a limit on connections. An address that cannot be had is a
// ConfigError of one line. It must be closed last: until then it tells how the end goes.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigError, reasonOf } from '../errors.js';

/** What the server tells. */
export interface OpsSource {
  metrics: { contentType: string; text(): Promise<string> };
  /** What does not work, in one line; undefined: all does. */
  notReady(): string | undefined;
}

interface Answer {
  status: number;
  type?: string;
  text: string;
}

/** Whoever asks keeps one; more are cut at once. */
const CONNECTIONS_MAX = 64;
const OK: Answer = { status: 200, text: 'ok\n' };

export class OpsServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** `address` as `HOST:PORT`, `[HOST]:PORT` or `:PORT`. */
  static async listen(address: string, source: OpsSource): Promise<OpsServer> {
    const colon = address.lastIndexOf(':');
    const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
    const server = createServer((request, response) => void respond(request, response, source));
    server.maxConnections = CONNECTIONS_MAX;
    try {
      server.listen({ port: Number(address.slice(colon + 1)), ...(host && { host }) });
      await once(server, 'listening');
    } catch (error) {
      const message = `cannot listen on --metrics-addr ${address}: ${reasonOf(error)}`;
      throw new ConfigError('config_address', message, error);
    }
    return new OpsServer(server);
  }

  /** Where it listens: `http://127.0.0.1:9090`. */
  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

async function respond(
  { method, url = '/' }: IncomingMessage,
  response: ServerResponse,
  source: OpsSource,
): Promise<void> {
  const isRead = method === 'GET' || method === 'HEAD';
  const { status, type, text } = isRead
    ? await answerTo(url.split('?')[0]!, source)
    : { status: 405, text: 'only GET and HEAD\n' };
  response.writeHead(status, { 'Content-Type': type ?? 'text/plain; charset=utf-8' });
  response.end(method === 'HEAD' ? undefined : text);
}

async function answerTo(path: string, { metrics, notReady }: OpsSource): Promise<Answer> {
  try {
    switch (path) {
      case '/metrics':
        return { status: 200, type: metrics.contentType, text: await metrics.text() };
      case '/healthz':
        return OK;
      case '/readyz': {
        const trouble = notReady();
        return trouble === undefined ? OK : { status: 503, text: `${trouble}\n` };
      }
      default:
        return { status: 404, text: 'there is /metrics, /healthz and /readyz\n' };
    }
  } catch (error) {
    return { status: 500, text: `${reasonOf(error)}\n` };
  }
}
