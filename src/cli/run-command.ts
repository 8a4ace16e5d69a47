// What commands that run an engine share: signals, the account at the end, and errors after which that
// account is still of use.
import type { Config } from '../config.js';
import type { Engine } from '../engine.js';
import { KspanError } from '../errors.js';
import type { SelfTraces } from '../ops/self-traces.js';
import { Shutdown } from './shutdown.js';
import { isClean, summaryLine, warningLine } from './summary.js';

/** After these the account of the run is of use: something was read, or delivered. */
const WITH_SUMMARY = new Set(['input_failed', 'delivery_failed']);

/** What a run is given. */
export interface RunHooks {
  /** The first signal: stop reading. */
  signal: AbortSignal;
  /** To be given the engine as soon as it runs. */
  onStart: (engine: Engine) => void;
}

export interface RunOutcome {
  /** What the run itself exits with. */
  exitCode: number;
  /** 130 or 143 after a signal. */
  signalCode: number | undefined;
}

/** Runs an engine to its end or to the first signal, and tells the account on stderr. */
export async function runCommand(
  config: Config,
  run: (hooks: RunHooks) => Promise<unknown>,
  onEnd: () => void = () => {},
): Promise<RunOutcome> {
  const shutdown = new Shutdown(config.shutdownTimeoutMs);
  const selfTraces = config.selfTraces ? await openSelfTraces(config.selfTraces) : undefined;
  let engine: Engine | undefined;
  const onStart = (started: Engine) => {
    engine = started;
  };
  try {
    const outcome = await Promise.race([
      run({ signal: shutdown.signal, onStart }),
      shutdown.expired,
    ]);
    if (outcome === 'expired') await engine?.abandon();
    onEnd();
    report(engine);
  } catch (error) {
    onEnd();
    if (!(error instanceof KspanError) || !WITH_SUMMARY.has(error.code)) throw error;
    report(engine);
    console.error(`kspan: ${error.message}`);
    return { exitCode: error.exitCode, signalCode: shutdown.exitCode };
  } finally {
    shutdown.dispose();
    await selfTraces?.close();
  }
  const failed = config.strict && engine && !isClean(engine.summary());
  return { exitCode: failed ? 1 : 0, signalCode: shutdown.exitCode };
}

/** Loaded only where it is wanted. */
async function openSelfTraces(url: string): Promise<SelfTraces> {
  const { startSelfTraces } = await import('../ops/self-traces.js');
  return startSelfTraces(url);
}

function report(engine: Engine | undefined): void {
  if (!engine) return;
  const summary = engine.summary();
  const warning = warningLine(summary);
  if (warning) console.error(`kspan: warning: ${warning}`);
  console.error(summaryLine(summary));
}
