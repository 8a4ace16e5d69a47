// What happens in a storm of Events: copies of the five recordings, each about objects of its own. In go
// numbers of copies and their second, out come lines of what is chosen of their frames. For
// live-server.mjs and past.mjs.
import { compileRecording } from '../dist/bench/template.js';
import { RECORDINGS } from '../dist/recordings.js';

const VERSIONS_PER_COPY = 10_000;

/** What the objects are of; `base` is the path of their group and version. */
export const RESOURCES = [
  ['/api/v1', 'namespaces', 'Namespace'],
  ['/api/v1', 'pods', 'Pod'],
  ['/apis/apps/v1', 'deployments', 'Deployment'],
  ['/apis/apps/v1', 'replicasets', 'ReplicaSet'],
  ['/apis/apps/v1', 'statefulsets', 'StatefulSet'],
  ['/apis/apps/v1', 'daemonsets', 'DaemonSet'],
  ['/apis/batch/v1', 'jobs', 'Job'],
  ['/apis/batch/v1', 'cronjobs', 'CronJob'],
].map(([base, name, kind]) => ({ base, name, kind }));

/** `count` copies from number `first` on; all that happens in them happens in this second. */
export function copiesFrom(first, count, second) {
  return Array.from({ length: count }, (_, index) => {
    const number = first + index;
    return {
      number,
      id: `c${number}`,
      moved: () => second,
      versionShift: number * VERSIONS_PER_COPY,
    };
  });
}

/** Renders the frames that `select` makes of each copy's recording. */
export function stormLines(select) {
  const lines = (frames) =>
    select(frames.map(({ frame }) => frame)).map((it) => JSON.stringify(it));
  const templates = RECORDINGS.map((file) => compileRecording(file, lines));
  const templateOf = ({ number }) => templates[number % templates.length];
  return {
    render: (copies) => copies.map((copy) => templateOf(copy).render(copy)).join(''),
    occurrences: (copies) => copies.reduce((sum, copy) => sum + templateOf(copy).occurrences, 0),
  };
}

/** As a watch of Events tells them; each state of an Event once. */
export function eventFrames(frames) {
  const told = frames.filter(({ object }) => object.kind === 'Event');
  return told.map(({ type, object }) => ({ type, object }));
}

/** As a watch of a kind's metadata tells that all of them came, or went. */
export function metadataFrames(frames, type, kind) {
  const partial = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' };
  const objects = newestObjects(frames).filter((object) => object.kind === kind);
  return objects.map(({ metadata }) => ({ type, object: { ...partial, metadata } }));
}

/** The newest version of every object but Events. */
export function newestObjects(frames) {
  const newest = new Map();
  for (const { type, object } of frames) {
    if (object.kind !== 'Event' && type !== 'DELETED') newest.set(object.metadata.uid, object);
  }
  return [...newest.values()];
}
