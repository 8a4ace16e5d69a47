// The whole engine, threads and all, as a library user has it: bytes cut anywhere go in, and what the
// sink gets is the request that a back end would get.
import { createEngine, type SpanSink } from '../../dist/index.js';

const CHUNK_BYTES = 4000;
/** Small, so that a short recording too is many batches, more than may be in flight at once. */
const BATCH_BYTES = 2000;

/** The ExportTraceServiceRequest of a recording. */
export async function correlateInEngine(input: Uint8Array, shards: number): Promise<Uint8Array> {
  const written: Uint8Array[] = [];
  const sink: SpanSink = {
    write: async (bytes) => void written.push(bytes),
    flush: async () => {},
    close: async () => {},
    abandon: () => {},
    failed: false,
    lost: { occurrences: 0, synthetic: 0, refused: 0 },
  };
  const engine = await createEngine({ sink, shards, shardBatchBytes: BATCH_BYTES });
  for (let at = 0; at < input.length; at += CHUNK_BYTES)
    await engine.push(input.subarray(at, at + CHUNK_BYTES));
  await engine.close();
  return Buffer.concat(written);
}
