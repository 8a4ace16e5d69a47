// Makes the sink that the settings ask for.
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Config } from '../config.js';
import type { OtlpEndpoint } from '../config-load.js';
import { DEFAULT_DESTINATION } from '../destinations.js';
import { ConfigError } from '../errors.js';
import { BatchingSink, type BatchLimits } from './batching.js';
import { DestinationsSink } from './destinations.js';
import { NoneSink } from './none.js';
import { OtlpTarget } from './otlp.js';
import { OtlpJsonTarget } from './otlp-json.js';
import { Output } from './output.js';
import { PersistentTarget } from './persistent.js';
import type { SpanSink } from './sink.js';
import { SpanExporterTarget } from './span-exporter.js';
import { TreeSink } from './tree.js';

/**
 * By `config.format`; the file of `config.out` is made here, empty. `endpoint` is asked for by otlp, which
 * tells a line when spans begin not to arrive.
 */
export function openSink(
  config: Config,
  endpoint: () => OtlpEndpoint,
  onTrouble: (line: string) => void = () => {},
): SpanSink {
  const { format, out } = config;
  if (out && format !== 'tree' && format !== 'otlp-json') {
    const message = `--out goes with --format tree and otlp-json, not with ${format}`;
    throw new ConfigError('config_invalid', message);
  }
  switch (format) {
    case 'none':
      return new NoneSink();
    case 'tree':
      return new TreeSink(openOutput(out), config.treeSpansMax);
    case 'otlp-json':
      return new BatchingSink(new OtlpJsonTarget(openOutput(out)), oneAtATime(config));
    case 'otlp':
      return openDestinations(config, endpoint(), onTrouble);
  }
}

/** Spans for an exporter of OpenTelemetry JS, one batch at a time. */
export function exporterSink(exporter: SpanExporter, config: Config): SpanSink {
  return new BatchingSink(new SpanExporterTarget(exporter), oneAtATime(config));
}

function openDestinations(
  config: Config,
  endpoint: OtlpEndpoint,
  onTrouble: (line: string) => void,
): SpanSink {
  const { destinations } = config;
  if (destinations.length === 0) return openOtlp(config, endpoint, onTrouble);
  const all = [{ name: DEFAULT_DESTINATION, endpoint }, ...destinations];
  const sinks = all.map(({ name, endpoint }) => {
    const onItsTrouble = (line: string) => onTrouble(`destination ${name}: ${line}`);
    return { name, sink: openOtlp(config, endpoint, onItsTrouble) };
  });
  return new DestinationsSink(sinks, onTrouble);
}

function openOtlp(
  config: Config,
  endpoint: OtlpEndpoint,
  onTrouble: (line: string) => void,
): SpanSink {
  const { exportTimeoutMs: timeoutMs, exportsInFlight: inFlight, exportGiveUpMs } = config;
  const target = new OtlpTarget({ ...endpoint, timeoutMs, inFlight });
  const persistent = new PersistentTarget(target, { giveUpMs: exportGiveUpMs, onTrouble });
  return new BatchingSink(persistent, { ...oneAtATime(config), inFlight });
}

function openOutput(out: string): Output {
  return out ? Output.file(out) : Output.stdout();
}

function oneAtATime(config: Config): BatchLimits {
  return {
    batchSpans: config.exportBatchSpans,
    batchBytes: config.exportBatchBytes,
    queueSpans: config.exportQueueSpans,
    delayMs: config.exportDelayMs,
    inFlight: 1,
  };
}
