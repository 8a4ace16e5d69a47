// Sends the spans of kspan's own work (traced.ts) to an OTLP endpoint, by OpenTelemetry's own SDK and
// exporter and never through the engine's pipe: so they tell of a pipe that is stuck, and make no work
// in it. What does not arrive is dropped, and an endpoint that is away holds nothing up.
import { trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

/** For one request, and for the last one at the end. */
const TIMEOUT_MS = 2000;

export interface SelfTraces {
  /** Sends what is left. */
  close(): Promise<void>;
}

/** Until it is closed, what is traced goes to this URL, complete with its path. */
export function startSelfTraces(url: string): SelfTraces {
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: TIMEOUT_MS });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'kspan' }),
    spanProcessors: [new BatchSpanProcessor(exporter, { exportTimeoutMillis: TIMEOUT_MS })],
  });
  trace.setGlobalTracerProvider(provider);
  return {
    async close() {
      trace.disable();
      await provider.shutdown().catch(() => {});
    },
  };
}
