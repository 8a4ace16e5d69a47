// kspan as a library: `createEngine` for an engine that is fed by a program, `replay` for recordings.
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { PartialConfig } from './config.js';
import { resolveConfig } from './config-load.js';
import { Engine, type RunSummary } from './engine.js';
import { ConfigError } from './errors.js';
import { exporterSink } from './export/open-sink.js';
import type { SpanSink } from './export/sink.js';
import { measureInputs } from './ingest/replay.js';
import { replay as replayInputs } from './run.js';

export type { Engine, RunSummary } from './engine.js';
export type { ErrorCode } from './errors.js';
export { ConfigError, ExportError, InputError, KspanError, WorkerError } from './errors.js';
export type { LostSpans, SpanSink } from './export/sink.js';
export type { RuleObject, RuleRow, RuleSample } from './rules.js';

/** Settings as in `kspan replay --help`, by the names of the configuration file, and where spans go. */
export interface EngineOptions extends Omit<PartialConfig, 'format' | 'out' | 'strict'> {
  /** Gets the spans as objects. It stays the caller's: the engine flushes it, and never shuts it down. */
  exporter?: SpanExporter;
  /** Gets the spans as OTLP bytes, instead of `exporter`. */
  sink?: SpanSink;
}

/**
 * An engine that is ready for input: `await engine.push(bytes)` for frames cut anywhere, or
 * `await engine.run(source)`, then `await engine.close()`. Throws a ConfigError when an option is wrong.
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { config, sink } = settle(options);
  return Engine.start(config, sink);
}

/**
 * Replays recordings (files, or `-` for standard input) as one stream to its end. Throws an InputError
 * when one cannot be read, an ExportError when spans were not delivered.
 */
export async function replay(
  inputs: readonly string[],
  options: EngineOptions & { signal?: AbortSignal },
): Promise<RunSummary> {
  const { config, sink } = settle(options);
  await measureInputs(inputs);
  return replayInputs({ inputs, config, sink, signal: options.signal });
}

function settle({ exporter, sink, ...settings }: EngineOptions) {
  const config = resolveConfig(settings);
  if (sink) return { config, sink };
  if (exporter) return { config, sink: exporterSink(exporter, config) };
  throw new ConfigError('config_invalid', 'createEngine needs an exporter or a sink for the spans');
}
