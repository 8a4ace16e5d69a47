// Makes the sink that the settings ask for.
import { join } from 'node:path';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Config } from '../config.js';
import { DEFAULT_DESTINATION } from '../destinations.js';
import { ConfigError } from '../errors.js';
import type { OtlpEndpoint } from '../otlp-endpoint.js';
import { BatchingSink, type BatchLimits } from './batching.js';
import { DestinationsSink } from './destinations.js';
import { NoneSink } from './none.js';
import { OtlpGrpcTarget } from './otlp-grpc.js';
import { OtlpHttpTarget } from './otlp-http.js';
import { OtlpJsonTarget } from './otlp-json.js';
import { Output } from './output.js';
import { PersistentTarget } from './persistent.js';
import type { SpanSink } from './sink.js';
import { SpanExporterTarget } from './span-exporter.js';
import { Spool } from './spool.js';
import { TreeSink } from './tree.js';

/**
 * By `config.format`; the file of `config.out` is made here, empty. `endpoint` is asked for by otlp, which
 * tells a line when spans begin not to arrive, and what else a person should know.
 */
export function openSink(
  config: Config,
  endpoint: () => OtlpEndpoint,
  onNotice: (line: string) => void,
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
      return openDestinations(config, endpoint(), onNotice);
  }
}

/** Spans for an exporter of OpenTelemetry JS, one batch at a time. */
export function exporterSink(exporter: SpanExporter, config: Config): SpanSink {
  return new BatchingSink(new SpanExporterTarget(exporter), oneAtATime(config));
}

function openDestinations(
  config: Config,
  endpoint: OtlpEndpoint,
  onNotice: (line: string) => void,
): SpanSink {
  const { destinations, spoolDir } = config;
  if (destinations.length === 0) return openOtlp(config, { endpoint, spoolDir, onNotice });
  const named = destinations.map(({ name, endpoint }) => {
    return { name, endpoint, spoolDir: spoolDir && join(spoolDir, name) };
  });
  const sinks = [{ name: DEFAULT_DESTINATION, endpoint, spoolDir }, ...named].map((one) => {
    const onItsNotice = (line: string) => onNotice(`destination ${one.name}: ${line}`);
    return { name: one.name, sink: openOtlp(config, { ...one, onNotice: onItsNotice }) };
  });
  return new DestinationsSink(sinks, onNotice);
}

interface BackEnd {
  endpoint: OtlpEndpoint;
  spoolDir: string;
  onNotice: (line: string) => void;
}

function openOtlp(config: Config, { endpoint, spoolDir, onNotice }: BackEnd): SpanSink {
  const { exportTimeoutMs: timeoutMs, exportsInFlight: inFlight, exportGiveUpMs } = config;
  const Target = endpoint.protocol === 'grpc' ? OtlpGrpcTarget : OtlpHttpTarget;
  const target = new Target(endpoint, { timeoutMs, inFlight, onNotice });
  const persistent = new PersistentTarget(target, { giveUpMs: exportGiveUpMs, onNotice });
  const bytesMax = config.spoolBytesMax;
  const spool = spoolDir ? Spool.open(spoolDir, { bytesMax, onNotice }) : undefined;
  return new BatchingSink(persistent, { ...oneAtATime(config), inFlight }, spool);
}

function openOutput(out: string): Output {
  return out ? Output.file(out) : Output.stdout();
}

function oneAtATime(config: Config): BatchLimits {
  return {
    batchSpans: config.exportBatchSpans,
    batchBytes: config.exportBatchBytes,
    roomBytes: config.exportRoomBytes,
    roomSpans: config.exportQueueSpans,
    delayMs: config.exportDelayMs,
    inFlight: 1,
  };
}
