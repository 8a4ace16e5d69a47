// Recordings of a given number of Events, made while they are read: a million Events with what they are
// about are ten gigabytes, and are never kept. See src/bench/mixed.ts.

import { generateMixed } from '../../src/bench/mixed.ts';

/** Chunks until there are so many Events, and those of the last copy that was begun. */
export async function* recordingOf(events: number, seed = 1): AsyncGenerator<Buffer> {
  let made = 0;
  const onCopy = ({ occurrences }: { occurrences: number }) => {
    made += occurrences;
  };
  for (const copy of generateMixed({ bytes: Number.POSITIVE_INFINITY, seed, onCopy })) {
    yield copy;
    if (made >= events) return;
  }
}
