// A way to the back end that has faults, on 127.0.0.1: HTTP in, and what is not hit by a fault goes to the
// back end and its answer back. Which requests are hit, and by what, comes from a seed. It counts what
// it did, and remembers the spans of requests that arrived and whose answer did not: only these may
// come again.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { decodeOtlp } from '../support/otlp.ts';
import { idOf } from './witness.ts';

/** Each by what it does, with its share of all requests. */
export const FAULTS = {
  'connections are refused for a second': 0.01,
  'the connection is reset in the middle of the request': 0.03,
  '429 without Retry-After': 0.03,
  '429 with Retry-After: 1': 0.03,
  '503 without Retry-After': 0.03,
  '503 with Retry-After: 1': 0.03,
  'no answer at all': 0.01,
  'taken, with a warning': 0.03,
  'taken, the answer is lost': 0.03,
  'taken, the answer is cut': 0.03,
} as const;

export type Fault = keyof typeof FAULTS;

const NONE_MS = 1000;
/** ExportTraceServiceResponse { partial_success { error_message: "careful" } }. */
const WARNING = Buffer.from('\x0a\x09\x12\x07careful', 'latin1');
const PROTOBUF = { 'Content-Type': 'application/x-protobuf' };

export class FaultProxy implements AsyncDisposable {
  /** How often each fault was met. */
  readonly met = new Map<Fault, number>();
  /** Of spans that arrived unanswered: how often, by id, and by which fault last; by none: too late. */
  readonly unanswered = new Map<string, { times: number; fault: Fault | undefined }>();
  readonly #server = createServer((request, response) => {
    this.#take(request, response).catch((error) => {
      // A client that went away in the middle is no error of the proxy's.
      if (!request.errored) throw error;
    });
  });
  readonly #target: string;
  readonly #random: () => number;
  #port = 0;
  #isClosed = false;

  /** Resolves when it listens. */
  static async start(target: string, random: () => number): Promise<FaultProxy> {
    const proxy = new FaultProxy(target, random);
    await proxy.#listen();
    return proxy;
  }

  private constructor(target: string, random: () => number) {
    this.#target = target;
    this.#random = random;
    // A connection that ends between two requests would lose answers that nobody counts.
    this.#server.keepAliveTimeout = 3_600_000;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#server.closeAllConnections();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #listen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = this.#draw();
    if (fault) this.met.set(fault, (this.met.get(fault) ?? 0) + 1);
    switch (fault) {
      case undefined: {
        const { sent, answer } = await this.#forward(request);
        if (response.destroyed) this.#remember(sent, fault);
        response.writeHead(200, PROTOBUF).end(answer);
        return;
      }
      case 'connections are refused for a second':
        request.socket.resetAndDestroy();
        return this.#refuse();
      case 'the connection is reset in the middle of the request':
        await once(request, 'data');
        request.socket.resetAndDestroy();
        return;
      case 'no answer at all':
        request.resume();
        return;
      case 'taken, with a warning':
        {
          const { sent } = await this.#forward(request);
          if (response.destroyed) this.#remember(sent, fault);
        }
        response.writeHead(200, PROTOBUF).end(WARNING);
        return;
      case 'taken, the answer is lost':
        this.#remember((await this.#forward(request)).sent, fault);
        request.socket.resetAndDestroy();
        return;
      case 'taken, the answer is cut':
        this.#remember((await this.#forward(request)).sent, fault);
        response.writeHead(200, { ...PROTOBUF, 'Content-Length': WARNING.length });
        response.write(WARNING.subarray(0, 4), () => request.socket.destroy());
        return;
      default: {
        const [status, ...rest] = fault.split(' ');
        request.resume();
        await once(request, 'end');
        const after = rest[0] === 'with' ? { 'Retry-After': '1' } : {};
        response.writeHead(Number(status), after).end();
      }
    }
  }

  #draw(): Fault | undefined {
    let left = this.#random();
    for (const [fault, share] of Object.entries(FAULTS)) {
      left -= share;
      if (left < 0) return fault as Fault;
    }
    return undefined;
  }

  /** What is on its way stays; nothing new gets in. */
  async #refuse(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeIdleConnections();
    await pause(NONE_MS);
    if (!this.#isClosed) await this.#listen();
  }

  async #forward(request: IncomingMessage): Promise<{ sent: Uint8Array; answer: Uint8Array }> {
    const sent = await buffer(request);
    const response = await fetch(`${this.#target}${request.url}`, {
      method: 'POST',
      headers: PROTOBUF,
      body: sent,
    });
    const answer = Buffer.from(await response.arrayBuffer());
    if (!response.ok) throw new Error(`the back end says ${response.status}`);
    return { sent, answer };
  }

  #remember(sent: Uint8Array, fault: Fault | undefined): void {
    for (const span of decodeOtlp(sent)) {
      const times = (this.unanswered.get(idOf(span))?.times ?? 0) + 1;
      this.unanswered.set(idOf(span), { times, fault });
    }
  }
}
