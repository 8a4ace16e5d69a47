// A real OpenTelemetry Collector in a temporary folder, on ports of 127.0.0.1 that stay the same when it is
// killed and started again. What it took it writes to files, one for each start, and these are the
// witness of what arrived. It ends with the process that started it, and its folder with it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePorts } from '../peers/free-ports.ts';
import { Program } from '../peers/program.ts';
import { PROGRAMS } from './programs.ts';
import { readWitness, type Witness } from './witness.ts';

const POLL_MS = 50;

export class Collector implements AsyncDisposable {
  /** What OTEL_EXPORTER_OTLP_ENDPOINT would be. */
  readonly endpoint: string;
  /** The same for gRPC. */
  readonly grpcEndpoint: string;
  readonly #ports: number[];
  readonly #folder = mkdtempSync(join(tmpdir(), 'kspan-delivery-'));
  readonly #files: string[] = [];
  #program: Program | undefined;

  /** Resolves when it takes spans. */
  static async start(): Promise<Collector> {
    const collector = new Collector(await freePorts(2));
    await collector.startAgain();
    return collector;
  }

  private constructor(ports: number[]) {
    this.#ports = ports;
    this.endpoint = `http://127.0.0.1:${ports[0]}`;
    this.grpcEndpoint = `http://127.0.0.1:${ports[1]}`;
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    await this.#program?.kill();
    this.#program = undefined;
  }

  async startAgain(): Promise<void> {
    const settings = join(this.#folder, `settings-${this.#files.length}.yaml`);
    const file = join(this.#folder, `spans-${this.#files.length}.ndjson`);
    this.#files.push(file);
    writeFileSync(settings, settingsOf(this.#ports, file));
    const path = PROGRAMS.pathOf('collector');
    this.#program = new Program(path, ['--config', settings], this.#folder);
    await Promise.race([this.#isReady(), this.#program.failure()]);
  }

  /** All that it took, of all starts. What a kill caught on its way to the file is not in it. */
  witness(): Promise<Witness> {
    return readWitness(this.#files);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program?.release();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A request without spans is taken, and leaves nothing. */
  async #isReady(): Promise<void> {
    for (;;) {
      const headers = { 'Content-Type': 'application/json' };
      const request = { method: 'POST', headers, body: '{}' };
      const answer = await fetch(`${this.endpoint}/v1/traces`, request).catch(() => undefined);
      if (answer?.ok) return;
      await pause(POLL_MS);
    }
  }
}

/** JSON is YAML. Nothing is kept in memory before it is answered: there is neither a queue nor a batch. */
function settingsOf([http, grpc]: number[], file: string): string {
  const protocols = {
    http: { endpoint: `127.0.0.1:${http}` },
    grpc: { endpoint: `127.0.0.1:${grpc}` },
  };
  return JSON.stringify({
    receivers: { otlp: { protocols } },
    exporters: { file: { path: file, flush_interval: '100ms' } },
    service: {
      telemetry: { metrics: { level: 'none' }, logs: { level: 'warn' } },
      pipelines: { traces: { receivers: ['otlp'], exporters: ['file'] } },
    },
  });
}
