// What happens in a live cluster: copies of real recordings, each about objects of its own, at the time of
// its writing, as lines of a watch. The types of bench/storm.mjs, and what a watch shows of each resource.

export interface Resource {
  name: string;
  kind: string;
  path: string;
}

export type Copy = { number: number };

interface Frame {
  type: string;
  object: { kind: string; metadata: object };
}

interface Lines {
  render(copies: Copy[]): string;
  occurrences(copies: Copy[]): number;
}

interface Script {
  copiesFrom(first: number, count: number, second: number): Copy[];
  stormLines(select: (frames: Frame[]) => object[]): Lines;
  newestObjects(frames: Frame[]): Frame['object'][];
}

export const RESOURCES: Resource[] = (
  [
    ['/api/v1', 'namespaces', 'Namespace'],
    ['/api/v1', 'pods', 'Pod'],
    ['/apis/apps/v1', 'deployments', 'Deployment'],
    ['/apis/apps/v1', 'replicasets', 'ReplicaSet'],
    ['/apis/apps/v1', 'statefulsets', 'StatefulSet'],
    ['/apis/apps/v1', 'daemonsets', 'DaemonSet'],
    ['/apis/batch/v1', 'jobs', 'Job'],
    ['/apis/batch/v1', 'cronjobs', 'CronJob'],
  ] as const
).map(([base, name, kind]) => ({ name, kind, path: `${base}/${name}` }));

export const EVENTS: Resource = { name: 'events', kind: 'Event', path: '/api/v1/events' };

export interface Storm {
  /** What happens next. */
  next(): Copy[];
  /** The lines about one resource: of Events that were written, of objects that came and went. */
  render(resource: Resource, born: Copy[], dying: Copy[]): string;
  occurrences(copies: Copy[]): number;
}

export async function stormOf(): Promise<Storm> {
  const script = new URL('../../bench/storm.mjs', import.meta.url);
  const { copiesFrom, stormLines, newestObjects }: Script = await import(script.href);
  const objects = (type: string, kind: string) =>
    stormLines((frames) => {
      const own = newestObjects(frames).filter((object) => object.kind === kind);
      const partial = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' };
      return own.map(({ metadata }) => ({ type, object: { ...partial, metadata } }));
    });
  const events = stormLines((frames) =>
    frames
      .filter(({ object }) => object.kind === 'Event')
      .map(({ type, object }) => ({ type, object })),
  );
  const metadata = new Map(
    RESOURCES.map(({ name, kind }) => {
      return [name, { added: objects('ADDED', kind), deleted: objects('DELETED', kind) }];
    }),
  );
  let copies = 0;
  return {
    next: () => copiesFrom(copies++, 1, Math.floor(Date.now() / 1000)),
    render({ name }, born, dying) {
      const { added, deleted } = metadata.get(name) ?? { added: events, deleted: undefined };
      return added.render(born) + (deleted?.render(dying) ?? '');
    },
    occurrences: events.occurrences,
  };
}
