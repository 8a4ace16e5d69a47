// Makes batches of spans and sends them, several at a time where the target allows it. A batch goes when
// it is full or old enough. Writing waits while the room for what has not arrived is full (room.ts).
// Once delivery has failed nothing more is sent: what was not, and everything that comes, stays on disk
// where there is a spool, and is counted as lost where there is none. What the target could not do for
// reasons of its own (an ExportError) is thrown to whoever writes next.
import { ExportError, reasonOf } from '../errors.js';
import { traced } from '../traced.js';
import { countSpans, type SpanCounts } from './decode.js';
import { type Batch, Room, type RoomLimits } from './room.js';
import type { ExportState, LostSpans, SpanSink } from './sink.js';
import { type SpanBytes, splitSpans } from './split.js';
import type { Spool } from './spool.js';

/** What became of a batch that was sent. */
export interface SendResult {
  /** Spans that the other side did not take, and did not name. */
  refused: number;
  /** Those that it will never take. */
  rejected?: SpanBytes[];
  /** Why. */
  reason?: string;
}

/** Where batches go. */
export interface BatchTarget {
  /** Names it in errors. */
  readonly name: string;
  /** Rejects when the batch did not arrive; with an ExportError when no batch can any more. */
  send(batch: SpanBytes): Promise<SendResult>;
  /** After the last batch. */
  close(): Promise<void>;
  /** What is under way may be left. */
  abandon?(): void;
}

export interface BatchLimits extends RoomLimits {
  batchSpans: number;
  batchBytes: number;
  /** Age at which a batch goes although it is not full. */
  delayMs: number;
  /** Batches that are sent at a time. */
  inFlight: number;
}

export class BatchingSink implements SpanSink {
  readonly #target: BatchTarget;
  readonly #limits: BatchLimits;
  readonly #room: Room;
  readonly #lost: LostSpans = { occurrences: 0, synthetic: 0, refused: 0 };
  readonly #kept: SpanCounts = { occurrences: 0, synthetic: 0 };
  readonly #requests = { delivered: 0, partial: 0, failed: 0 };
  #delivered = 0;
  /** The batch that is not full yet. */
  #open: SpanBytes[] = [];
  #openSpans = 0;
  #openBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  /** When a batch was answered, or the first of those under way was sent. */
  #movedAt = 0;
  #reason: string | undefined;
  #fatal: ExportError | undefined;
  #failed = false;

  constructor(target: BatchTarget, limits: BatchLimits, spool?: Spool) {
    this.#target = target;
    this.#limits = limits;
    this.#room = new Room(limits, spool);
    this.#pump();
  }

  get failed(): boolean {
    return this.#failed;
  }

