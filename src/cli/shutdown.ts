// What SIGINT and SIGTERM do: the first one ends the reading and gives the run some time to finish what
// was read, the second one ends the process at once.
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export class Shutdown {
  readonly #controller = new AbortController();
  readonly #onSignal = (name: NodeJS.Signals) => this.#receive(name);
  #timer: NodeJS.Timeout | undefined;
  #expire!: (word: 'expired') => void;
  /** Resolves when the time after the first signal is over. */
  readonly expired = new Promise<'expired'>((resolve) => {
    this.#expire = resolve;
  });
  readonly #timeoutMs: number;
  /** 130 or 143 once a signal has come. */
  exitCode: number | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    for (const name of SIGNALS) process.on(name, this.#onSignal);
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  dispose(): void {
    clearTimeout(this.#timer);
    for (const name of SIGNALS) process.off(name, this.#onSignal);
  }

  #receive(name: NodeJS.Signals): void {
    const exitCode = 128 + constants.signals[name];
    if (this.exitCode !== undefined) process.exit(exitCode);
    this.exitCode = exitCode;
    this.#timer = setTimeout(() => this.#expire('expired'), this.#timeoutMs);
    this.#controller.abort();
  }
}
