// The sink of `--format none`: spans are counted elsewhere and go nowhere.
import { NOTHING_LOST, type SpanSink } from './sink.js';

export class NoneSink implements SpanSink {
  readonly failed = false;
  readonly lost = NOTHING_LOST;

  async write(): Promise<void> {}
  async flush(): Promise<void> {}
  async close(): Promise<void> {}
  abandon(): void {}
}
