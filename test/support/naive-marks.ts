// What the naive oracle reads of an object's labels and annotations: who applied it (GitOps, Helm), and
// the trace of somebody else that it was made in.
import type { ObjectRef, Version } from './naive-model.ts';

/** The object that applied another one; a Helm release is no object. */
export type Mark = Pick<ObjectRef, 'kind' | 'namespace' | 'name'>;
export interface SpanContext {
  traceId: string;
  spanId: string;
}

type Texts = Record<string, string | undefined>;

/** The first that says both a name and a namespace. */
export function markOf({ ref, metadata }: Version): Mark | undefined {
  const { labels = {}, annotations = {} }: { labels?: Texts; annotations?: Texts } = metadata;
  const flux = 'toolkit.fluxcd.io';
  const marks = [
    mark('Kustomization', labels, `kustomize.${flux}/name`, `kustomize.${flux}/namespace`),
    mark('HelmRelease', labels, `helm.${flux}/name`, `helm.${flux}/namespace`),
    application(ref, annotations['argocd.argoproj.io/tracking-id']),
    mark('Release', annotations, 'meta.helm.sh/release-name', 'meta.helm.sh/release-namespace'),
  ];
  return marks.find((found) => found !== undefined);
}

function mark(kind: string, texts: Texts, ofName: string, ofNamespace: string): Mark | undefined {
  const [name, namespace] = [texts[ofName], texts[ofNamespace]];
  return name && namespace ? { kind, namespace, name } : undefined;
}

/** `[appns_]app:group/Kind:ns/name`; of a copied object the id names another one. */
function application(ref: ObjectRef, trackingId = ''): Mark | undefined {
  const [, namespace = 'argocd', name, object] =
    /^(?:([^_:]*)_)?([^:]+):(.*)$/.exec(trackingId) ?? [];
  const group = ref.apiVersion.includes('/') ? ref.apiVersion.split('/')[0] : '';
  const isThis = object === `${group}/${ref.kind}:${ref.namespace}/${ref.name}`;
  return name && isThis ? { kind: 'Application', namespace, name } : undefined;
}

const CONTEXT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}$/;

/** The first annotation that holds a W3C traceparent, in whatever form. */
export function traceparentOf(annotations: Texts): SpanContext | undefined {
  const inJson = (tool: string): string | undefined =>
    /"traceparent"\s*:\s*"([^"]*)"/.exec(annotations[`tekton.dev/${tool}SpanContext`] ?? '')?.[1];
  const argo = annotations['workflows.argoproj.io/trace-id'] ?? '';
  const texts = [
    annotations['tracing.k8s.io/traceparent'],
    annotations.traceparent,
    ...['pipelinerun', 'taskrun', 'customrun'].map(inJson),
    `00-${argo}-${argo.slice(16)}-00`,
  ];
  const [, traceId, spanId] =
    texts.map((text) => CONTEXT.exec(text ?? '')).find((found) => found !== null) ?? [];
  return traceId && spanId ? { traceId, spanId } : undefined;
}
