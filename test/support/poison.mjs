// Given to node with --import: in worker threads, a Correlator that is pushed bytes with a marker fails.
// KSPAN_POISON has the marker; KSPAN_POISON_ENDS=1 ends the thread there, instead of a trap. With
// KSPAN_POISON_SNAPSHOTS=1 every snapshot fails.
import { isMainThread } from 'node:worker_threads';

const { KSPAN_POISON, KSPAN_POISON_ENDS, KSPAN_POISON_SNAPSHOTS } = process.env;

if (!isMainThread) {
  WebAssembly.Instance = class extends WebAssembly.Instance {
    get exports() {
      return poisoned(super.exports);
    }
  };
}

function poisoned(exports) {
  const marker = KSPAN_POISON && Buffer.from(KSPAN_POISON);
  return {
    ...exports,
    correlator_push(correlator, at, length) {
      if (marker && Buffer.from(exports.memory.buffer, at, length).includes(marker)) trap();
      return exports.correlator_push(correlator, at, length);
    },
    correlator_snapshot(...given) {
      if (KSPAN_POISON_SNAPSHOTS) trap();
      return exports.correlator_snapshot(...given);
    },
  };
}

function trap() {
  if (KSPAN_POISON_ENDS) process.exit(3);
  throw new WebAssembly.RuntimeError('unreachable');
}
