// Four sets of tests: `suite` is what `npm test` runs; `long` holds the proofs with a stated
// duration or count (`npm run test:long`); `delivery` those of delivery to a real OpenTelemetry Collector,
// which it builds (`npm run test:delivery`); `cluster` needs a Kubernetes cluster, and builds one of Go
// modules unless KUBECONFIG is set (`npm run test:cluster`). The environment variable
// KSPAN_PROOF_FACTOR shortens what has a stated duration or count by one factor. No test has a time
// limit: a slow machine is not a fault.
import { defineConfig } from 'vitest/config';

const unlimited = { testTimeout: 0, hookTimeout: 0, teardownTimeout: 60_000 };

export default defineConfig({
  test: {
    pool: 'forks',
    // One for each processor: most tests wait for processes and servers of their own.
    maxWorkers: '100%',
    projects: [
      { test: { name: 'suite', include: ['test/**/*.test.ts'], ...unlimited } },
      {
        test: {
          name: 'long',
          include: ['test/long/**/*.long.ts'],
          fileParallelism: false,
          ...unlimited,
        },
      },
      {
        test: {
          name: 'delivery',
          include: ['test/delivery/*.delivery.ts'],
          globalSetup: 'test/delivery/build.ts',
          fileParallelism: false,
          ...unlimited,
        },
      },
      {
        test: {
          name: 'cluster',
          include: ['test/cluster/*.cluster.ts'],
          globalSetup: 'test/cluster/build.ts',
          fileParallelism: false,
          ...unlimited,
        },
      },
    ],
  },
});
