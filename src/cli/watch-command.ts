// `kspan watch`: settings, cluster and sink, then the run until a signal, and its summary. Returns the
// exit code: 0 also after a signal, since that is how it ends.
import type { Config } from '../config.js';
import { type Environment, loadConfig, otlpEndpoint } from '../config-load.js';
import { watch } from '../engine.js';
import { ConfigError } from '../errors.js';
import { openSink } from '../export/open-sink.js';
import { connect } from '../ingest/kube-client.js';
import type { Recorder } from '../ingest/recorder.js';
import type { WatchCommand } from './arguments.js';
import { openRecorder, recordedLine } from './record-command.js';
import { runCommand } from './run-command.js';

export async function watchCommand({ flags }: WatchCommand, env: Environment): Promise<number> {
  const config = loadConfig(flags, env, { format: 'otlp' });
  if (config.captureTo) requireOther(config);
  const client = await connect(config);
  try {
    const sink = openSink(config, () => otlpEndpoint(env));
    const recorder = config.captureTo ? openRecorder(config.captureTo, config) : undefined;
    const onNotice = (line: string) => console.error(`kspan: warning: ${line}`);
    try {
      const run = await runCommand(config, (hooks) =>
        watch({ client, config, sink, onNotice, recorder, ...hooks }),
      );
      return run.exitCode;
    } finally {
      if (recorder) await finish(recorder);
    }
  } finally {
    await client.close();
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
