// What a shard's next worker needs when this one is lost: the newest snapshot of its Correlator, and all
// batches since, in order. Batches have numbers from 1 on. At its limit the journal is full: then a
// snapshot is to be taken, which takes the place of the batches before it. One costs time by its size,
// so as many bytes of batches as that is worth are kept first. Memory at the limit: the snapshot, the
// batches, and those sent while the next snapshot is on its way (the window of the shard).

/** A batch of the Router. */
export interface Batch {
  number: number;
  bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Bytes of batches for each byte of a snapshot. A megabyte of a snapshot takes a worker 3 to 13 ms, one of
 * batches 15 (metadata) to 40 (Events), on the same machine: where many objects are known and a worker
 * has no pause, snapshots take a sixth of its time at most. More would be memory that lies idle.
 */
const BYTES_PER_SNAPSHOT_BYTE = 2;

export class Journal {
  readonly #bytesMax: number;
  #snapshot: Uint8Array | undefined;
  /** The batches after it. */
  #batches: Batch[] = [];
  /** The newest batch that the snapshot has. */
  #begin = 0;
  #bytes = 0;

  /** `snapshot`: what the shard begins with; it may be nothing. */
  constructor(snapshot: Uint8Array | undefined, bytesMax: number) {
    this.#snapshot = snapshot;
    this.#bytesMax = bytesMax;
  }

  get snapshot(): Uint8Array | undefined {
    return this.#snapshot;
  }

  /** Number of the newest batch that the snapshot has; 0: it has none. */
  get begin(): number {
    return this.#begin;
  }

  /** Number of the newest batch. */
  get end(): number {
    return this.#begin + this.#batches.length;
  }

  /** A snapshot is to be taken. */
  get isFull(): boolean {
    const worth = BYTES_PER_SNAPSHOT_BYTE * (this.#snapshot?.length ?? 0);
    return this.#bytes > Math.max(this.#bytesMax, worth);
  }

  add(bytes: Uint8Array<ArrayBuffer>): void {
    this.#batches.push({ number: this.end + 1, bytes });
    this.#bytes += bytes.length;
  }

  /** The batch of this number, unless it is not sent yet or in the snapshot. */
  at(number: number): Batch | undefined {
    return this.#batches[number - this.#begin - 1];
  }

  /** Those before this one that the snapshot does not have. */
  before({ number }: Batch): Batch[] {
    return this.#batches.slice(0, number - this.#begin - 1);
  }

  /** The batch goes on as another. */
  replace({ number }: Batch, bytes: Uint8Array<ArrayBuffer>): void {
    const index = number - this.#begin - 1;
    this.#bytes += bytes.length - (this.#batches[index]?.bytes.length ?? 0);
    this.#batches[index] = { number, bytes };
  }

  /** `snapshot` has all batches up to this number. */
  cut(number: number, snapshot: Uint8Array): void {
    const dropped = this.#batches.splice(0, number - this.#begin);
    for (const { bytes } of dropped) this.#bytes -= bytes.length;
    this.#begin = number;
    this.#snapshot = snapshot;
  }
}
