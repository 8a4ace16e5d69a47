// Kubeconfigs of the servers that tests start, one cluster and one user each: what they say, and changed copies of them, to be somebody else
// or to go another way.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Credentials of the one user. */
interface User {
  token?: string;
  [field: string]: unknown;
}

/** The one cluster. */
interface Cluster {
  server: string;
  'certificate-authority': string;
  'proxy-url'?: string;
}

interface Kubeconfig {
  clusters: [{ cluster: Cluster }];
  users: [{ user: User }];
}

export function readKubeconfig(path: string): { cluster: Cluster; user: User } {
  const config = parse(path);
  return { ...config.clusters[0], ...config.users[0] };
}

/** Writes a copy beside it, as `NAME.kubeconfig`, and gives its path: another user, more of the cluster. */
export function changedKubeconfig(
  path: string,
  name: string,
  { user, cluster }: { user?: User; cluster?: Partial<Cluster> },
): string {
  const config = parse(path);
  Object.assign(config.clusters[0].cluster, cluster);
  if (user) config.users[0].user = user;
  const copy = join(dirname(path), `${name}.kubeconfig`);
  writeFileSync(copy, JSON.stringify(config), { mode: 0o600 });
  return copy;
}

/** Tests write them in JSON, which is YAML. */
const parse = (path: string): Kubeconfig => JSON.parse(readFileSync(path, 'utf8'));
