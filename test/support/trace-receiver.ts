// A plain HTTP server that stands for an OTLP back end: it takes whatever comes and keeps the bodies.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

export interface TraceReceiver {
  /** What OTEL_EXPORTER_OTLP_ENDPOINT would be. */
  endpoint: string;
  /** Bodies of the requests to /v1/traces so far, inflated. */
  bodies: Uint8Array[];
  /** Headers of these requests. */
  headers: IncomingHttpHeaders[];
  close(): Promise<void>;
}

export async function startTraceReceiver(on = 0): Promise<TraceReceiver> {
  const bodies: Uint8Array[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const isTraces = request.method === 'POST' && request.url === '/v1/traces';
    if (isTraces) {
      bodies.push(isGzip(request.headers) ? gunzipSync(body) : body);
      headers.push(request.headers);
    }
    response.writeHead(isTraces ? 200 : 404, { 'Content-Type': 'application/x-protobuf' }).end();
  });
  server.listen(on, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { endpoint: `http://127.0.0.1:${port}`, bodies, headers, close };
}

const isGzip = (headers: NodeJS.Dict<string | string[]>) => headers['content-encoding'] === 'gzip';
