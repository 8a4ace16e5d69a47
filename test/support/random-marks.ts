// What tools write on the objects that they apply in a made-up cluster: who applied it, and the trace that
// it was made in.
import type { Cluster, Json, KubeObject } from './random-cluster.ts';

export function addMarks(cluster: Cluster, { kind, apiVersion, metadata }: KubeObject): void {
  const { chance, pick, hex, weather } = cluster;
  if (chance(weather.marked)) {
    const name = pick(['one', 'two']);
    const group = apiVersion.split('/').at(-2) ?? '';
    const app = `${pick(['', 'shop_'])}${name}:${group}/${kind}:${metadata.namespace ?? ''}`;
    const trackingId = `${app}/${chance(0.8) ? metadata.name : 'the-original'}`;
    const helm = 'meta.helm.sh/release';
    const marks: Json[] = [
      { labels: flux('kustomize', name) },
      { labels: flux('helm', name) },
      { annotations: { 'argocd.argoproj.io/tracking-id': trackingId } },
      { annotations: { [`${helm}-name`]: name, [`${helm}-namespace`]: 'shop' } },
    ];
    const mark = pick(marks);
    const annotations = { ...metadata.annotations, ...mark.annotations };
    Object.assign(metadata, mark, Object.keys(annotations).length > 0 && { annotations });
  }
  if (chance(weather.traced)) {
    const traceparent = `00-${hex(32)}-${hex(16)}-01`;
    const carriers: Json[] = [
      { 'tracing.k8s.io/traceparent': traceparent },
      { traceparent },
      { traceparent: 'none' },
      { 'tekton.dev/taskrunSpanContext': JSON.stringify({ traceparent }) },
      { 'workflows.argoproj.io/trace-id': hex(32) },
    ];
    metadata.annotations = { ...metadata.annotations, ...pick(carriers) };
  }
}

function flux(tool: string, name: string): Json {
  const domain = `${tool}.toolkit.fluxcd.io`;
  return { [`${domain}/name`]: name, [`${domain}/namespace`]: 'shop' };
}
