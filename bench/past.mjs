// `npm run bench:past [-- --rate N --minutes N --shards N --event-uids-max N --json FILE]`: what is kept
// of what is over. A storm of N Events a second goes through the Router in this thread and the
// Correlators in their own, for so many minutes of its own time, as fast as they take it; traces are
// over a second after their last Event, and objects are deleted two seconds after they came. Prints
// the size of each WebAssembly memory (which never shrinks) and of the process at every tenth, and by
// how many bytes an Event they grew. Fails unless each Event has its span.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';
import { resolveConfig } from '../dist/config-load.js';
import { ShardRouter } from '../dist/route/shard-router.js';
import { compileWasm, WasmCorrelator, WasmRouter, wasmMemoryBytes } from '../dist/wasm.js';
import { startWorker } from './ask-worker.mjs';
import { machine } from './machine.mjs';
import { copiesFrom, newestObjects, stormLines } from './storm.mjs';

const START_S = Date.parse('2026-01-01T00:00:00Z') / 1000;
const LIFE_S = 2;
const SAMPLES = 10;

if (parentPort) correlate(parentPort, workerData);
else await measure();

async function measure() {
  const option = (value) => ({ type: 'string', default: value });
  const options = {
    rate: option('500'),
    minutes: option('40'),
    shards: option('2'),
    'event-uids-max': option('1000000'),
    json: { type: 'string' },
  };
  const { values } = parseArgs({ options });
  const shards = Number(values.shards);
  const eventUidsMax = Number(values['event-uids-max']);
  const config = resolveConfig({ shards, idleMs: 1000, objectsMax: 20_000, eventUidsMax });
  const module = compileWasm();
  const url = new URL(import.meta.url);
  const workers = Array.from({ length: shards }, () => startWorker(url, { module, config }));
  const router = new ShardRouter(new WasmRouter(module, config), shards, config.shardBatchBytes);
  const send = async (batches) => {
    for (const { shard, bytes } of batches)
      await workers[shard].ask({ batch: bytes }, [bytes.buffer]);
  };

  const seconds = Number(values.minutes) * 60;
  const samples = [];
  for (const { second, chunk } of storm(Number(values.rate), seconds)) {
    await send(router.push(chunk));
    if ((second + 1) % (seconds / SAMPLES) > 0) continue;
    await send(router.flush());
    samples.push(await look(second + 1, router, workers, samples.at(-1)));
  }
  await send(router.finish());
  const counts = await Promise.all(workers.map((worker) => worker.ask({ counts: true })));
  requireSpans(router.counts(), counts);
  for (const worker of workers) await worker.end();
  console.log(Object.values(machine).join(' | '));
  console.table(samples);
  if (values.json) {
    const report = { date: new Date().toISOString(), machine, options: values, samples };
    writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  }
}

/** What is written in each second. */
function* storm(rate, seconds) {
  const events = stormLines((frames) => frames.filter(({ object }) => object.kind === 'Event'));
  const added = stormLines((frames) => objectsAs('ADDED', frames));
  const deleted = stormLines((frames) => objectsAs('DELETED', frames));
  const born = [];
  for (let second = 0, copies = 0, written = 0; second < seconds; second += 1) {
    const now = [];
    while (written < rate * (second + 1)) {
      const next = copiesFrom(copies, 1, START_S + second);
      copies += 1;
      written += events.occurrences(next);
      now.push(...next);
    }
    born.push(now);
    const dying = (born[second - LIFE_S] ?? []).map((copy) => ({
      ...copy,
      moved: () => START_S + second,
    }));
    delete born[second - LIFE_S];
    const text = added.render(now) + events.render(now) + deleted.render(dying);
    yield { second, chunk: Buffer.from(text) };
  }
}

function objectsAs(type, frames) {
  const [{ receivedAt }] = frames;
  return newestObjects(frames).map(({ kind, apiVersion, metadata }) => ({
    type,
    object: { kind, apiVersion, metadata },
    receivedAt,
  }));
}

async function look(second, router, workers, before) {
  const bytes = await Promise.all(workers.map((worker) => worker.ask({})));
  const shardBytes = bytes.reduce((sum, size) => sum + size, 0);
  const Events = router.counts().received;
  const grown = shardBytes / 2 ** 20 - (before?.['shards MiB'] ?? Number.NaN);
  return {
    minute: second / 60,
    Events,
    'Router MiB': mib(wasmMemoryBytes()),
    'shards MiB': mib(shardBytes),
    'RSS MiB': mib(process.memoryUsage.rss()),
    'bytes grown per Event in shards': Math.round((grown * 2 ** 20) / (Events - before?.Events)),
  };
}

function requireSpans({ received, duplicates }, counts) {
  const exported = counts.reduce((sum, count) => sum + count.exported, 0);
  if (received !== exported + duplicates) {
    throw new Error(`of ${received} Events ${exported} have spans, ${duplicates} are duplicates`);
  }
}

function correlate(port, { module, config }) {
  const correlator = new WasmCorrelator(module, config);
  port.on('message', ({ batch, counts }) => {
    if (batch) {
      correlator.push(batch);
      correlator.drain();
    }
    port.postMessage(counts ? correlator.counts() : wasmMemoryBytes(module));
  });
}

function mib(bytes) {
  return Number((bytes / 2 ** 20).toFixed(1));
}
