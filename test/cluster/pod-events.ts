// Events of one Pod, as its kubelet writes them, in any number, for `kubectl create`.

/** What a test reads of an object. */
export interface Named {
  metadata: { namespace: string; name: string; uid: string };
}

/** A List of Events about the same, each an Event of its own. */
export function podEvents({ metadata }: Named, count: number): object {
  const { namespace, name, uid } = metadata;
  const at = new Date().toISOString().replace(/\.\d+/, '');
  const items = Array.from({ length: count }, (_, n) => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace, generateName: `${name}.` },
    involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace, name, uid },
    reason: 'Unhealthy',
    message: `Readiness probe failed: ${n}`,
    type: 'Warning',
    source: { component: 'kubelet', host: 'hollow-1' },
    firstTimestamp: at,
    lastTimestamp: at,
    count: 1,
  }));
  return { apiVersion: 'v1', kind: 'List', items };
}
