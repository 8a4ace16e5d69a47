// Recordings of made-up clusters, as fast-check draws and shrinks them: one is drawn by a seed, and shrunk
// by leaving frames out, since what is left is still what some watcher may have seen.
import { readdirSync, readFileSync } from 'node:fs';
import { Arbitrary, type Random, Stream, Value } from 'fast-check';
import { parse } from 'yaml';
import { Cluster, type Json, S, type Story } from './random-cluster.ts';
import { barePod, cronJob, job, staticPod } from './random-jobs.ts';
import {
  autoscaled,
  gitOps,
  nodeTrouble,
  orphan,
  rescaled,
  sampled,
  widget,
} from './random-odds.ts';
import { daemonSet, deployment, statefulSet } from './random-workloads.ts';

export interface RandomRecording {
  seed: number;
  frames: Json[];
}

const folder = new URL('../../crates/correlate/rules/', import.meta.url);
const ROWS: Json[] = readdirSync(folder)
  .filter((file) => file.endsWith('.yaml'))
  .flatMap((file) => parse(readFileSync(new URL(file, folder), 'utf8')));

const STORIES: ((cluster: Cluster) => Story)[] = [
  ...[deployment, deployment, deployment, statefulSet, daemonSet, job, cronJob, barePod, staticPod],
  ...[autoscaled, rescaled, gitOps, widget, nodeTrouble, orphan],
  ...[(c: Cluster) => sampled(c, ROWS), (c: Cluster) => sampled(c, ROWS)],
];
const STORIES_MAX = 3;

/** What happened in the cluster of that seed. */
export function recordingOf(seed: number): RandomRecording {
  const cluster = new Cluster(seed);
  const { chance, events, pick, upTo, weather } = cluster;
  const high = { by: 'kubelet', namespace: '' };
  if (chance(0.2)) cluster.create('Namespace', 'kube-system', high);
  for (const name of ['hollow-1', 'hollow-2']) {
    cluster.nodes.push(cluster.create('Node', name, high));
    cluster.kubelets.push(events.reporter('kubelet', name, false));
  }
  for (let left = 1 + upTo(STORIES_MAX); left > 0; left--)
    cluster.start(pick(STORIES)(cluster), upTo(20 * S));
  if (chance(weather.restarts)) cluster.start(cluster.outage(), upTo(60 * S));
  cluster.run();
  return { seed, frames: cluster.recording() };
}

/** Recordings for fast-check. */
export class RandomRecordings extends Arbitrary<RandomRecording> {
  generate(random: Random): Value<RandomRecording> {
    return new Value(recordingOf(random.nextInt(0, 0x7fffffff)), undefined);
  }

  canShrinkWithoutContext(value: unknown): value is RandomRecording {
    return typeof value === 'object' && value !== null && 'frames' in value;
  }

  shrink(recording: RandomRecording): Stream<Value<RandomRecording>> {
    return new Stream(smaller(recording)).map((fewer) => new Value(fewer, undefined));
  }
}

/** Without some objects or Events, from many to one; then without single frames. */
function* smaller({ seed, frames }: RandomRecording): IterableIterator<RandomRecording> {
  const uid = (frame: Json): string => frame.object.metadata.uid;
  const uids = [...new Set(frames.map(uid))];
  for (let size = uids.length >> 1; size > 0; size >>= 1)
    for (let from = 0; from < uids.length; from += size) {
      const gone = new Set(uids.slice(from, from + size));
      yield { seed, frames: frames.filter((frame) => !gone.has(uid(frame))) };
    }
  for (const frame of frames) yield { seed, frames: frames.filter((other) => other !== frame) };
}
