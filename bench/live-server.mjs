// A server in a process of its own that plays an API server for live.mjs, over TLS: discovery, the
// metadata of all objects as initial events, and one watch of Events that never ends. The Events are
// those of the five recordings, of `copies` sets of objects in turn, each time under new uids and at
// the time of their writing, so many a second or as fast as the socket takes them. It tells its
// parent its port, and when it has written for its time, what it wrote and how long it had to wait.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { SCENARIOS } from './generate.mjs';
import { compileRecording } from './template.mjs';

const [rate, seconds, copies] = process.argv.slice(2).map(Number);
const BATCH_COPIES = 8;
const VERSIONS_PER_COPY = 10_000;
const RESOURCES = [
  ['', 'namespaces', 'Namespace'],
  ['', 'pods', 'Pod'],
  ['apps', 'deployments', 'Deployment'],
  ['apps', 'replicasets', 'ReplicaSet'],
  ['apps', 'statefulsets', 'StatefulSet'],
  ['apps', 'daemonsets', 'DaemonSet'],
  ['batch', 'jobs', 'Job'],
  ['batch', 'cronjobs', 'CronJob'],
].map(([group, name, kind]) => ({ group, name, kind, base: baseOf(group) }));

const events = SCENARIOS.map((file) => compileRecording(file, eventLines));
const metadata = new Map(
  RESOURCES.map(({ kind }) => [
    kind,
    SCENARIOS.map((file) => compileRecording(file, (frames) => metadataLines(frames, kind))),
  ]),
);

const pem = (name) => readFileSync(new URL(`tls/${name}.pem`, import.meta.url));
const server = createServer({ key: pem('key'), cert: pem('cert') }, answer);
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('disconnect', () => process.exit());

function answer(request, response) {
  const { pathname, searchParams } = new URL(request.url, 'https://server');
  const resource = RESOURCES.find(({ base, name }) => pathname === `${base}/${name}`);
  response.on('error', () => {});
  if (pathname === '/api/v1/events') {
    if (searchParams.has('watch')) void streamEvents(response);
    else response.end('{"kind":"EventList","metadata":{"resourceVersion":"1"},"items":[]}');
  } else if (resource) void listMetadata(resource, response);
  else discover(pathname, response);
}

function discover(pathname, response) {
  const groups = ['apps', 'batch'].map((name) => ({ name, preferredVersion: { version: 'v1' } }));
  const resources = RESOURCES.filter(({ base }) => base === pathname).map(({ name, kind }) => ({
    name,
    kind,
    namespaced: kind !== 'Namespace',
    verbs: ['list', 'watch'],
  }));
  response.end(JSON.stringify(pathname === '/apis' ? { groups } : { resources }));
}

/** All there is, the word that this was all, and then silence. */
async function listMetadata({ kind }, response) {
  const hourAgo = Math.floor(Date.now() / 1000) - 3600;
  for (let copy = 0; copy < copies; copy += 1) {
    const text = metadata.get(kind)[copy % SCENARIOS.length].render({
      id: `c${copy}`,
      moved: () => hourAgo,
      versionShift: 0,
    });
    if (!response.write(text)) await once(response, 'drain');
  }
  const annotations = { 'k8s.io/initial-events-end': 'true' };
  const object = { kind, metadata: { resourceVersion: '1', annotations } };
  response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
}

async function streamEvents(response) {
  response.flushHeaders();
  const start = performance.now();
  const elapsedS = () => (performance.now() - start) / 1000;
  const told = { written: 0, bytes: 0, waitedMs: 0, seconds: 0 };
  process.send({ streaming: true });
  for (let copy = 0; elapsedS() < seconds; ) {
    const due = rate * elapsedS();
    if (told.written >= due) {
      await sleep(1);
      continue;
    }
    const second = Math.floor(Date.now() / 1000);
    let text = '';
    for (let batched = 0; batched < BATCH_COPIES; batched += 1, copy += 1) {
      const of = copy % copies;
      const template = events[of % SCENARIOS.length];
      const round = `r${Math.floor(copy / copies)}`;
      const versionShift = (copy + 1) * VERSIONS_PER_COPY;
      text += template.render({ id: `c${of}`, round, moved: () => second, versionShift });
      told.written += template.occurrences;
    }
    const chunk = Buffer.from(text);
    told.bytes += chunk.length;
    if (!response.write(chunk)) {
      const from = performance.now();
      await once(response, 'drain');
      told.waitedMs += performance.now() - from;
    }
  }
  told.seconds = elapsedS();
  process.send({ told });
}

/** As a watch tells them; each state of an Event once. */
function eventLines(frames) {
  const told = frames.filter(({ frame }) => frame.object.kind === 'Event');
  return told.map(({ frame: { type, object } }) => JSON.stringify({ type, object }));
}

/** The newest version of every object of a kind. */
function metadataLines(frames, kind) {
  const newest = new Map();
  for (const { frame } of frames) {
    if (frame.object.kind === kind && frame.type !== 'DELETED') {
      newest.set(frame.object.metadata.uid, frame.object.metadata);
    }
  }
  const partial = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' };
  return [...newest.values()].map((of) =>
    JSON.stringify({ type: 'ADDED', object: { ...partial, metadata: of } }),
  );
}

function baseOf(group) {
  return group === '' ? '/api/v1' : `/apis/${group}/v1`;
}
