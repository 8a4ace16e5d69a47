// What happens in a live cluster: copies of real recordings, each about objects of its own, at the time of
// its writing, as lines of a watch. The types of bench/storm.mjs, and what a watch shows of each resource.

export interface Resource {
  name: string;
  kind: string;
  path: string;
}

export type Copy = { number: number };

interface Lines {
  render(copies: Copy[]): string;
  occurrences(copies: Copy[]): number;
}

interface Script {
  RESOURCES: { base: string; name: string; kind: string }[];
  copiesFrom(first: number, count: number, second: number): Copy[];
  stormLines(select: (frames: object[]) => object[]): Lines;
  eventFrames(frames: object[]): object[];
  metadataFrames(frames: object[], type: string, kind: string): object[];
}

const script: Script = await import(new URL('../../bench/storm.mjs', import.meta.url).href);

export const RESOURCES: Resource[] = script.RESOURCES.map(({ base, name, kind }) => {
  return { name, kind, path: `${base}/${name}` };
});

export const EVENTS: Resource = { name: 'events', kind: 'Event', path: '/api/v1/events' };

export class Storm {
  readonly #events = script.stormLines(script.eventFrames);
  readonly #metadata = new Map(
    RESOURCES.map(({ name, kind }) => {
      const lines = (type: string) =>
        script.stormLines((frames) => script.metadataFrames(frames, type, kind));
      return [name, { added: lines('ADDED'), deleted: lines('DELETED') }];
    }),
  );
  #copies = 0;

  /** What happens next. */
  next(): Copy[] {
    return script.copiesFrom(this.#copies++, 1, Math.floor(Date.now() / 1000));
  }

  /** The lines about one resource: of Events that were written, of objects that came and went. */
  render({ name }: Resource, born: Copy[], dying: Copy[]): string {
    const { added, deleted } = this.#metadata.get(name) ?? {
      added: this.#events,
      deleted: undefined,
    };
    return added.render(born) + (deleted?.render(dying) ?? '');
  }

  /** Events in them. */
  occurrences(copies: Copy[]): number {
    return this.#events.occurrences(copies);
  }
}
