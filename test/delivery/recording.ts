// Recordings of a given number of Events, made while they are read: a million Events with what they are
// about are ten gigabytes, and are never kept. See bench/generate.mjs.

interface Generator {
  generateRecording(options: {
    bytes: number;
    seed: number;
    onCopy: (copy: { occurrences: number }) => void;
  }): Iterable<Buffer>;
}

/** Chunks until there are so many Events, and those of the last copy that was begun. */
export async function* recordingOf(events: number, seed = 1): AsyncGenerator<Buffer> {
  const script = new URL('../../bench/generate.mjs', import.meta.url);
  const { generateRecording }: Generator = await import(script.href);
  let made = 0;
  const onCopy = ({ occurrences }: { occurrences: number }) => {
    made += occurrences;
  };
  for (const copy of generateRecording({ bytes: Number.POSITIVE_INFINITY, seed, onCopy })) {
    yield copy;
    if (made >= events) return;
  }
}
