// A server in a process of its own that plays an API server for live.mjs, over TLS: discovery, and one
// watch of Events and of each kind's metadata. What happens are copies of the five recordings, each
// about objects of its own, at the time of its writing: the objects are added, their Events follow, and
// two seconds later the objects are deleted. So many Events a second, or as many as the sockets
// take. It tells its parent its port, and when its time is over, what it wrote and how long it waited.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { copiesFrom, eventFrames, metadataFrames, RESOURCES, stormLines } from './storm.mjs';

const [rate, seconds] = process.argv.slice(2).map(Number);
const BATCH_COPIES = 8;
const LIFE_MS = 2000;

const events = stormLines(eventFrames);
const metadata = RESOURCES.map(({ kind }) => ({
  kind,
  added: stormLines((frames) => metadataFrames(frames, 'ADDED', kind)),
  deleted: stormLines((frames) => metadataFrames(frames, 'DELETED', kind)),
}));
/** By kind: the open watch of its metadata. */
const watches = new Map();

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
  } else if (resource) watchMetadata(resource, response);
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

/** There is nothing yet. */
function watchMetadata({ kind }, response) {
  const annotations = { 'k8s.io/initial-events-end': 'true' };
  const object = { kind, metadata: { resourceVersion: '1', annotations } };
  response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
  watches.set(kind, response);
}

async function streamEvents(response) {
  response.flushHeaders();
  const start = performance.now();
  const passedMs = () => performance.now() - start;
  const told = { written: 0, bytes: 0, waitedMs: 0, seconds: 0 };
  const living = [];
  process.send({ streaming: true });
  for (let next = 0; passedMs() < seconds * 1000; ) {
    if (told.written >= (rate * passedMs()) / 1000) {
      await sleep(1);
      continue;
    }
    const born = copiesFrom(next, BATCH_COPIES, Math.floor(Date.now() / 1000));
    next += BATCH_COPIES;
    const dying = [];
    while (living[0]?.deadAtMs <= passedMs()) dying.push(...living.shift().copies);
    const chunks = metadata.map(({ kind, added, deleted }) => [
      watches.get(kind),
      added.render(born) + deleted.render(dying),
    ]);
    chunks.push([response, events.render(born)]);
    const waits = [];
    for (const [to, text] of chunks) {
      if (text === '') continue;
      told.bytes += text.length;
      if (!to.write(text, 'latin1')) waits.push(once(to, 'drain'));
    }
    told.written += events.occurrences(born);
    living.push({ copies: born, deadAtMs: passedMs() + LIFE_MS });
    const from = performance.now();
    await Promise.all(waits);
    told.waitedMs += performance.now() - from;
  }
  told.seconds = passedMs() / 1000;
  process.send({ told });
}