  get lost(): LostSpans {
    return { ...this.#lost };
  }

  get kept(): SpanCounts {
    return { ...this.#kept };
  }

  get exports(): ExportState {
    return {
      requests: { ...this.#requests },
      deliveredSpans: this.#delivered,
      waitingSpans: this.#room.waitingSpans + this.#openSpans,
      waitingBytes: this.#room.bytes + this.#openBytes,
      spoolBytes: this.#room.spoolBytes,
      stalledMs: this.#room.underWay > 0 ? performance.now() - this.#movedAt : 0,
    };
  }

  async write(bytes: Uint8Array, spanCount: number): Promise<void> {
    const { batchSpans, batchBytes, delayMs } = this.#limits;
    const limits = { spans: batchSpans, bytes: batchBytes };
    for (const piece of splitSpans({ bytes, spanCount }, limits)) this.#add(piece);
    if (this.#openSpans > 0 && delayMs === 0) this.#seal();
    if (this.#openSpans > 0) this.#timer ??= setTimeout(() => this.#seal(), delayMs).unref();
    while (this.#room.isFull && !this.#fatal) await this.#room.change();
    this.#throwFatal();
  }

  unsettled(): SpanBytes[] {
    const batches = this.#room.all().flatMap(({ bytes, spanCount, file }) => {
      return bytes && !file ? [{ bytes, spanCount }] : [];
    });
    return [...batches, ...this.#open];
  }

  async flush(): Promise<void> {
    this.#seal();
    // Not those that are written meanwhile: under load there is always one.
    const written = new Set(this.#room.all());
    const waits = () => this.#room.all().some((batch) => written.has(batch));
    while (waits() && !this.#fatal) await this.#room.change();
    this.#throwFatal();
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#target.close();
    const { occurrences, synthetic, refused } = this.#lost;
    const kept = this.#kept.occurrences + this.#kept.synthetic;
    const missing = occurrences + synthetic + refused + kept;
    if (missing === 0) return;
    const spans = missing === 1 ? '1 span was' : `${missing} spans were`;
    const stay = kept === 0 ? '' : `; ${kept} of them are kept for the next run`;
    const message = `${spans} not delivered to ${this.#target.name}: ${this.#reason}${stay}`;
    throw new ExportError('delivery_failed', message);
  }

  abandon(): void {
    this.#failed = true;
    this.#target.abandon?.();
    this.#seal();
    for (const batch of this.#room.all()) this.#leave(batch);
  }

  #add(piece: SpanBytes): void {
    const { batchSpans, batchBytes } = this.#limits;
    const tooMany = this.#openSpans + piece.spanCount > batchSpans;
    if (tooMany || this.#openBytes + piece.bytes.length > batchBytes) this.#seal();
    this.#open.push(piece);
    this.#openSpans += piece.spanCount;
    this.#openBytes += piece.bytes.length;
    if (this.#openSpans >= batchSpans) this.#seal();
  }

  /** The open batch is full, or shall go as it is. */
  #seal(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#openSpans === 0) return;
    const bytes = Buffer.concat(this.#open.map((piece) => piece.bytes));
    const spanCount = this.#openSpans;
    this.#open = [];
    this.#openSpans = 0;
    this.#openBytes = 0;
    this.#room.add({ bytes, spanCount });
    this.#pump();
  }

  #pump(): void {
    while (!this.#failed && this.#room.underWay < this.#limits.inFlight) {
      const isFirst = this.#room.underWay === 0;
      const batch = this.#room.next();
      if (!batch) return;
      if (isFirst) this.#movedAt = performance.now();
      // It deals with its own failures.
      void this.#send(batch);
    }
    if (this.#failed) for (const batch of this.#room.queued()) this.#leave(batch);
  }

  async #send(batch: Batch): Promise<void> {
    try {
      const bytes = await this.#load(batch);
      if (!bytes) return;
      const result = await this.#export({ bytes, spanCount: batch.spanCount });
      // Unless it was given up already.
      if (this.#room.settle(batch)) this.#account(result, batch);
    } catch (error) {
      if (error instanceof ExportError) this.#fatal ??= error;
      this.#failed = true;
      this.#reason ??= reasonOf(error);
      this.#requests.failed += 1;
      if (this.#room.isUnderWay(batch)) this.#leave(batch);
    } finally {
      this.#movedAt = performance.now();
      this.#pump();
    }
  }

  #export(batch: SpanBytes): Promise<SendResult> {
    const { name: to } = this.#target;
    const attributes = { to, spans: batch.spanCount, bytes: batch.bytes.length };
    return traced('export', attributes, async (span) => {
      const result = await this.#target.send(batch);
      span.setAttribute('refused', result.refused + spanCountOf(result.rejected));
      return result;
    });
  }

  /** Undefined: its file is of no use any more, and it is lost. */
  async #load(batch: Batch): Promise<Uint8Array | undefined> {
    try {
      return await this.#room.load(batch);
    } catch (error) {
      this.#reason ??= reasonOf(error);
      if (this.#room.settle(batch) && batch.counts) addTo(this.#lost, batch.counts);
      return undefined;
    }
  }

  #account({ refused, rejected = [], reason }: SendResult, { spanCount, isLeft }: Batch): void {
    const isWhole = refused === 0 && rejected.length === 0;
    this.#requests[isWhole ? 'delivered' : 'partial'] += 1;
    const missing = refused + spanCountOf(rejected);
    this.#delivered += spanCount - missing;
    if (isWhole) return;
    this.#reason ??= reason || 'refused';
    // The account of the run before had them.
    if (isLeft) return;
    this.#lost.refused += refused;
    for (const { bytes } of rejected) addTo(this.#lost, countSpans(bytes));
  }

  /** It will not be sent. What is lost is told by kind, so that the account balances. */
  #leave(batch: Batch): void {
    this.#room.leave(batch);
    if (!batch.isLeft && batch.counts) addTo(batch.file ? this.#kept : this.#lost, batch.counts);
  }

  #throwFatal(): void {
    if (this.#fatal) throw this.#fatal;
  }
}

function spanCountOf(parts: readonly SpanBytes[] = []): number {
  return parts.reduce((sum, { spanCount }) => sum + spanCount, 0);
}

function addTo(sum: SpanCounts, { occurrences, synthetic }: SpanCounts): void {
  sum.occurrences += occurrences;
  sum.synthetic += synthetic;
}
