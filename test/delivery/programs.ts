// The real back end that spans are delivered to: an OpenTelemetry Collector.
import { GoModule } from '../peers/go-module.ts';

export const PROGRAMS = new GoModule({
  name: 'delivery',
  sources: new URL('go/', import.meta.url),
  packages: { collector: '.' },
});
