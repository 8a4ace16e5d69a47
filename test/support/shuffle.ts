// The same recording as it might have arrived on another day: Events come later by up to 4 s, each by
// its own delay, and some come twice. Metadata keeps its place and the frames of one object their
// order, as the API server promises. A seed gives the same shuffle everywhere.

import { randomFrom } from '../../src/bench/random.ts';
import { framesOf, inputOf } from './frames.ts';

const DELAY_MAX_MS = 4000;
const DOUBLED_SHARE = 0.1;

/** The shuffled recording; every frame must carry receivedAt. */
export function shuffle(input: Uint8Array, seed: number): Uint8Array {
  const random = randomFrom(seed);
  const newest = new Map<string, number>();
  const frames = framesOf(input).flatMap((frame) => {
    const at = Date.parse(frame.receivedAt);
    if (frame.object.kind !== 'Event') return [{ frame, at }];
    const { uid } = frame.object.metadata;
    const late = Math.max(at + Math.floor(random() * DELAY_MAX_MS), newest.get(uid) ?? 0);
    newest.set(uid, late);
    const moved = { frame: { ...frame, receivedAt: new Date(late).toISOString() }, at: late };
    return random() < DOUBLED_SHARE ? [moved, moved] : [moved];
  });
  frames.sort((a, b) => a.at - b.at);
  return inputOf(frames.map(({ frame }) => frame));
}
