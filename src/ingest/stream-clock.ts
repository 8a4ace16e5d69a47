// The clock of a live stream, which tells frames when they were received. It is the host's, set right by
// the API server's Date, never goes back, and says only what has been read. It goes no further than the
// last proof that the server can be heard; while the reader is paused or a stream is broken it stands,
// while there may be more in the sockets it moves no faster than time, and it catches up when all of
// them are empty. So Events that had to wait in a socket, or behind a dead connection, are not late.

/** A longer gap between two looks at the sockets is a pause. */
const PAUSE_MS = 1500;
/** More than this of a gap does not count. */
const GAP_MS = 250;
/** An Event that was written so recently is not one that had to wait. */
const FRESH_MS = 2000;
/** What comes after more silence may have waited on the way. */
const SILENT_MS = 3000;
/**
 * A server that can be heard so long after the last of before was read, has no more of it. Short for a
 * busy one, which may take seconds to say that a version is too old.
 */
const BACKLOG_MS = 2500;
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
  /**
   * Where there may be more to read of before, and when that was last seen: in a stream, or, under the
   * clock itself, in any.
   */
  readonly #behind = new Map<object, number>();
  /** What was written until then has come, as far as the network goes. */
  #provenAt: number;

  /** `sinceMs`: how far in the past it begins. */
  constructor(sinceMs: number, host: Host = HOST) {
    this.#host = host;
    this.#at = host.now() - sinceMs;
    this.#seenAt = host.elapsed();
    this.#provenAt = this.#seenAt;
    this.fallBehind();
  }

  /** Milliseconds since the Unix epoch. */
  get now(): number {
    if (this.#live && this.#host.elapsed() - this.#seenAt < PAUSE_MS) this.catchUp();
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
    return this.#behind.size > 0;
  }

  /** Since the last proof that the server can be heard. */
  get silentMs(): number {
    return this.#host.elapsed() - this.#provenAt;
  }

  /** Something came that the server sent; of what was asked, `tookMs` ago. */
  heard(tookMs = 0): void {
    if (this.silentMs > SILENT_MS) this.fallBehind();
    this.#provenAt = Math.max(this.#provenAt, this.#host.elapsed() - tookMs);
  }

  /** The server answered what was asked `tookMs` ago, and told its Date. */
  answered(tookMs: number, serverTime: number | undefined): void {
    this.heard(tookMs);
    if (serverTime === undefined) return;
    const host = this.#host.now();
    const [low, high] = [serverTime - host, serverTime - host + DATE_STEP_MS + tookMs];
    this.#offset = Math.min(Math.max(this.#offset, low), high);
  }

  /** The reader asks for more, or has waited for it; `mayRun`: no stream is broken or lists. */
  look(mayRun: boolean): void {
    const elapsed = this.#host.elapsed();
    const gap = elapsed - this.#seenAt;
    this.#seenAt = elapsed;
    if (gap > PAUSE_MS) this.fallBehind();
    this.#run(gap, mayRun);
  }

  /** Nothing is left to read. */
  catchUp(): void {
    for (const [stream, since] of this.#behind) {
      if (since + BACKLOG_MS <= this.#provenAt) this.#behind.delete(stream);
    }
    if (this.isBehind) return;
    this.#live = true;
    this.#at = Math.max(this.#at, this.#trusted());
  }

  /** A stream is broken. */
  stop(): void {
    this.#live = false;
  }

  /** What was missed comes first: by the reader, or by a stream that goes on from before. */
  fallBehind(stream: object = this): void {
    this.#live = false;
    this.#behind.set(stream, this.#host.elapsed());
  }

  /** The newest that was read from a stream was written at `time`. */
  read(stream: object, time: number): void {
    const isFresh = time >= this.#hostNow() - FRESH_MS;
    for (const behind of [stream, this]) {
      if (isFresh) this.#behind.delete(behind);
      else if (this.#behind.has(behind)) this.fallBehind(behind);
    }
  }

  #run(gap: number, mayRun: boolean): void {
    this.#live = false;
    if (!mayRun) return;
    const moved = Math.min(this.#at + Math.min(gap, GAP_MS), this.#trusted());
    this.#at = Math.max(this.#at, moved);
  }

  #trusted(): number {
    return this.#hostNow() - this.silentMs;
  }

  #hostNow(): number {
    return this.#host.now() + this.#offset;
  }
}
