// What happens in a storm of Events: copies of the five recordings, each about objects of its own. In go
// numbers of copies and their second, out come lines of what is chosen of their frames. For
// live-server.mjs and past.mjs.
import { SCENARIOS } from './generate.mjs';
import { compileRecording } from './template.mjs';

const VERSIONS_PER_COPY = 10_000;

/** `count` copies from number `first` on; all that happens in them happens in this second. */
export function copiesFrom(first, count, second) {
  return Array.from({ length: count }, (_, index) => {
    const number = first + index;
    return {
      number,
      id: `c${number}`,
      moved: () => second,
      versionShift: number * VERSIONS_PER_COPY,
    };
  });
}

/** Renders the frames that `select` makes of each copy's recording. */
export function stormLines(select) {
  const lines = (frames) =>
    select(frames.map(({ frame }) => frame)).map((it) => JSON.stringify(it));
  const templates = SCENARIOS.map((file) => compileRecording(file, lines));
  const templateOf = ({ number }) => templates[number % templates.length];
  return {
    render: (copies) => copies.map((copy) => templateOf(copy).render(copy)).join(''),
    occurrences: (copies) => copies.reduce((sum, copy) => sum + templateOf(copy).occurrences, 0),
  };
}

/** The newest version of every object but Events. */
export function newestObjects(frames) {
  const newest = new Map();
  for (const { type, object } of frames) {
    if (object.kind !== 'Event' && type !== 'DELETED') newest.set(object.metadata.uid, object);
  }
  return [...newest.values()];
}
