// Lets what was recorded happen again in a fake API server, while somebody watches it.
import type { FakeApiServer } from './fake-api-server.ts';

/** By kind, as a setting names them. */
export const HAPPENING: Record<string, string> = {
  Event: 'events',
  Pod: 'pods',
  Node: 'nodes',
  Deployment: 'deployments.apps',
  ReplicaSet: 'replicasets.apps',
};

/** The settings under which all of it is watched, and none of it is late. */
export function watchArgs(server: FakeApiServer): string[] {
  // Nothing is late, wherever in the recording the clock of the stream begins.
  const window = ['--reorder-window-ms', '600000'];
  const kinds = ['--kinds', Object.values(HAPPENING).slice(1).join(',')];
  return ['--kubeconfig', server.kubeconfig, ...kinds, ...window];
}

/** All times are moved so that it ends now. Resolves when the one who watches has read it. */
export async function happen(server: FakeApiServer, input: Uint8Array): Promise<void> {
  for (const resource of Object.values(HAPPENING)) await server.isWatched(resource);
  const lines = Buffer.from(input).toString().trim().split('\n');
  const last = Date.parse(JSON.parse(lines.at(-1)!).receivedAt);
  const moved = Math.floor((Date.now() - last) / 1000) * 1000;
  const times = /"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z"/g;
  const move = (_: string, seconds: string, rest = '') => {
    const at = new Date(Date.parse(`${seconds}Z`) + moved);
    return `"${at.toISOString().slice(0, 19)}${rest}Z"`;
  };
  for (const line of lines) {
    const { type, object } = JSON.parse(line.replaceAll(times, move));
    const resource = HAPPENING[object.kind];
    if (resource && type === 'DELETED') server.remove(resource, object);
    else if (resource) server.put(resource, object);
  }
  server.end();
  for (const resource of Object.values(HAPPENING)) await server.isRead(resource);
}

/** Of a tree: what hangs where, without when. */
export function shapeOf(tree: string): string[] {
  return tree
    .replaceAll(/ \[\+[^\]]*\]| \(\d+\)|\d+: |~ .*\n/g, '')
    .split('\n')
    .sort();
}
