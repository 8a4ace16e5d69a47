// What the programs of a control plane are started with: writes the files that they read (keys, token,
// kubeconfig, audit policy) into the cluster's folder and gives their arguments. Everything listens on
// 127.0.0.1; what need not listen does not.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Settings {
  kubeconfig: string;
  auditLog: string;
  etcdUrl: string;
  etcd: string[];
  'kube-apiserver': string[];
  'kube-controller-manager': string[];
  'kube-scheduler': string[];
  'hollow-kubelet': (node: string) => string[];
}

/** Free ports of 127.0.0.1. */
export interface Ports {
  etcd: number;
  etcdPeer: number;
  api: number;
}

/** Every request, when it is complete; a watch also when it begins. */
const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'Metadata' }],
};

export function writeSettings(folder: string, ports: Ports): Settings {
  const file = (name: string) => join(folder, name);
  const put = (name: string, content: string) => {
    writeFileSync(file(name), content, { mode: 0o600 });
    return file(name);
  };
  const etcdUrl = `http://127.0.0.1:${ports.etcd}`;
  const peerUrl = `http://127.0.0.1:${ports.etcdPeer}`;
  // The API server makes its certificate itself; the file ends in that of its authority.
  const certificates = file('certificates');
  const authority = join(certificates, 'apiserver.crt');
  const token = randomUUID();
  const tokens = put('tokens.csv', `${token},admin,admin,system:masters\n`);
  const { publicKey, privateKey } = newKeys();
  const signing = put('service-accounts.key', privateKey);
  const verifying = put('service-accounts.pub', publicKey);
  const server = `https://127.0.0.1:${ports.api}`;
  const kubeconfig = put('kubeconfig', kubeconfigOf(server, authority, token));
  const auditLog = file('audit.log');
  const client = [`--kubeconfig=${kubeconfig}`, '--kube-api-qps=500', '--kube-api-burst=1000'];
  const alone = ['--leader-elect=false', '--secure-port=0'];
  return {
    kubeconfig,
    auditLog,
    etcdUrl,
    etcd: [
      `--data-dir=${file('etcd')}`,
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=default=${peerUrl}`,
      '--unsafe-no-fsync',
    ],
    'kube-apiserver': [
      `--etcd-servers=${etcdUrl}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${ports.api}`,
      `--cert-dir=${certificates}`,
      `--token-auth-file=${tokens}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${verifying}`,
      `--service-account-signing-key-file=${signing}`,
      '--service-cluster-ip-range=10.0.0.0/16',
      `--audit-policy-file=${put('audit-policy.json', JSON.stringify(AUDIT_POLICY))}`,
      `--audit-log-path=${auditLog}`,
      '--max-requests-inflight=2000',
      '--max-mutating-requests-inflight=1000',
    ],
    'kube-controller-manager': [
      ...client,
      ...alone,
      `--service-account-private-key-file=${signing}`,
      `--root-ca-file=${authority}`,
    ],
    'kube-scheduler': [...client, ...alone],
    'hollow-kubelet': (node) => [
      `--kubeconfig=${kubeconfig}`,
      `--node=${node}`,
      `--socket=${file(`${node}.sock`)}`,
    ],
  };
}

/** For the tokens of service accounts. */
function newKeys() {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

/** JSON is YAML. */
function kubeconfigOf(server: string, authority: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': authority } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  });
}
