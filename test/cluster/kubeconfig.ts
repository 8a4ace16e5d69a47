// Kubeconfigs of a test's own for a cluster of its own: as somebody else, or by another way.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Changes {
  /** Credentials in the place of the administrator's. */
  user?: object;
  /** URL in the place of the API server's. */
  server?: string;
  /** More of the cluster, such as a proxy. */
  cluster?: object;
}

/** Where the API server is. */
export function serverOf(kubeconfig: string): URL {
  return new URL(read(kubeconfig).clusters[0].cluster.server);
}

/** Writes a changed copy beside it, and gives its path. */
export function changedKubeconfig(kubeconfig: string, name: string, changes: Changes): string {
  const config = read(kubeconfig);
  const { user, server, cluster } = changes;
  Object.assign(config.clusters[0].cluster, cluster, server && { server });
  if (user) config.users[0].user = user;
  const path = join(dirname(kubeconfig), `${name}.kubeconfig`);
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}

/** Those of control-plane.ts are JSON. */
const read = (kubeconfig: string) => JSON.parse(readFileSync(kubeconfig, 'utf8'));
