// The programs that the test cluster consists of.
import { GoModule } from '../peers/go-module.ts';

/** The control plane tells its version by these, and kubectl which one it expects. */
const VERSION = { gitVersion: 'v1.36.3', gitMajor: '1', gitMinor: '36' };

/** Program by Go package. */
const PACKAGES = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
  'hollow-kubelet': './hollow-kubelet',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
} as const;

export type ProgramName = keyof typeof PACKAGES;

/** The module that names them all, with their versions. */
export const PROGRAMS = new GoModule({
  name: 'cluster',
  sources: new URL('go/', import.meta.url),
  packages: PACKAGES,
  linkerFlags: Object.entries(VERSION).map(
    ([key, value]) => `-X k8s.io/component-base/version.${key}=${value}`,
  ),
});
