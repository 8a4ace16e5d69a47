// The clock of a live stream, which tells frames when they were received. It is the host's, set right by
// the API server's Date, never goes back, and says only what has been read: while the reader is paused
// or a stream is broken it stands, while there may be more in the sockets it moves no faster than time,
// and it catches up with the host when all of them are empty. So Events that had to wait in a socket
// are not late.

/** A longer gap between two pulls is a pause. */
const PAUSE_MS = 1000;
/** More than this of a gap does not count. */
const GAP_MS = 250;
/** An Event that was written so recently is not one that had to wait. */
const FRESH_MS = 2000;
const DATE_STEP_MS = 1000;

export interface Host {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds that never go back. */
  elapsed(): number;
}

const HOST: Host = { now: Date.now, elapsed: performance.now.bind(performance) };

export class StreamClock {
  readonly #host: Host;
  #at: number;
  #seenAt: number;
  #offset = 0;
  /** The sockets are empty: what comes now has come now. */
  #live = false;
  /** There may be more to read, from before. */
  #behind = true;

  /** `sinceMs`: how far in the past it begins. */
  constructor(sinceMs: number, host: Host = HOST) {
    this.#host = host;
    this.#at = host.now() - sinceMs;
    this.#seenAt = host.elapsed();
  }

  /** Milliseconds since the Unix epoch. */
  get now(): number {
    if (this.#live) this.catchUp();
    return this.#at;
  }

  /** As RFC 3339. */
  get text(): string {
    return new Date(this.now).toISOString();
  }

  /** By how much it is behind the server's. */
  get lagMs(): number {
    return Math.max(0, this.#hostNow() - this.now);
  }

  get isBehind(): boolean {
    return this.#behind;
  }

  /** The server's clock said so in an answer to what was asked `tookMs` ago. */
  correct(serverTime: number, tookMs: number): void {
    const host = this.#host.now();
    const [low, high] = [serverTime - host, serverTime - host + DATE_STEP_MS + tookMs];
    this.#offset = Math.min(Math.max(this.#offset, low), high);
  }

  /** The reader asks for more; `mayRun`: no stream is broken or lists. */
  pull(mayRun: boolean): void {
    const gap = this.#gap();
    if (gap > PAUSE_MS) this.#behind = true;
    this.#run(gap, mayRun);
  }

  /** The reader has waited for more. */
  wait(mayRun: boolean): void {
    this.#run(this.#gap(), mayRun);
  }

  /** Nothing is left to read. */
  catchUp(): void {
    if (this.#behind) return;
    this.#live = true;
    this.#at = Math.max(this.#at, this.#hostNow());
  }

  /** A stream is broken. */
  stop(): void {
    this.#live = false;
  }

  /** A watch goes on from before: what it missed comes first. */
  fallBehind(): void {
    this.#live = false;
    this.#behind = true;
  }

  /** Nothing came for a while: there was no more. */
  quiet(): void {
    this.#behind = false;
  }

  /** The newest that was read was written at `time`. */
  read(time: number): void {
    if (time >= this.#hostNow() - FRESH_MS) this.#behind = false;
  }

  #gap(): number {
    const elapsed = this.#host.elapsed();
    const gap = elapsed - this.#seenAt;
    this.#seenAt = elapsed;
    return gap;
  }

  #run(gap: number, mayRun: boolean): void {
    this.#live = false;
    if (!mayRun) return;
    const moved = Math.min(this.#at + Math.min(gap, GAP_MS), this.#hostNow());
    this.#at = Math.max(this.#at, moved);
  }

  #hostNow(): number {
    return this.#host.now() + this.#offset;
  }
}
