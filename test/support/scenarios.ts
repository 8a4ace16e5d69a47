// The scenarios: recordings with the traces that a person read from them.
import { readdirSync, readFileSync } from 'node:fs';

export interface Scenario {
  name: string;
  input: Uint8Array;
  /** The expected tree, as `--format tree` prints it. */
  trace: string;
}

const folder = new URL('../scenarios/', import.meta.url);

export const SCENARIOS: readonly Scenario[] = readdirSync(folder)
  .filter((name) => name !== 'README.md')
  .sort()
  .map((name) => ({
    name,
    input: readFileSync(new URL(`${name}/events.ndjson`, folder)),
    trace: readFileSync(new URL(`${name}/trace.txt`, folder), 'utf8'),
  }));

/** The scenarios that were recorded in a cluster. */
export const RECORDINGS: readonly Scenario[] = [
  'rollout',
  'statefulset',
  'daemonset',
  'job',
  'pending',
].map(scenario);

/** The scenario of that name. */
export function scenario(name: string): Scenario {
  const found = SCENARIOS.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`there is no scenario ${name}`);
  return found;
}
