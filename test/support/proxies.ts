// Proxies as they stand between kspan and an API server, on 127.0.0.1: HTTP (CONNECT) and SOCKS 5.
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface Proxy extends AsyncDisposable {
  url: string;
  /** `HOST:PORT` of each connection that was asked for. */
  asked: string[];
}

export async function startHttpProxy(): Promise<Proxy> {
  const asked: string[] = [];
  const server = createHttpServer();
  server.on('connect', ({ url = '' }, client: Socket, head: Buffer) => {
    asked.push(url);
    client.write('HTTP/1.1 200 OK\r\n\r\n');
    client.unshift(head);
    join(client, new URL(`tcp://${url}`));
  });
  return { ...(await listening(server, 'http')), asked };
}

/** RFC 1928, without authentication, for addresses of IPv4 and names. */
export async function startSocksProxy(): Promise<Proxy> {
  const asked: string[] = [];
  const server = createServer(async (client) => {
    client.on('error', () => {});
    const [, methods] = await read(client, 2);
    await read(client, methods!);
    client.write(Buffer.of(5, 0));
    const type = (await read(client, 4))[3];
    const host =
      type === 1
        ? (await read(client, 4)).join('.')
        : String(await read(client, (await read(client, 1))[0]!));
    const target = `${host}:${(await read(client, 2)).readUInt16BE()}`;
    asked.push(target);
    client.write(Buffer.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
    join(client, new URL(`tcp://${target}`));
  });
  return { ...(await listening(server, 'socks5')), asked };
}

function join(client: Socket, { hostname, port }: URL): void {
  const server = connect(Number(port), hostname);
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    from.pipe(to);
  }
}

async function read(from: Socket, bytes: number): Promise<Buffer> {
  for (;;) {
    const chunk: Buffer | null = from.read(bytes);
    if (chunk) return chunk;
    await once(from, 'readable');
  }
}

async function listening(server: Server, scheme: string) {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
