// CPU time of the calling thread alone, which Node 20 does not tell.
import { readFileSync } from 'node:fs';

const NANOS_PER_MICRO = 1000;

/** Microseconds since the thread began; undefined where nothing tells them. */
export function threadCpuMicros(): number | undefined {
  const { threadCpuUsage } = process as { threadCpuUsage?: () => NodeJS.CpuUsage };
  if (threadCpuUsage) {
    const { user, system } = threadCpuUsage();
    return user + system;
  }
  try {
    // The first number: time on a CPU in ns (Linux, Documentation/scheduler/sched-stats.rst).
    const [nanos] = readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ');
    return Number(nanos) / NANOS_PER_MICRO;
  } catch {
    return undefined;
  }
}
