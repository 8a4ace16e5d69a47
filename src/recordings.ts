// The real recordings of a cluster that come with the package: what `kspan bench` makes its workloads of.
import { fileURLToPath } from 'node:url';

/** Paths of the NDJSON files. */
export const RECORDINGS: readonly string[] = [
  'rollout',
  'statefulset',
  'daemonset',
  'job',
  'pending',
].map((name) => fileURLToPath(new URL(`../test/scenarios/${name}/events.ndjson`, import.meta.url)));
