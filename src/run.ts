// Runs: a source of frames, the engine, and how one ends with the other. A replay ends with its
// inputs, a watch with its signal. What was read is finished before an input that broke off is told,
// or, where a live run keeps checkpoints, stays in the last of them.
import type { Checkpointer } from './checkpoint/checkpointer.js';
import type { Config } from './config.js';
import { Engine, type EngineSnapshot, type RunSummary } from './engine.js';
import { InputError } from './errors.js';
import type { SpanSink } from './export/sink.js';
import { recordBeside } from './ingest/record.js';
import type { Recorder } from './ingest/recorder.js';
import { readInputs } from './ingest/replay.js';
import { type WatchOptions, watchCluster } from './ingest/watch.js';

interface RunOptions {
  config: Config;
  sink: SpanSink;
  /** Ends the reading; what was read is finished. */
  signal?: AbortSignal | undefined;
  /** Given the engine as soon as it runs. */
  onStart?: ((engine: Engine) => void) | undefined;
  /** Told what went wrong and was mended. */
  onNotice?: ((line: string) => void) | undefined;
  /** Where the run goes on from, and what others go on from when it has ended. */
  checkpointer?: Checkpointer | undefined;
}

export interface ReplayOptions extends RunOptions {
  /** Files, or `-` for standard input. */
  inputs: readonly string[];
  /** Told of bytes read from the inputs. */
  onRead?: ((bytes: number) => void) | undefined;
}

/**
 * Replays recordings to their end. An input that breaks off ends the reading; what was read is finished
 * before the InputError is thrown.
 */
export function replay(options: ReplayOptions): Promise<RunSummary> {
  const { inputs, config, signal, onRead } = options;
  const { sourceChunkBytes: chunkBytes, frameBytesMax } = config;
  return runSource(options, () =>
    readInputs(inputs, { chunkBytes, frameBytesMax, signal, onRead }),
  );
}

export type LiveOptions = RunOptions &
  Omit<WatchOptions, 'takeKindsMet' | 'takeObjectsMet' | 'position'> & {
    /** Is given all frames too; stays the caller's to close. */
    recorder?: Recorder | undefined;
  };

/** Watches a cluster until the signal comes. */
export function watch(options: LiveOptions): Promise<RunSummary> {
  const { recorder, checkpointer, onNotice } = options;
  return runSource(options, (engine) => {
    const frames = watchCluster({
      ...options,
      position: checkpointer?.resumed,
      takeKindsMet: () => engine.takeKindsMet(),
      takeObjectsMet: () => engine.takeObjectsMet(),
      onOpen: (cluster) => {
        if (checkpointer) checkpointer.position = () => cluster.position();
        options.onOpen?.(cluster);
      },
    });
    return recorder ? recordBeside(frames, recorder, onNotice) : frames;
  });
}

async function runSource(
  { config, sink, signal, onStart, onNotice, checkpointer }: RunOptions,
  open: (engine: Engine) => AsyncIterable<Uint8Array>,
): Promise<RunSummary> {
  const start = (from?: EngineSnapshot) => Engine.start(config, sink, from, onNotice);
  const engine = await (checkpointer ? checkpointer.begin(start) : start());
  onStart?.(engine);
  const between = checkpointer && (() => checkpointer.between(engine));
  try {
    const broken = await engine.run(open(engine), signal, between).catch(brokenInput);
    if (checkpointer) await checkpointer.finish(await engine.suspend());
    else await engine.close();
    return broken ? Promise.reject(broken) : engine.summary();
  } catch (error) {
    await engine.abandon();
    throw error;
  }
}

/** The source's own error, which does not keep the engine from finishing; any other is thrown. */
function brokenInput(error: unknown): InputError {
  if (error instanceof InputError && error.code !== 'input_limit') return error;
  throw error;
}
