// kspan as a library, as a program of a user's would use it: through what the package exports, with an
// exporter that OpenTelemetry publishes.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createEngine, replay } from '../dist/index.js';
import { decodeOtlp } from './support/otlp.ts';
import { scenario } from './support/scenarios.ts';
import { dump, plainSpan } from './support/spans.ts';
import { startTraceReceiver, type TraceReceiver } from './support/trace-receiver.ts';
import { treeText } from './support/tree-text.ts';
import { correlateInProcess } from './support/wasm-correlator.ts';

const pathOf = (name: string) =>
  fileURLToPath(new URL(`scenarios/${name}/events.ndjson`, import.meta.url));

/** The spans that the crate gives for recordings that are one stream. */
function spansOf(...names: string[]): string {
  const input = Buffer.concat(names.map((name) => readFileSync(pathOf(name))));
  return dump(decodeOtlp(correlateInProcess(input)));
}

describe('the stock OTLPTraceExporter', () => {
  let receiver: TraceReceiver;
  beforeEach(async () => {
    receiver = await startTraceReceiver();
  });
  afterEach(() => receiver.close());

  test('handed to createEngine, brings a back end every span as the crate encodes it', async () => {
    const exporter = new OTLPTraceExporter({ url: `${receiver.endpoint}/v1/traces` });
    const engine = await createEngine({ shards: 2, exporter, exportBatchSpans: 10 });
    await engine.push(readFileSync(pathOf('rollout')));
    const summary = await engine.close();
    await exporter.shutdown();
    expect(dump(receiver.bodies.flatMap(decodeOtlp))).toBe(spansOf('rollout'));
    expect(receiver.bodies.length).toBeGreaterThan(1);
    expect(summary).toMatchObject({ received: 32, exported: 32, undelivered: 0, held: 0 });
  });

  test('whose back end refuses ends the run with the number of spans that are lost', async () => {
    const exporter = new OTLPTraceExporter({ url: `${receiver.endpoint}/elsewhere` });
    const engine = await createEngine({ shards: 1, exporter });
    await engine.push(readFileSync(pathOf('job')));
    await expect(engine.close()).rejects.toMatchObject({
      code: 'delivery_failed',
      message: expect.stringMatching(/^14 spans were not delivered to the exporter: /),
    });
    await exporter.shutdown();
  });
});

describe('replay', () => {
  test('reads files as one stream, in the order given', async () => {
    const exporter = new InMemorySpanExporter();
    const summary = await replay([pathOf('job'), pathOf('pending')], { shards: 2, exporter });
    const spans = exporter.getFinishedSpans();
    expect(dump(spans.map(plainSpan))).toBe(spansOf('job', 'pending'));
    expect(summary.exported + summary.synthetic).toBe(spans.length);
  });

  test('of what kubectl printed on watching each kind gives the traces of the recording, but for the times of deletions, which it does not print', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kspan-watched-'));
    const exporter = new InMemorySpanExporter();
    try {
      await replay(watchedByKind('rollout', folder), { shards: 2, exporter });
    } finally {
      rmSync(folder, { recursive: true });
    }
    const spans = exporter.getFinishedSpans().map(plainSpan);
    const shape = (tree: string) => tree.replaceAll(/ \[\+\d+\.\d+ \d+\.\d+\]/g, '');
    const lineOf = (tree: string, reason: string) =>
      tree.split('\n').filter((line) => line.includes(`Pod.${reason} `));
    const [found, expected] = [treeText(spans), scenario('rollout').trace];
    expect(shape(found)).toBe(shape(expected));
    for (const reason of ['Scheduled', 'Pulling', 'Pulled', 'Created', 'Started', 'Killing'])
      expect(lineOf(found, reason)).toEqual(lineOf(expected, reason));
  });

  test('of a file that is not there is an InputError, before anything is exported', async () => {
    const exporter = new InMemorySpanExporter();
    await expect(replay([pathOf('job'), 'missing.ndjson'], { exporter })).rejects.toMatchObject({
      name: 'InputError',
      code: 'input_unreadable',
      message: expect.stringContaining('missing.ndjson'),
    });
    expect(exporter.getFinishedSpans()).toEqual([]);
  });
});

/** Files as `kubectl get KIND --watch --output-watch-events -o json` writes them. */
function watchedByKind(name: string, folder: string): string[] {
  const kinds = new Map<string, string>();
  for (const line of readFileSync(pathOf(name), 'utf8').trimEnd().split('\n')) {
    const { type, object } = JSON.parse(line);
    const file = join(folder, `${object.kind}.json`);
    kinds.set(file, `${kinds.get(file) ?? ''}${JSON.stringify({ type, object }, null, 4)}\n`);
  }
  for (const [file, content] of kinds) writeFileSync(file, content);
  return [...kinds.keys()];
}
