// Lets what was recorded happen again in a fake API server, while somebody watches it.
import type { FakeApiServer, FakeObject } from './fake-api-server.ts';

/** By kind, as a setting names them. */
export const HAPPENING: Record<string, string> = {
  Event: 'events',
  Pod: 'pods',
  Node: 'nodes',
  Deployment: 'deployments.apps',
  ReplicaSet: 'replicasets.apps',
};

export interface HappeningFrame {
  type: string;
  object: FakeObject & { kind: string };
}

/** The settings under which all of it is watched, and none of it is late. */
export function watchArgs(server: FakeApiServer): string[] {
  // Nothing is late, wherever in the recording the clock of the stream begins.
  return [...kindsArgs(server), '--reorder-window-ms', '600000'];
}

/** The settings under which all of it is watched. */
export function kindsArgs(server: FakeApiServer): string[] {
  const kinds = Object.values(HAPPENING).slice(1).join(',');
  return ['--kubeconfig', server.kubeconfig, '--kinds', kinds];
}

/** All times are moved so that it ends now. Resolves when the one who watches has read it. */
export async function happen(server: FakeApiServer, input: Uint8Array): Promise<void> {
  await isWatched(server);
  play(server, endingNow(input));
  server.end();
  for (const resource of Object.values(HAPPENING)) await server.isRead(resource);
}

/** Resolves when all of it is watched. */
export async function isWatched(server: FakeApiServer): Promise<void> {
  for (const resource of Object.values(HAPPENING)) await server.isWatched(resource);
}

/** The frames of a recording, all their times moved so that it ends now. */
export function endingNow(input: Uint8Array): HappeningFrame[] {
  const lines = Buffer.from(input).toString().trim().split('\n');
  const last = Date.parse(JSON.parse(lines.at(-1)!).receivedAt);
  const moved = Math.floor((Date.now() - last) / 1000) * 1000;
  const times = /"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z"/g;
  const move = (_: string, seconds: string, rest = '') => {
    const at = new Date(Date.parse(`${seconds}Z`) + moved);
    return `"${at.toISOString().slice(0, 19)}${rest}Z"`;
  };
  return lines.map((line) => JSON.parse(line.replaceAll(times, move)));
}

/** Lets it happen at once. */
export function play(server: FakeApiServer, frames: HappeningFrame[]): void {
  for (const { type, object } of frames) {
    const resource = HAPPENING[object.kind];
    if (resource && type === 'DELETED') server.remove(resource, object);
    else if (resource) server.put(resource, object);
  }
}

/** Of a tree: what hangs where, without when. */
export function shapeOf(tree: string): string[] {
  return tree
    .replaceAll(/ \[\+[^\]]*\]| \(\d+\)|\d+: |~ .*\n/g, '')
    .split('\n')
    .sort();
}
