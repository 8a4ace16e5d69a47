// How often the workers of one shard have failed, and when that is once too often. Any number in a run may
// be replaced as long as there is news in between: a batch answered that was not answered before.
export class Failures {
  readonly #max: number;
  #sinceNews = 0;
  /** While taking a snapshot. */
  #sinceSnapshot = 0;
  /** Number of the batch at which the last one failed. */
  #suspect: number | undefined;
  #total = 0;

  /** `max`: in a row. */
  constructor(max: number) {
    this.#max = max;
  }

  /** In all that were counted. */
  get total(): number {
    return this.#total;
  }

  /** False: that was one too many. */
  count(wasTakingSnapshot: boolean): boolean {
    this.#sinceNews += 1;
    if (wasTakingSnapshot) this.#sinceSnapshot += 1;
    if (Math.max(this.#sinceNews, this.#sinceSnapshot) > this.#max) return false;
    this.#total += 1;
    return true;
  }

  /** One was at this batch: true when the one before was, too. */
  isAgainAt(batch: number): boolean {
    const isAgain = this.#suspect === batch;
    this.#suspect = batch;
    return isAgain;
  }

  news(): void {
    this.#sinceNews = 0;
  }

  snapshotTaken(): void {
    this.#sinceSnapshot = 0;
  }
}
