// What runs in a worker thread: one Correlator. A request comes in, its reply goes out (protocol.ts).
// A trap is reported once and leaves the Correlator unusable; whatever is asked after it fails too.
import { workerData } from 'node:worker_threads';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { reasonOf } from '../errors.js';
import { WasmCorrelator, wasmMemoryBytes } from '../wasm.js';
import type {
  SnapshotReply,
  SpansReply,
  WorkerReply,
  WorkerRequest,
  WorkerStart,
} from './protocol.js';

const { module, settings, snapshot } = workerData as WorkerStart;
let correlator: WasmCorrelator | undefined = snapshot
  ? WasmCorrelator.restore(module, settings, snapshot)
  : new WasmCorrelator(module, settings);

/** Answers one request of the pool. */
export default function answer(request: WorkerRequest): unknown {
  if (!correlator) return failed('it is asked after it has failed');
  switch (request.type) {
    case 'ready':
      return { type: 'ready', ...look(correlator) } satisfies WorkerReply;
    case 'batch':
      return attempt(correlator, (current) => correlate(current, request.bytes));
    case 'snapshot':
      return attempt(correlator, (current) => ({ type: 'snapshot', bytes: current.snapshot() }));
    default:
      return unknown(request);
  }
}

function correlate(current: WasmCorrelator, batch: Uint8Array): SpansReply {
  current.push(batch);
  return { type: 'spans', spans: current.drain(), ...look(current) };
}

function look(current: WasmCorrelator): Pick<SpansReply, 'counts' | 'memoryBytes'> {
  return { counts: current.counts(), memoryBytes: wasmMemoryBytes(module) };
}

function attempt(
  current: WasmCorrelator,
  work: (current: WasmCorrelator) => SpansReply | SnapshotReply,
): unknown {
  try {
    return moved(work(current));
  } catch (error) {
    correlator = undefined;
    return failed(reasonOf(error));
  }
}

/** The reply with its bytes marked to be transferred, as Piscina wants to be told. */
function moved(reply: SpansReply | SnapshotReply): unknown {
  return move({
    get [transferableSymbol]() {
      const sent = reply.type === 'spans' ? reply.spans : [reply];
      return sent.map(({ bytes }) => bytes.buffer);
    },
    get [valueSymbol]() {
      return reply;
    },
  });
}

function failed(reason: string): WorkerReply {
  return { type: 'failed', reason };
}

function unknown(request: never): WorkerReply {
  return failed(`it does not know the request ${JSON.stringify(request)}`);
}
