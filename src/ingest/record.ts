// Recording a live cluster, alone or beside what else is done with its frames. The frames go to a
// Recorder as they come, and are pulled no faster than it takes them. Alone, a Router that
// remembers little tells what was met, so that the same custom resources and lookups are recorded
// as watch has. Secrets are refused where they are asked for; the Recorder is the second wall.
import type { Config } from '../config.js';
import { listOf } from '../config-setting.js';
import { ConfigError, reasonOf } from '../errors.js';
import { compileWasm, type ObjectMet, WasmRouter } from '../wasm.js';
import type { Recorder } from './recorder.js';
import { type WatchOptions, watchCluster } from './watch.js';

/** Throws a ConfigError when Secrets are to be watched. */
export function refuseSecrets({ kinds }: Config): void {
  const secrets = listOf(kinds).find((name) => name.split('.')[0] === 'secrets');
  if (!secrets) return;
  throw new ConfigError('config_invalid', `--kinds ${secrets}: Secrets are never recorded`);
}

export interface RecordOptions extends Omit<WatchOptions, 'takeKindsMet' | 'takeObjectsMet'> {
  recorder: Recorder;
}

/** Records until the signal comes; the recording is complete then, and also when this throws. */
export async function recordCluster(options: RecordOptions): Promise<void> {
  const { config, recorder } = options;
  const met = new Met(config);
  try {
    const takeKindsMet = () => met.takeKinds();
    const takeObjectsMet = () => met.takeObjects();
    for await (const chunk of watchCluster({ ...options, takeKindsMet, takeObjectsMet })) {
      met.push(chunk);
      await recorder.write(chunk);
    }
  } finally {
    await recorder.close();
  }
}

/**
 * The same frames; each chunk is recorded once it was used, so that the recording keeps nobody from
 * them. A recording that fails is told and given up; the frames go on.
 */
export async function* recordBeside(
  frames: AsyncIterable<Buffer>,
  recorder: Recorder,
  onNotice: WatchOptions['onNotice'],
): AsyncGenerator<Buffer> {
  let isRecording = true;
  const giveUp = (error: unknown) => {
    isRecording = false;
    onNotice(`${reasonOf(error)}; nothing more is recorded`);
  };
  for await (const chunk of frames) {
    try {
      yield chunk;
    } finally {
      if (isRecording) await recorder.write(chunk).catch(giveUp);
    }
  }
}

/** Of a Router: it remembers just enough not to tell everything anew. */
const FORGETFUL = {
  shards: 1,
  reorderWindowMs: 0,
  objectsMax: 10_000,
  eventUidsMax: 10_000,
  parkedBytesMax: 0,
  traceparentAnnotations: '',
  rules: [],
};

class Met {
  readonly #router: WasmRouter;

  constructor(config: Config) {
    this.#router = new WasmRouter(compileWasm(), { ...config, ...FORGETFUL });
  }

  push(chunk: Buffer): void {
    this.#router.push(chunk);
    this.#router.take(0, true);
  }

  takeKinds(): string[] {
    return this.#router.takeKindsMet();
  }

  takeObjects(): ObjectMet[] {
    return this.#router.takeObjectsMet();
  }
}
