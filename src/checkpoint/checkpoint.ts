// A checkpoint: the state of the engine, the position in the cluster's streams at which it was taken,
// and the spans that go out with it, as bytes of a file and back. What does not come from this
// program, in this version and about this cluster, or is not what was written, is refused with the
// reason in one line.
import { createHash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import type { EngineSnapshot } from '../engine.js';
import { StateError } from '../errors.js';
import type { ClusterPosition } from '../ingest/watch-view.js';
import type { FinishedSpans } from './outbox.js';

export interface Checkpoint {
  /** Names the cluster: a uid where it lets it be read. */
  cluster: string;
  position: ClusterPosition;
  /** Of all before the position. */
  engine: EngineSnapshot;
  /** That were finished by then, and may not have got where they should. */
  spans: FinishedSpans[];
}

const MAGIC = 'kspan checkpoint 1\n';
const DIGEST_BYTES = 32;

export function encodeCheckpoint(checkpoint: Checkpoint): Buffer {
  const body = serialize(checkpoint);
  return Buffer.concat([Buffer.from(MAGIC), digestOf(body), body]);
}

/** Throws a StateError when the bytes are no checkpoint of this cluster. */
export function decodeCheckpoint(bytes: Buffer, cluster: string): Checkpoint {
  const start = MAGIC.length + DIGEST_BYTES;
  const magic = bytes.toString('latin1', 0, MAGIC.length);
  if (magic !== MAGIC) throw refused('it is no checkpoint, or one of another version');
  const body = bytes.subarray(start);
  if (!digestOf(body).equals(bytes.subarray(MAGIC.length, start))) throw refused('it is damaged');
  const checkpoint = decoded(body);
  if (checkpoint.cluster === cluster) return checkpoint;
  throw refused(`it is of another cluster, ${checkpoint.cluster}`);
}

/** The digest is right, so only a Node that is older than the writer's cannot read it. */
function decoded(body: Buffer): Checkpoint {
  try {
    return deserialize(body);
  } catch (error) {
    throw refused('it was written under a newer Node', error);
  }
}

function digestOf(body: Buffer): Buffer {
  return createHash('sha256').update(body).digest();
}

function refused(reason: string, cause?: unknown): StateError {
  return new StateError('state_refused', reason, cause);
}
