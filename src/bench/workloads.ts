// The workloads by name: what a recording of each holds is at its generator.
import { generateMixed, type WorkloadOptions } from './mixed.js';
import { generateSteady } from './steady.js';

/** Each yields Buffers of whole lines. */
export const WORKLOADS: Readonly<Record<string, (options: WorkloadOptions) => Iterable<Buffer>>> = {
  mixed: generateMixed,
  steady: generateSteady,
};
