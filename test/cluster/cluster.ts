// The cluster that a test runs against: one of its own (control-plane.ts), or the one that KUBECONFIG
// names, which cannot be broken on purpose.
import { test } from 'vitest';
import { ControlPlane } from './control-plane.ts';
import { Kubectl } from './kubectl.ts';

export interface TestCluster {
  kubeconfig: string;
  /** As whom the kubeconfig names, an administrator in a cluster of our own. */
  kubectl: Kubectl;
  /** For tests that break things or read the audit log; undefined when KUBECONFIG is set. */
  controlPlane: ControlPlane | undefined;
  /** Are the Nodes like those that the bundled recordings were taken from? */
  hasHollowNodes: boolean;
  /** Ends what was started for it. */
  stop(): Promise<void>;
}

/** For what needs a cluster of our own from the start: to fill it, or to decide who is let in. */
export const ownClusterTest = test.runIf(!process.env.KUBECONFIG);

export async function startCluster(): Promise<TestCluster> {
  return process.env.KUBECONFIG ? givenCluster(process.env.KUBECONFIG) : ownCluster();
}

async function ownCluster(): Promise<TestCluster> {
  const controlPlane = await ControlPlane.start();
  const { kubeconfig, kubectl } = controlPlane;
  const stop = () => controlPlane.stop();
  return { kubeconfig, kubectl, controlPlane, hasHollowNodes: true, stop };
}

/** With the kubectl that its user has. */
async function givenCluster(kubeconfig: string): Promise<TestCluster> {
  const kubectl = new Kubectl('kubectl', process.env);
  const providers = ['get', 'nodes', '-o', 'jsonpath={.items[*].spec.providerID}'];
  const nodes = (await kubectl.run(providers)).split(' ');
  const hasHollowNodes = nodes.length > 2 && nodes.every((id) => id.startsWith('kubemark://'));
  return { kubeconfig, kubectl, controlPlane: undefined, hasHollowNodes, stop: async () => {} };
}
