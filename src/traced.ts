// kspan's own work as spans, for whoever has registered a TracerProvider of OpenTelemetry: the command
// line does for `--self-traces`, a program that uses the library may. Without one a span costs nothing.
// A span is about a batch, a checkpoint, a worker: never about an Event.
import { type Attributes, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { reasonOf } from './errors.js';

/** Does the work inside a span, which has the reason when it fails. */
export async function traced<T>(
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const span = trace.getTracer('kspan').startSpan(name, { attributes });
  try {
    return await work(span);
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: reasonOf(error) });
    throw error;
  } finally {
    span.end();
  }
}
