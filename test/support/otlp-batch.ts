// One batch of spans, and targets that send it as `--format otlp` does, without a process around them.
import type { BatchTarget, SendResult } from '../../src/export/batching.ts';
import { OtlpGrpcTarget } from '../../src/export/otlp-grpc.ts';
import { OtlpHttpTarget, type OtlpOptions } from '../../src/export/otlp-http.ts';
import type { DeliveryFailure } from '../../src/export/persistent.ts';
import type { OtlpEndpoint } from '../../src/otlp-endpoint.ts';
import { decodeOtlp } from './otlp.ts';
import { scenario } from './scenarios.ts';
import { correlateInProcess } from './wasm-correlator.ts';

const bytes = correlateInProcess(scenario('rollout').input);
export const batch = { bytes, spanCount: decodeOtlp(bytes).length };

/** ExportTraceServiceResponse { partial_success { rejected_spans, error_message } } */
export function partialSuccess(rejected: number, words: string): Buffer {
  const text = Buffer.from(words);
  const content = Buffer.from([8, rejected, 18, text.length, ...text]);
  return Buffer.from([10, content.length, ...content]);
}

/** A target whose lines are kept. */
export function openTarget(
  endpoint: Partial<OtlpEndpoint> & { url: string },
  options: Partial<OtlpOptions> = {},
) {
  const lines: string[] = [];
  const whole: OtlpEndpoint = {
    protocol: 'http/protobuf',
    headers: {},
    compression: 'none',
    tls: {},
    ...endpoint,
  };
  const Target = whole.protocol === 'grpc' ? OtlpGrpcTarget : OtlpHttpTarget;
  const onNotice = (line: string) => lines.push(line);
  const target = new Target(whole, { timeoutMs: 20_000, inFlight: 4, onNotice, ...options });
  return { target, lines };
}

/** What became of the batch, one way or the other. */
export function outcomeOf(target: BatchTarget): Promise<SendResult | DeliveryFailure> {
  return target.send(batch).catch((error: DeliveryFailure) => error);
}
