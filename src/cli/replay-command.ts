// `kspan replay`: settings, inputs and sink, then the run with its signals, progress and summary.
// Returns the exit code; throws what ends a run without a summary.
import { statSync } from 'node:fs';
import { type Environment, loadConfig, otlpEndpoint } from '../config-load.js';
import { type Engine, replay } from '../engine.js';
import { ConfigError, KspanError } from '../errors.js';
import { openSink } from '../export/open-sink.js';
import { measureInputs } from '../ingest/replay.js';
import type { ReplayCommand } from './arguments.js';
import { startProgress } from './progress.js';
import { Shutdown } from './shutdown.js';
import { isClean, summaryLine, warningLine } from './summary.js';

/** After these the account of the run is of use: something was read, or delivered. */
const WITH_SUMMARY = new Set(['input_failed', 'delivery_failed']);

export async function replayCommand(command: ReplayCommand, env: Environment): Promise<number> {
  const { inputs, flags } = command;
  const config = loadConfig(flags, env);
  const totalBytes = await measureInputs(inputs);
  if (config.out) requireOther(config.out, inputs);
  const sink = openSink(config, () => otlpEndpoint(env));
  const shutdown = new Shutdown(config.shutdownTimeoutMs);
  const progress = startProgress(totalBytes, config);
  let engine: Engine | undefined;
  const onStart = (started: Engine) => {
    engine = started;
  };
  const { signal } = shutdown;
  const run = replay({ inputs, config, sink, signal, onRead: progress.advance, onStart });
  try {
    const outcome = await Promise.race([run, shutdown.expired]);
    if (outcome === 'expired') await engine?.abandon();
    progress.stop();
    report(engine);
  } catch (error) {
    progress.stop();
    if (!(error instanceof KspanError) || !WITH_SUMMARY.has(error.code)) throw error;
    report(engine);
    console.error(`kspan: ${error.message}`);
    return shutdown.exitCode ?? error.exitCode;
  } finally {
    shutdown.dispose();
  }
  const failed = config.strict && engine && !isClean(engine.summary());
  return shutdown.exitCode ?? (failed ? 1 : 0);
}

function report(engine: Engine | undefined): void {
  if (!engine) return;
  const summary = engine.summary();
  const warning = warningLine(summary);
  if (warning) console.error(`kspan: warning: ${warning}`);
  console.error(summaryLine(summary));
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
