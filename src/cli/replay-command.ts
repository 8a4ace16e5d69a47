// `kspan replay`: settings, inputs and sink, then the run with its signals, progress and summary.
// Returns the exit code; throws what ends a run without a summary.
import { statSync } from 'node:fs';
import { type Environment, loadConfig } from '../config-load.js';
import { ConfigError } from '../errors.js';
import { openSink } from '../export/open-sink.js';
import { measureInputs } from '../ingest/replay.js';
import { otlpEndpoint } from '../otlp-variables.js';
import { replay } from '../run.js';
import type { ReplayCommand } from './arguments.js';
import { startProgress } from './progress.js';
import { runCommand } from './run-command.js';

export async function replayCommand(command: ReplayCommand, env: Environment): Promise<number> {
  const { inputs, flags } = command;
  const config = loadConfig(flags, env);
  const totalBytes = await measureInputs(inputs);
  if (config.out) requireOther(config.out, inputs);
  const sink = openSink(
    config,
    () => otlpEndpoint(env, flags),
    (line) => console.error(`kspan: warning: ${line}`),
  );
  const progress = startProgress(totalBytes, config);
  const { exitCode, signalCode } = await runCommand(
    config,
    (hooks) => replay({ inputs, config, sink, onRead: progress.advance, onNotice, ...hooks }),
    progress.stop,
  );
  return signalCode ?? exitCode;
}

function onNotice(line: string): void {
  console.error(`kspan: ${line}`);
}

/** Making the output anew would destroy the input. */
function requireOther(out: string, inputs: readonly string[]): void {
  const target = statSync(out, { throwIfNoEntry: false });
  const same = inputs.find((input) => {
    const info = target && statSync(input, { throwIfNoEntry: false });
    return info?.isFile() && info.ino === target?.ino && info.dev === target.dev;
  });
  if (same) throw new ConfigError('config_invalid', `--out ${out} is the input ${same}`);
}
