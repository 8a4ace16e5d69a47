// `kspan record`: settings, cluster and file, then the recording until a signal. Returns the exit code: 0
// also after a signal, since that is how it ends. `watch --capture-to` opens its recording here too.
import type { Config } from '../config.js';
import { type Environment, loadConfig } from '../config-load.js';
import { ExportError } from '../errors.js';
import { connect } from '../ingest/kube-client.js';
import { recordCluster, refuseSecrets } from '../ingest/record.js';
import { Recorder } from '../ingest/recorder.js';
import type { RecordCommand } from './arguments.js';
import { Shutdown } from './shutdown.js';

export async function recordCommand(command: RecordCommand, env: Environment): Promise<number> {
  const { file, flags } = command;
  const config = loadConfig(flags, env);
  refuseSecrets(config);
  const client = await connect(config);
  const recorder = openRecorder(file, config);
  const { shutdownTimeoutMs: timeoutMs } = config;
  const shutdown = new Shutdown(timeoutMs);
  const { signal } = shutdown;
  const onNotice = (line: string) => console.error(`kspan: warning: ${line}`);
  try {
    const recording = recordCluster({ client, config, recorder, signal, onNotice });
    if ((await Promise.race([recording, shutdown.expired])) !== 'expired') return 0;
    throw new ExportError('output_failed', `${file} could not be finished in ${timeoutMs} ms`);
  } finally {
    console.error(recordedLine(recorder));
    shutdown.dispose();
    await client.close();
  }
}

/** Makes the file at once. */
export function openRecorder(file: string, config: Config): Recorder {
  refuseSecrets(config);
  return new Recorder(file, config.recordBytesMax);
}

/** `recorded=116 bytes=20480 files=1`: frames, and what they take on the disk. */
export function recordedLine({ counts }: Recorder): string {
  const { frames, bytes, files, secrets } = counts;
  const rare = secrets > 0 ? ` secrets=${secrets}` : '';
  return `recorded=${frames} bytes=${bytes} files=${files}${rare}`;
}
