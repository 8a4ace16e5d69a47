// A service account that has the rights that `kspan rbac` prints and no others, and the kubeconfig with
// which kspan is that account.
import { kspan } from '../support/kspan.ts';
import { changedKubeconfig } from './kubeconfig.ts';
import type { Kubectl } from './kubectl.ts';

export interface ServiceAccount {
  kubeconfig: string;
  /** As the audit log names it. */
  username: string;
}

const NAMESPACE = 'kspan';

/** `settings` are those that kspan will run with. The kubeconfig lies beside the cluster's own. */
export async function createServiceAccount(
  kubectl: Kubectl,
  adminKubeconfig: string,
  name: string,
  settings: string[] = [],
): Promise<ServiceAccount> {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } };
  await kubectl.run(['apply', '-f', '-'], JSON.stringify(namespace));
  await kubectl.run(['-n', NAMESPACE, 'create', 'serviceaccount', name]);
  const rbac = await kspan(['rbac', '--service-account', `${NAMESPACE}/${name}`, ...settings]);
  await kubectl.run(['apply', '-f', '-'], rbac.stdout);
  const token = (await kubectl.run(['-n', NAMESPACE, 'create', 'token', name])).trim();
  const kubeconfig = changedKubeconfig(adminKubeconfig, name, { user: { token } });
  return { kubeconfig, username: `system:serviceaccount:${NAMESPACE}:${name}` };
}
