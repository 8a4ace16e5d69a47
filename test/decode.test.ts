// The crate writes OTLP itself. A protobuf library that knows nothing of kspan reads the same spans from
// it as from what OpenTelemetry's own serializer writes for the same data.
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { describe, expect, test } from 'vitest';
import { correlateNaively } from './support/naive-correlator.ts';
import { decodeOtlp } from './support/otlp.ts';
import { SCENARIOS } from './support/scenarios.ts';
import { dump, readableSpan } from './support/spans.ts';
import { correlateInProcess } from './support/wasm-correlator.ts';

describe('the encoded bytes', () => {
  for (const { name, input } of SCENARIOS)
    test(`${name}: read as OpenTelemetry's serializer writes them`, () => {
      const spans = correlateNaively(input);
      const reference = ProtobufTraceSerializer.serializeRequest(spans.map(readableSpan))!;
      expect(dump(decodeOtlp(correlateInProcess(input)))).toBe(dump(decodeOtlp(reference)));
      expect(dump(decodeOtlp(reference))).toBe(dump(spans));
    });
});
