// What runs in a worker thread: one Correlator. A request comes in, its reply goes out (protocol.ts).
// A trap is reported once and leaves the Correlator unusable; whatever is asked after it fails too.
import { workerData } from 'node:worker_threads';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { reasonOf } from '../errors.js';
import { WasmCorrelator } from '../wasm.js';
import type { SpansReply, WorkerReply, WorkerRequest, WorkerStart } from './protocol.js';

const { module, settings } = workerData as WorkerStart;
let correlator: WasmCorrelator | undefined = new WasmCorrelator(module, settings);

/** Answers one request of the pool. */
export default function answer(request: WorkerRequest): unknown {
  if (!correlator) return failed('it is asked after it has failed');
  switch (request.type) {
    case 'ready':
      return { type: 'ready' } satisfies WorkerReply;
    case 'batch':
      return correlate(correlator, request.bytes);
    default:
      return unknown(request);
  }
}

function correlate(current: WasmCorrelator, batch: Uint8Array): unknown {
  try {
    current.push(batch);
    const { bytes, spanCount } = current.drain();
    return moved({ type: 'spans', bytes, spanCount, counts: current.counts() });
  } catch (error) {
    correlator = undefined;
    return failed(reasonOf(error));
  }
}

/** The reply with its bytes marked to be transferred, as Piscina wants to be told. */
function moved(reply: SpansReply): unknown {
  return move({
    get [transferableSymbol]() {
      return [reply.bytes.buffer];
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
