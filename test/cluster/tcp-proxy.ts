// A way to the API server that a test can break. `freeze`: nothing gets through and nobody is told, as
// when a network drops packets. `cut`: connections are reset and refused, as when a host is gone.
// `mend` ends either; what was sent into a frozen connection arrives then.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export class TcpProxy implements AsyncDisposable {
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => this.#take(socket));
  readonly #target: { host: string; port: number };
  readonly #sockets = new Set<Socket>();
  #thawed = Promise.resolve();
  #thaw = () => {};
  #isCut = false;

  /** Resolves when it listens. */
  static async start(target: URL): Promise<TcpProxy> {
    const proxy = new TcpProxy({ host: target.hostname, port: Number(target.port) });
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
  }

  /** In the place of the target's. */
  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  freeze(): void {
    this.#thawed = new Promise((resolve) => {
      this.#thaw = resolve;
    });
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  mend(): void {
    this.#isCut = false;
    this.#thaw();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#thaw();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #take(client: Socket): void {
    if (this.#isCut) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ ...this.#target, allowHalfOpen: true });
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.once('close', () => this.#sockets.delete(from));
      void this.#forward(from, to);
    }
  }

  async #forward(from: Socket, to: Socket): Promise<void> {
    try {
      for await (const chunk of from) {
        await this.#thawed;
        to.write(chunk);
      }
      await this.#thawed;
      to.end();
    } catch {
      await this.#thawed;
      to.destroy();
    }
  }
}
