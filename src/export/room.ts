// What has not got to a back end yet, batch by batch in the order in which it came: in memory up to a
// limit, and where there is a spool also on disk. A batch leaves when it is settled, so what is on its
// way counts too. Nothing here waits: `isFull` says that whoever writes should, `change` until when.
import { countSpans, type SpanCounts } from './decode.js';
import type { SpanBytes } from './split.js';
import type { Spool } from './spool.js';

/** A batch, until it is settled. */
export interface Batch {
  readonly spanCount: number;
  readonly size: number;
  /** Undefined while it is on disk. */
  bytes: Uint8Array | undefined;
  /** In the spool. */
  file: string | undefined;
  /** By kind, once somebody had to know; none of those that an earlier run left. */
  counts: SpanCounts | undefined;
  /** By an earlier run, whose account had them. */
  readonly isLeft: boolean;
}

export interface RoomLimits {
  /** Of batches in memory. */
  roomBytes: number;
  /** In batches in memory. */
  roomSpans: number;
}

export class Room {
  readonly #limits: RoomLimits;
  readonly #spool: Spool | undefined;
  readonly #queue: Batch[] = [];
  readonly #sent = new Set<Batch>();
  #waiting: (() => void)[] = [];
  /** In memory. */
  #bytes = 0;
  #spans = 0;
  #isSpilling = false;

  constructor(limits: RoomLimits, spool?: Spool) {
    this.#limits = limits;
    this.#spool = spool;
    for (const left of spool?.takeLeft() ?? []) {
      this.#queue.push({ ...left, bytes: undefined, counts: undefined, isLeft: true });
    }
  }

  get isFull(): boolean {
    return this.#bytes > this.#limits.roomBytes || this.#spans > this.#limits.roomSpans;
  }

  /** In memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** On disk. */
  get spoolBytes(): number {
    return this.#spool?.bytes ?? 0;
  }

  /** Those that wait to be sent, wherever they are. */
  get waitingSpans(): number {
    return this.#queue.reduce((sum, { spanCount }) => sum + spanCount, 0);
  }

  /** How many were sent, and not settled. */
  get underWay(): number {
    return this.#sent.size;
  }

  isUnderWay(batch: Batch): boolean {
    return this.#sent.has(batch);
  }

  add({ bytes, spanCount }: SpanBytes): void {
    const size = bytes.length;
    const batch = { spanCount, size, bytes, file: undefined, counts: undefined, isLeft: false };
    this.#queue.push(batch);
    this.#bytes += size;
    this.#spans += spanCount;
    void this.#spill();
  }

  /** The next one to be sent. */
  next(): Batch | undefined {
    const batch = this.#queue.shift();
    if (batch) this.#sent.add(batch);
    return batch;
  }

  /** Rejects when it was on disk and is not what was put there. */
  async load({ bytes, file, spanCount }: Batch): Promise<Uint8Array> {
    return bytes ?? this.#spool!.read(file!, spanCount);
  }

  /** False: it was settled before. */
  settle(batch: Batch): boolean {
    if (!this.#sent.delete(batch)) return false;
    this.#release(batch);
    if (batch.file) this.#spool?.remove(batch.file, batch.size);
    this.#wake();
    return true;
  }

  /**
   * It will not be sent any more. With a place on disk it stays there, for the next run, and has a
   * `file` then; else it is lost.
   */
  leave(batch: Batch): void {
    if (!this.#sent.delete(batch)) this.#queue.splice(this.#queue.indexOf(batch), 1);
    if (batch.bytes) {
      batch.counts ??= countSpans(batch.bytes);
      batch.file ??= this.#spool?.putNow(batch.bytes, batch.spanCount);
    }
    this.#release(batch);
    this.#wake();
  }

  /** Those that are not on their way, oldest first. */
  queued(): Batch[] {
    return [...this.#queue];
  }

  /** Oldest first. */
  all(): Batch[] {
    return [...this.#sent, ...this.#queue];
  }

  /** Resolves when a batch was settled, or has left the memory. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** The newest go to disk, one after the other: they will be sent last. */
  async #spill(): Promise<void> {
    if (!this.#spool || this.#isSpilling) return;
    this.#isSpilling = true;
    while (this.isFull) {
      const batch = this.#queue.findLast(({ bytes }) => bytes);
      if (!batch?.bytes || !(await this.#put(this.#spool, batch, batch.bytes))) break;
    }
    this.#isSpilling = false;
  }

  /** False: it has no place. */
  async #put(spool: Spool, batch: Batch, bytes: Uint8Array): Promise<boolean> {
    const file = await spool.put(bytes, batch.spanCount);
    if (!file) return false;
    const isSent = this.#sent.has(batch);
    // It was settled meanwhile, or has left with a file of its own.
    if (!isSent && !this.#queue.includes(batch)) spool.remove(file, batch.size);
    else batch.file = file;
    if (isSent) return true;
    batch.counts = countSpans(bytes);
    this.#release(batch);
    this.#wake();
    return true;
  }

  #release(batch: Batch): void {
    if (!batch.bytes) return;
    batch.bytes = undefined;
    this.#bytes -= batch.size;
    this.#spans -= batch.spanCount;
  }
}
