// Recordings as lists of frames, for tests that change them.

// biome-ignore lint/suspicious/noExplicitAny: a frame holds any object
export type Frame = { type: string; receivedAt: string; object: any };

/** The frames of newline-delimited JSON. */
export function framesOf(input: Uint8Array): Frame[] {
  const lines = new TextDecoder().decode(input).split('\n');
  return lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line));
}

/** Newline-delimited JSON of frames. */
export function inputOf(frames: Frame[]): Uint8Array {
  return new TextEncoder().encode(frames.map((frame) => `${JSON.stringify(frame)}\n`).join(''));
}

/** The recording of somebody who may read Events and nothing else. */
export function withoutMetadata(input: Uint8Array): Uint8Array {
  return inputOf(framesOf(input).filter((frame) => frame.object.kind === 'Event'));
}
