// `kspan watch`: settings, cluster and sink, then the run until a signal, and its summary; beside it
// the log and, where it is told so, the server of metrics, checkpoints and a recording. Returns the
// exit code: 0 also after a signal, since that is how it ends.
import { Checkpointer } from '../checkpoint/checkpointer.js';
import { Outbox } from '../checkpoint/outbox.js';
import { StateDir } from '../checkpoint/state-dir.js';
import type { Config } from '../config.js';
import { type Environment, loadConfig } from '../config-load.js';
import type { Engine } from '../engine.js';
import { ConfigError } from '../errors.js';
import { openSink } from '../export/open-sink.js';
import { Discovery } from '../ingest/discovery.js';
import { connect, type KubeClient } from '../ingest/kube-client.js';
import type { Recorder } from '../ingest/recorder.js';
import { LiveRun } from '../ops/live-run.js';
import { type Log, logRestart, openLog } from '../ops/log.js';
import { Metrics } from '../ops/metrics.js';
import { notReady } from '../ops/readiness.js';
import { OpsServer } from '../ops/server.js';
import { otlpEndpoint } from '../otlp-variables.js';
import { type LiveOptions, watch } from '../run.js';
import type { WatchCommand } from './arguments.js';
import { openRecorder, recordedLine } from './record-command.js';
import { type RunHooks, runCommand } from './run-command.js';

export async function watchCommand({ flags }: WatchCommand, env: Environment): Promise<number> {
  const config = loadConfig(flags, env, { format: 'otlp', exportGiveUpMs: 0 });
  if (config.captureTo) requireOther(config);
  if (config.stateDir) requireDelivery(config);
  const log = openLog(config.logLevel);
  const client = await connect(config);
  const live = new LiveRun();
  const server = await serve(config, live, log);
  try {
    const cluster = config.stateDir && (await clusterOf(client));
    const opened = openSink(
      config,
      () => otlpEndpoint(env, flags),
      (line) => log.warn(line),
    );
    const outbox = cluster ? new Outbox(opened, config.destinations) : undefined;
    live.checkpointer = outbox && openCheckpointer(config, cluster, outbox, log);
    const sink = outbox ?? opened;
    const recorder = config.captureTo ? openRecorder(config.captureTo, config) : undefined;
    log.info({ server: client.server, format: config.format }, 'watching');
    try {
      const run = await runCommand(config, (hooks) =>
        watch({ client, config, sink, recorder, ...watched(live, log, hooks) }),
      );
      return run.exitCode;
    } finally {
      if (recorder) await finish(recorder);
    }
  } finally {
    await client.close();
    await server?.close();
  }
}

async function finish(recorder: Recorder): Promise<void> {
  await recorder.close();
  console.error(recordedLine(recorder));
}

function requireOther({ captureTo, out }: Config): void {
  if (captureTo !== out) return;
  throw new ConfigError('config_invalid', `--capture-to and --out are the same file, ${out}`);
}

/** A tree is written at the end of the run, so a checkpoint before it would lose it. */
function requireDelivery({ format }: Config): void {
  if (format !== 'tree') return;
  const message = '--state-dir goes with --format otlp, otlp-json and none, not with tree';
  throw new ConfigError('config_invalid', message);
}

/** By what it is known again. */
async function clusterOf(client: KubeClient): Promise<string> {
  const discovery = new Discovery(client, new AbortController().signal);
  return (await discovery.clusterUid()) ?? client.server;
}

function openCheckpointer(config: Config, cluster: string, outbox: Outbox, log: Log) {
  const { stateDir, checkpointIntervalMs: intervalMs, outboxBytesMax } = config;
  return new Checkpointer({
    dir: StateDir.open(stateDir, cluster),
    outbox,
    intervalMs,
    outboxBytesMax,
    onNotice: (line) => log.warn(line),
    onResume: ({ clock }) => log.info({ from: new Date(clock) }, 'going on from a checkpoint'),
  });
}

async function serve({ metricsAddr }: Config, live: LiveRun, log: Log) {
  if (!metricsAddr) return undefined;
  const source = { metrics: new Metrics(live), notReady: () => notReady(live.look()) };
  const server = await OpsServer.listen(metricsAddr, source);
  log.info({ url: server.url }, 'metrics are served');
  return server;
}

/** Tells the log and the metrics of what happens. */
function watched(live: LiveRun, log: Log, { signal, onStart }: RunHooks) {
  live.signal = signal;
  signal.addEventListener('abort', () => log.info('ending'));
  return {
    signal,
    checkpointer: live.checkpointer,
    onStart: (engine: Engine) => {
      live.engine = engine;
      onStart(engine);
    },
    onOpen: (cluster) => {
      live.cluster = cluster;
    },
    onNotice: (line) => log.warn(line),
    onRestart: (report) => {
      live.countRestart(report);
      logRestart(log, report);
    },
  } satisfies Partial<LiveOptions>;
}
