// `npm run bench:memory [-- --objects N --shards N --order owners-first|interleaved --json FILE]`: what
// the owner index of a large cluster takes. The metadata of N objects goes through the Router in this
// thread and the Correlators in their own, as in the engine; then one Event about every hundredth
// application shows that each knows whose its Pods are. Prints the growth of each WebAssembly memory
// (which never shrinks: what was needed for a moment is counted), per object and in all.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';
import { resolveConfig } from '../dist/config-load.js';
import { SpanDecoder } from '../dist/export/decode.js';
import { ShardRouter } from '../dist/route/shard-router.js';
import { compileWasm, WasmCorrelator, WasmRouter, wasmMemoryBytes } from '../dist/wasm.js';
import { startWorker } from './ask-worker.mjs';
import { clusterMetadata, deploymentOf, podOf } from './cluster-metadata.mjs';
import { machine } from './machine.mjs';

const APPS_PER_EVENT = 100;

if (parentPort) correlate(parentPort, workerData);
else await measure();

async function measure() {
  const option = (value) => ({ type: 'string', default: value });
  const options = {
    objects: option('500000'),
    shards: option('2'),
    order: option('owners-first'),
    json: { type: 'string' },
  };
  const { values } = parseArgs({ options });
  const objects = Number(values.objects);
  const shards = Number(values.shards);
  const config = resolveConfig({ shards });
  const module = compileWasm();
  const url = new URL(import.meta.url);
  const workers = Array.from({ length: shards }, () => startWorker(url, { module, config }));
  const inner = new WasmRouter(module, config);
  const router = new ShardRouter(inner, shards, config.shardBatchBytes);
  const empty = await memories(workers);
  const rssBefore = process.memoryUsage.rss();
  const send = async (batches) => {
    for (const { shard, bytes } of batches)
      await workers[shard].ask({ batch: bytes }, [bytes.buffer]);
  };

  const { apps, chunks } = clusterMetadata({
    objects,
    ownersFirst: values.order === 'owners-first',
  });
  for (const chunk of chunks) await send(router.push(chunk));
  await send(router.flush());
  const full = await memories(workers);
  const rss = process.memoryUsage.rss() - rssBefore;
  const { objects: held, forgotten } = router.counts();

  for (let app = 0; app < apps; app += APPS_PER_EVENT) await send(router.push(eventOf(app)));
  await send(router.finish());
  const owners = new Map();
  for (const worker of workers) {
    for (const [pod, owner] of await worker.ask({ owners: true })) owners.set(pod, owner);
  }
  requireOwners(apps, owners);
  for (const worker of workers) await worker.end();

  const grown = full.map((bytes, index) => bytes - empty[index]);
  const [routerBytes, ...shardBytes] = grown;
  const result = {
    order: values.order,
    objects: held,
    forgotten,
    routerBytes,
    shardBytes,
    routerBytesPerObject: perObject(routerBytes, held),
    shardBytesPerObject: perObject(sum(shardBytes), held),
    megabytes: Number((sum(grown) / 1e6).toFixed(1)),
    emptyMegabytes: Number((sum(empty) / 1e6).toFixed(1)),
    rssMegabytes: Number((rss / 1e6).toFixed(1)),
  };
  console.log(JSON.stringify(result));
  if (values.json) {
    const report = { date: new Date().toISOString(), machine, options: values, result };
    writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  }
}

function correlate(port, { module, config }) {
  const correlator = new WasmCorrelator(module, config);
  const decoder = new SpanDecoder();
  const owners = new Map();
  port.on('message', ({ batch, owners: isAsked }) => {
    if (batch) {
      correlator.push(batch);
      for (const span of correlator.drain().flatMap(({ bytes }) => decoder.decode(bytes))) {
        const { attributes } = span;
        if (attributes['k8s.event.uid']) {
          owners.set(attributes['k8s.pod.uid'], attributes['k8s.deployment.uid']);
        }
      }
    }
    port.postMessage(isAsked ? owners : wasmMemoryBytes(module));
  });
}

async function memories(workers) {
  const shards = workers.map((worker) => worker.ask({}));
  return [wasmMemoryBytes(), ...(await Promise.all(shards))];
}

function eventOf(app) {
  const { name, namespace, uid } = podOf(app);
  const time = '2026-02-01T00:00:01Z';
  const object = {
    kind: 'Event',
    apiVersion: 'v1',
    metadata: { name: `${name}.1`, namespace, uid: `event-${app}`, creationTimestamp: time },
    involvedObject: { kind: 'Pod', namespace, name, uid, apiVersion: 'v1' },
    reason: 'Unhealthy',
    message: 'Readiness probe failed',
    source: { component: 'kubelet', host: 'node-1' },
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
    type: 'Warning',
  };
  return Buffer.from(`${JSON.stringify({ type: 'ADDED', object, receivedAt: time })}\n`);
}

function requireOwners(apps, owners) {
  for (let app = 0; app < apps; app += APPS_PER_EVENT) {
    const found = owners.get(podOf(app).uid);
    const { uid } = deploymentOf(app);
    if (found !== uid) throw new Error(`a Pod of application ${app} is of ${found}, not of ${uid}`);
  }
}

function sum(numbers) {
  return numbers.reduce((all, number) => all + number, 0);
}

function perObject(bytes, objects) {
  return Number((bytes / objects).toFixed(1));
}
