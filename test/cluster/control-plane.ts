// A Kubernetes control plane of the test run's own, with three Nodes, in a temporary folder: etcd, API
// server (RBAC, audit log), controller manager, scheduler, kubelets. It can be broken on purpose. It
// ends with the process that started it, however that ends, and its folder with it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../peers/free-ports.ts';
import { environment, Program } from '../peers/program.ts';
import { Kubectl } from './kubectl.ts';
import { PROGRAMS, type ProgramName } from './programs.ts';
import { type Ports, type Settings, writeSettings } from './settings.ts';

const NODES = ['hollow-1', 'hollow-2', 'hollow-3'];

export class ControlPlane {
  readonly kubectl: Kubectl;
  readonly #folder: string;
  readonly #settings: Settings;
  readonly #programs = new Set<Program>();
  readonly #stopped = new AbortController();
  #apiServer: Program | undefined;

  /** Resolves when the API server answers and all Nodes are ready for Pods. */
  static start(): Promise<ControlPlane> {
    return ControlPlane.#startWith((controlPlane) => controlPlane.#startAll());
  }

  /** Nobody does anything with what is created in it; `flags` are more of the API server's. */
  static startApiServerOnly(flags: string[] = []): Promise<ControlPlane> {
    return ControlPlane.#startWith((controlPlane) => controlPlane.#startApi(), flags);
  }

  static async #startWith(
    start: (controlPlane: ControlPlane) => Promise<void>,
    apiServerFlags: string[] = [],
  ): Promise<ControlPlane> {
    const controlPlane = new ControlPlane(await ports(), apiServerFlags);
    try {
      await start(controlPlane);
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
    return controlPlane;
  }

  private constructor(ports: Ports, apiServerFlags: string[]) {
    this.#folder = mkdtempSync(join(tmpdir(), 'kspan-cluster-'));
    this.#settings = writeSettings(this.#folder, ports);
    this.#settings['kube-apiserver'].push(...apiServerFlags);
    const env = { ...environment(this.#folder), KUBECONFIG: this.kubeconfig };
    this.kubectl = new Kubectl(PROGRAMS.pathOf('kubectl'), env);
  }

  /** How to reach it as an administrator. */
  get kubeconfig(): string {
    return this.#settings.kubeconfig;
  }

  /** One audit.k8s.io/v1 Event a line: each request when it is complete, a watch also at its start. */
  get auditLog(): string {
    return this.#settings.auditLog;
  }

  /** As a crash would. What others have open to it breaks. */
  async killApiServer(): Promise<void> {
    const apiServer = this.#apiServer;
    if (!apiServer) throw new Error('the API server does not run');
    this.#apiServer = undefined;
    this.#programs.delete(apiServer);
    await apiServer.kill();
  }

  /** Resolves when it is ready. Its port is the one it had. */
  async startApiServer(): Promise<void> {
    this.#apiServer = this.#run('kube-apiserver', this.#settings['kube-apiserver']);
    await this.#until(['get', '--raw', '/readyz']);
  }

  /**
   * Forgets all versions of objects but the newest: a watch of Events from an older one gets 410 from
   * now on. Of most other kinds the API server remembers versions by itself, until it is killed.
   */
  async compactEtcd(): Promise<void> {
    const key = Buffer.from('any').toString('base64');
    const { header } = await this.#askEtcd('range', { key });
    await this.#askEtcd('compaction', { revision: header.revision, physical: true });
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(Array.from(this.#programs, (program) => program.release()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #startApi(): Promise<void> {
    this.#run('etcd', this.#settings.etcd);
    await this.startApiServer();
  }

  async #startAll(): Promise<void> {
    await this.#startApi();
    for (const node of NODES) {
      this.#run('hollow-kubelet', this.#settings['hollow-kubelet'](node), node);
    }
    await this.#untilAllNodes(isReady);
    // It would mark Nodes for eviction that it has seen before they are ready.
    this.#run('kube-controller-manager', this.#settings['kube-controller-manager']);
    this.#run('kube-scheduler', this.#settings['kube-scheduler']);
    await this.#untilAllNodes(isSchedulable);
  }

  #untilAllNodes(condition: (node: KubeNode) => boolean): Promise<void> {
    const isDone = (list: string) =>
      JSON.parse(list).items.filter(condition).length === NODES.length;
    return this.#until(['get', 'nodes', '-o', 'json'], isDone);
  }

  #run(program: ProgramName, args: string[], name?: string): Program {
    const running = new Program(PROGRAMS.pathOf(program), args, this.#folder, name);
    this.#programs.add(running);
    return running;
  }

  /** As Kubectl's; rejects when a program ends meanwhile. */
  #until(args: string[], isDone?: (stdout: string) => boolean): Promise<void> {
    const done = this.kubectl.until(args, isDone, this.#stopped.signal);
    return Promise.race([done, ...Array.from(this.#programs, (program) => program.failure())]);
  }

  async #askEtcd(method: string, request: object): Promise<{ header: { revision: string } }> {
    const url = `${this.#settings.etcdUrl}/v3/kv/${method}`;
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(request) });
    if (!response.ok) throw new Error(`etcd ${method}: ${await response.text()}`);
    return (await response.json()) as { header: { revision: string } };
  }
}

interface KubeNode {
  spec: { taints?: unknown[] };
  status: { conditions?: { type: string; status: string }[] };
}

function isReady({ status }: KubeNode): boolean {
  const { conditions = [] } = status;
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

const isSchedulable = ({ spec }: KubeNode): boolean => !spec.taints;

async function ports(): Promise<Ports> {
  const [etcd, etcdPeer, api] = await freePorts(3);
  return { etcd: etcd!, etcdPeer: etcdPeer!, api: api! };
}
