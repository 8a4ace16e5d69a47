// One scenario of run.mjs in a process of its own: `node bench/scenario.mjs NAME WORKLOAD BYTES SEED
// ITERATIONS` with NAME `limit`, `plain-js`, `route`, `crate` or
// `engine-SHARDS`. Generates the recording in
// memory, checks that every occurrence in it becomes one span, times the runs and prints the outcome
// as one line of JSON. Spans are counted and let go, so no back end takes part.
import { createHash } from 'node:crypto';
import { Bench } from 'tinybench';
import { threadCpuMicros } from '../dist/bench/thread-cpu.js';
import { WORKLOADS } from '../dist/bench/workloads.js';
import { resolveConfig } from '../dist/config-load.js';
import { SpanDecoder } from '../dist/export/decode.js';
import { createEngine } from '../dist/index.js';
import { ShardRouter } from '../dist/route/shard-router.js';
import { compileWasm, linesAndKeys, WasmCorrelator, WasmRouter } from '../dist/wasm.js';
import { PlainPipeline } from './plain.mjs';

const [scenario, name, bytes, seed, iterations] = process.argv.slice(2);
const { workload, chunks } = makeWorkload(Number(bytes), Number(seed));
const runners = {
  limit: limitRunner,
  'plain-js': plainRunner,
  route: routeRunner,
  crate: crateRunner,
};
const runner = (runners[scenario] ?? engineRunner)();

const answer = await runner.check();
const { seconds, cpuSeconds, mainCpuSeconds } = await measure();
const rssMiB = Math.round(process.memoryUsage.rss() / 2 ** 20);
const times = { seconds, cpuSeconds, mainCpuSeconds };
console.log(JSON.stringify({ scenario, workload, answer, ...times, rssMiB }));

/** The recording in chunks as a file is read, and what is in it. */
function makeWorkload(size, from) {
  const workload = { name, bytes: 0, frames: 0, events: 0 };
  const onCopy = ({ frames, occurrences }) => {
    workload.frames += frames;
    workload.events += occurrences;
  };
  const text = Buffer.concat([...WORKLOADS[name]({ bytes: size, seed: from, onCopy })]);
  workload.bytes = text.length;
  const chunkBytes = resolveConfig({}).sourceChunkBytes;
  const chunks = [];
  for (let at = 0; at < text.length; at += chunkBytes)
    chunks.push(text.subarray(at, at + chunkBytes));
  return { workload, chunks };
}

/** Every byte looked at once, for lines and keys: what nothing that reads them all can fall below. */
function limitRunner() {
  const module = compileWasm();
  const run = async (_, onBytes) => {
    let found = 0;
    for (const chunk of chunks) {
      onBytes(chunk);
      found += linesAndKeys(module, chunk).lines;
    }
    return found;
  };
  const check = async () => {
    const lines = await run(undefined, () => {});
    if (lines !== workload.frames) throw new Error(`${lines} lines of ${workload.frames} found`);
  };
  return { start: async () => {}, run, check };
}

/** See plain.mjs. It tells other spans, so only their number is checked. */
function plainRunner() {
  const run = async (pipeline, onSpans) => {
    pipeline.onRequest = onSpans;
    for (const chunk of chunks) pipeline.push(chunk);
    pipeline.finish();
    return pipeline.exported;
  };
  const start = async () => new PlainPipeline();
  return { start, run, check: async () => requireAll(await run(await start(), () => {})) };
}

/** The Router alone: what the main thread does with each byte. */
function routeRunner() {
  const config = resolveConfig({ shards: 1 });
  const module = compileWasm();
  const start = async () =>
    new ShardRouter(new WasmRouter(module, config), 1, config.shardBatchBytes);
  const run = async (router, onSpans) => {
    const take = (batches) => {
      for (const { bytes } of batches) onSpans(bytes);
    };
    for (const chunk of chunks) take(router.push(chunk));
    take(router.finish());
    return router.counts().received - router.counts().duplicates;
  };
  return { start, run, check: async () => requireAll(await run(await start(), () => {})) };
}

