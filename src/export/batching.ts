// Makes batches of spans and sends them, several at a time where the target allows it. A batch goes when
// it is full or old enough. Writing waits while too many spans wait for the target. Once delivery has
// failed nothing more is sent, and everything that comes is counted as lost; what the target could not
// do for reasons of its own (an ExportError) is thrown to whoever writes next.
import { ExportError, reasonOf } from '../errors.js';
import { isOccurrence } from '../model.js';
import { SpanDecoder } from './decode.js';
import type { ExportState, LostSpans, SpanSink } from './sink.js';
import { type SpanBytes, splitSpans } from './split.js';

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

export interface BatchLimits {
  batchSpans: number;
  batchBytes: number;
  /** Spans in batches that wait to be sent. */
  queueSpans: number;
  /** Age at which a batch goes although it is not full. */
  delayMs: number;
  /** Batches that are sent at a time. */
  inFlight: number;
}

export class BatchingSink implements SpanSink {
  readonly #target: BatchTarget;
  readonly #limits: BatchLimits;
  readonly #lost: LostSpans = { occurrences: 0, synthetic: 0, refused: 0 };
  readonly #requests = { delivered: 0, partial: 0, failed: 0 };
  readonly #waiting: (() => void)[] = [];
  /** The batch that is not full yet. */
  #open: SpanBytes[] = [];
  #openSpans = 0;
  #openBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Full batches, in order. */
  readonly #queue: SpanBytes[] = [];
  #queuedSpans = 0;
  /** Batches on their way. */
  readonly #sent = new Set<SpanBytes>();
  /** When one of them was answered, or the first of them sent. */
  #movedAt = 0;
  #reason: string | undefined;
  #fatal: ExportError | undefined;
  #failed = false;

  constructor(target: BatchTarget, limits: BatchLimits) {
    this.#target = target;
    this.#limits = limits;
  }

  get failed(): boolean {
    return this.#failed;
  }

  get lost(): LostSpans {
    return { ...this.#lost };
  }

  get exports(): ExportState {
    const waitingSpans = this.#queuedSpans + this.#openSpans;
    const stalledMs = this.#sent.size > 0 ? performance.now() - this.#movedAt : 0;
    return { requests: { ...this.#requests }, waitingSpans, stalledMs };
  }

  async write(bytes: Uint8Array, spanCount: number): Promise<void> {
    const { batchSpans, batchBytes, queueSpans, delayMs } = this.#limits;
    for (const piece of splitSpans(
      { bytes, spanCount },
      { spans: batchSpans, bytes: batchBytes },
    )) {
      this.#add(piece);
    }
    if (this.#openSpans > 0 && delayMs === 0) this.#seal();
    if (this.#openSpans > 0) this.#timer ??= setTimeout(() => this.#seal(), delayMs).unref();
    while (this.#queuedSpans > queueSpans && !this.#fatal) await this.#change();
    this.#throwFatal();
  }

  async flush(): Promise<void> {
    this.#seal();
    // Not those that are written meanwhile: under load there is always one.
    const written = [...this.#sent, ...this.#queue];
    const waits = (batch: SpanBytes) => this.#sent.has(batch) || this.#queue.includes(batch);
    while (written.some(waits) && !this.#fatal) await this.#change();
    this.#throwFatal();
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#target.close();
    const { occurrences, synthetic, refused } = this.#lost;
    const lost = occurrences + synthetic + refused;
    if (lost === 0) return;
    const spans = lost === 1 ? '1 span was' : `${lost} spans were`;
    const message = `${spans} not delivered to ${this.#target.name}: ${this.#reason}`;
    throw new ExportError('delivery_failed', message);
  }

  abandon(): void {
    clearTimeout(this.#timer);
    this.#failed = true;
    this.#target.abandon?.();
    for (const batch of [...this.#sent, ...this.#queue.splice(0), ...this.#open.splice(0)]) {
      this.#lose(batch);
    }
    this.#sent.clear();
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
    this.#queue.push({ bytes, spanCount: this.#openSpans });
    this.#queuedSpans += this.#openSpans;
    this.#open = [];
    this.#openSpans = 0;
    this.#openBytes = 0;
    this.#pump();
  }

  #pump(): void {
    while (this.#queue.length > 0 && this.#sent.size < this.#limits.inFlight) {
      const batch = this.#queue.shift()!;
      this.#queuedSpans -= batch.spanCount;
      if (this.#sent.size === 0) this.#movedAt = performance.now();
      this.#sent.add(batch);
      // It deals with its own failures.
      void this.#send(batch);
    }
  }

  async #send(batch: SpanBytes): Promise<void> {
    try {
      const result = this.#failed ? undefined : await this.#target.send(batch);
      if (!result) this.#lose(batch);
      else if (this.#sent.has(batch)) this.#settle(result);
    } catch (error) {
      if (error instanceof ExportError) this.#fatal ??= error;
      this.#failed = true;
      this.#reason ??= reasonOf(error);
      this.#requests.failed += 1;
      // Unless it was given up already.
      if (this.#sent.has(batch)) this.#lose(batch);
    } finally {
      this.#movedAt = performance.now();
      this.#sent.delete(batch);
      this.#pump();
      this.#wake();
    }
  }

  #settle({ refused, rejected = [], reason }: SendResult): void {
    const isWhole = refused === 0 && rejected.length === 0;
    this.#requests[isWhole ? 'delivered' : 'partial'] += 1;
    if (isWhole) return;
    this.#lost.refused += refused;
    for (const batch of rejected) this.#lose(batch);
    this.#reason ??= reason || 'refused';
  }

  /** Only here are spans looked at: what is lost is told by kind, so that the account balances. */
  #lose(batch: SpanBytes): void {
    const spans = new SpanDecoder().decode(batch.bytes);
    const occurrences = spans.filter(isOccurrence).length;
    this.#lost.occurrences += occurrences;
    this.#lost.synthetic += spans.length - occurrences;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #throwFatal(): void {
    if (this.#fatal) throw this.#fatal;
  }
}
