// A recording of a cluster as a user makes one: `kubectl get KIND -A -o json -w --output-watch-events`
// for each kind, into a file each. It promises to have told, when asked to complete, of every Event
// that the cluster holds.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import type { Kubectl } from './kubectl.ts';
import { type KubeEvent, occurrenceOf, storedEvents } from './stored-events.ts';

const POLL_MS = 200;
const OWNERS = [
  'namespaces',
  'nodes',
  'pods',
  'replicasets',
  'deployments',
  'statefulsets',
  'daemonsets',
  'jobs',
  'cronjobs',
];
const WATCH = ['-A', '-o', 'json', '-w', '--output-watch-events', '--show-managed-fields'];

export class Recording {
  /** What `kspan replay` is given: metadata first. */
  readonly files: string[];
  readonly #kubectl: Kubectl;
  readonly #watches: ChildProcess[];

  /** Resolves when all watches are open. */
  static async start(kubectl: Kubectl, folder: string): Promise<Recording> {
    const recording = new Recording(kubectl, folder);
    await Promise.all(recording.#watches.map(isOpen));
    return recording;
  }

  private constructor(kubectl: Kubectl, folder: string) {
    const kinds = [...OWNERS, 'events'];
    this.#kubectl = kubectl;
    this.files = kinds.map((kind) => join(folder, `${kind}.json`));
    this.#watches = kinds.map((kind, i) => watch(kubectl, kind, this.files[i]!));
  }

  /** The Events recorded so far, each version of them. */
  events(): KubeEvent[] {
    return framesOf(readFileSync(this.files.at(-1)!, 'utf8')).map(({ object }) => object);
  }

  /** Resolves to the Events that the cluster holds, when all of them are recorded. */
  async complete(): Promise<KubeEvent[]> {
    const stored = await storedEvents(this.#kubectl);
    for (;;) {
      const recorded = new Set(this.events().map(occurrenceOf));
      if (stored.every((event) => recorded.has(occurrenceOf(event)))) return stored;
      if (this.#watches.some(hasEnded)) throw new Error('kubectl has ended its watch');
      await pause(POLL_MS);
    }
  }

  async stop(): Promise<void> {
    const running = this.#watches.filter((child) => !hasEnded(child));
    const exits = running.map((child) => once(child, 'exit'));
    for (const child of running) child.kill();
    await Promise.all(exits);
  }
}

function watch(kubectl: Kubectl, kind: string, path: string): ChildProcess {
  const file = openSync(path, 'w');
  const child = kubectl.start(['get', kind, ...WATCH, '-v=6'], file);
  closeSync(file);
  return child;
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) =>
  exitCode !== null || signalCode !== null;

/** kubectl tells, when asked to be wordy, of each answer that it got. */
async function isOpen(child: ChildProcess): Promise<void> {
  const said = [];
  for await (const line of createInterface({ input: child.stderr! })) {
    if (line.includes('watch=true') && line.includes('200 OK')) {
      child.stderr!.resume();
      return;
    }
    said.push(line);
  }
  throw new Error(`kubectl ended: ${said.join('\n')}`);
}

/** kubectl prints a frame a line; the last may not be whole yet. */
function framesOf(text: string): { object: KubeEvent }[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}