/** Router and Correlator of one shard, called by turns as the engine would. */
function crateRunner() {
  const config = resolveConfig({ shards: 1 });
  const module = compileWasm();
  return {
    check() {
      return checkSpans(this);
    },
    async start() {
      const router = new ShardRouter(new WasmRouter(module, config), 1, config.shardBatchBytes);
      return { router, correlator: new WasmCorrelator(module, config) };
    },
    async run({ router, correlator }, onSpans) {
      const correlate = (batches) => {
        for (const { bytes } of batches) {
          correlator.push(bytes);
          for (const spans of correlator.drain()) onSpans(spans.bytes);
        }
      };
      for (const chunk of chunks) correlate(router.push(chunk));
      correlate(router.finish());
      return correlator.counts().exported;
    },
  };
}

function engineRunner() {
  const shards = Number(scenario.split('-')[1]);
  let onSpans;
  const sink = {
    failed: false,
    lost: { occurrences: 0, synthetic: 0, refused: 0 },
    write: async (bytes) => onSpans(bytes),
    flush: async () => {},
    close: async () => {},
    abandon: () => {},
  };
  return {
    check() {
      return checkSpans(this);
    },
    start: () => createEngine({ shards, sink }),
    async run(engine, taker) {
      onSpans = taker;
      for (const chunk of chunks) await engine.push(chunk);
      return (await engine.close()).exported;
    },
  };
}

/**
 * The number of spans and a digest that does not depend on their order; throws unless every
 * occurrence was exported.
 */
async function checkSpans(runner) {
  const decoder = new SpanDecoder();
  let spans = 0;
  let digest = 0n;
  const exported = await runner.run(await runner.start(), (bytes) => {
    for (const span of decoder.decode(bytes)) {
      spans += 1;
      digest = BigInt.asUintN(64, digest + hashOf(span));
    }
  });
  requireAll(exported);
  return { spans, digest: digest.toString(16) };
}

function requireAll(exported) {
  if (exported === workload.events) return;
  throw new Error(`${scenario}: ${workload.events} occurrences, but ${exported} came out`);
}

function hashOf(span) {
  const { traceId, spanId } = span.spanContext();
  const { name, startTime, endTime, attributes } = span;
  const parts = [
    traceId,
    spanId,
    span.parentSpanContext?.spanId,
    name,
    startTime,
    endTime,
    attributes,
  ];
  return createHash('sha1').update(JSON.stringify(parts)).digest().readBigUInt64LE();
}

/** Seconds per run, and the median of user and system time in a run: of all threads, and of this one. */
async function measure() {
  const bench = new Bench({
    time: 0,
    iterations: Number(iterations),
    warmupTime: 0,
    warmupIterations: 2,
    throws: true,
  });
  const cpu = [];
  const mainCpu = [];
  let instance;
  let cpuBefore;
  let mainBefore;
  const beforeEach = async () => {
    instance = await runner.start();
    cpuBefore = process.cpuUsage();
    mainBefore = threadCpuMicros();
  };
  const afterEach = () => {
    const { user, system } = process.cpuUsage(cpuBefore);
    cpu.push((user + system) / 1e6);
    mainCpu.push((threadCpuMicros() - mainBefore) / 1e6);
  };
  let taken = 0;
  const run = () =>
    runner.run(instance, (spanBytes) => {
      taken += spanBytes.length;
    });
  bench.add(scenario, run, { beforeEach, afterEach, async: true });
  const [task] = await bench.run();
  if (taken === 0) throw new Error('no spans were taken');
  const { min, p50, max } = task.result.latency;
  return {
    seconds: { min: min / 1000, p50: p50 / 1000, max: max / 1000 },
    cpuSeconds: medianOf(cpu),
    mainCpuSeconds: medianOf(mainCpu),
  };
}

function medianOf(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}
