// Every error that kspan reports, in one table: the code, the exit code of the command that meets it
// and what it means. The message is one line for a person, ready to print after "kspan: "; the cause,
// where there is one, is kept. Anything else that is thrown is a defect of kspan itself.

const EXIT_CODES = {
  /** A flag, variable, key of the configuration file or command is wrong. */
  config_invalid: 2,
  /** The configuration file cannot be read or is not YAML. */
  config_unreadable: 2,
  /** The address to listen on is taken, not one of this host, or not allowed. */
  config_address: 2,
  /** An input cannot be opened: missing, denied, a directory. */
  input_unreadable: 2,
  /** Reading an input broke off. */
  input_failed: 1,
  /** The input asks for more than a limit allows. */
  input_limit: 1,
  /** A checkpoint cannot be gone on from; says why. */
  state_refused: 2,
  /** A worker could not start. */
  worker_start: 1,
  /** A worker trapped, left or answered out of turn; its state is lost. */
  worker_failed: 1,
  /** More was received than is accounted for. */
  account_broken: 1,
  /** The reader of standard output has gone; it has what it wanted. */
  output_closed: 0,
  /** The file or stream for spans, or the file of a recording, cannot be opened. */
  output_unwritable: 2,
  /** Writing spans or a recording to a file or stream broke off. */
  output_failed: 1,
  /** More spans than a tree may show. */
  tree_too_large: 2,
  /** A back end did not take spans. */
  delivery_failed: 1,
} as const;

/** Names what went wrong; stable, for programs. */
export type ErrorCode = keyof typeof EXIT_CODES;

type CodeOf<Phase extends string> = Extract<ErrorCode, `${Phase}_${string}`>;

/** An error with a code. `message` is one line for a person. */
export class KspanError<Code extends ErrorCode = ErrorCode> extends Error {
  readonly code: Code;
  /** What the command exits with when this ends it. */
  readonly exitCode: 0 | 1 | 2;

  constructor(code: Code, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.exitCode = EXIT_CODES[code];
  }
}

/** A setting or the command line is wrong. */
export class ConfigError extends KspanError<CodeOf<'config'>> {}

/** An input cannot be read, or not to its end. */
export class InputError extends KspanError<CodeOf<'input'>> {}

/** A checkpoint is not one to go on from. */
export class StateError extends KspanError<CodeOf<'state'>> {}

/** The engine cannot go on: a worker has failed, or the account does not balance. */
export class WorkerError extends KspanError<CodeOf<'worker' | 'account'>> {}

/** Spans could not be written or delivered, or frames not recorded. */
export class ExportError extends KspanError<CodeOf<'output' | 'tree' | 'delivery'>> {}

const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is not a directory',
  ENOSPC: 'no space left',
  EADDRINUSE: 'the port is in use',
  EADDRNOTAVAIL: 'no address of this host',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ENOTFOUND: 'no such host',
  ETIMEDOUT: 'timed out',
};

/** The one-line reason of anything thrown, for the end of a message. */
export function reasonOf(error: unknown): string {
  const known = SYSTEM_REASONS[codeOf(error) ?? ''];
  if (known) return known;
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.split('\n', 1)[0] ?? text;
}

/** The code of a system error (`ENOENT`), if it is one. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
