// A thread that answers one message after the other, for memory.mjs and past.mjs.
import { on } from 'node:events';
import { Worker } from 'node:worker_threads';

/** Starts it; `ask` gives its answer to one message. */
export function startWorker(url, workerData) {
  const worker = new Worker(url, { workerData });
  const answers = on(worker, 'message');
  return {
    async ask(message, transfer = []) {
      worker.postMessage(message, transfer);
      return (await answers.next()).value[0];
    },
    end: () => worker.terminate(),
  };
}
