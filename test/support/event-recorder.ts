// A recorder of Events that counts, folds and drops as client-go's does (tools/record): the same words
// again are one Event with a higher count, many alike are folded into one, and who says too much about
// one object is silenced. `loses: false`: counts only.

const SIMILAR_MAX = 10;
const SIMILAR_WITHIN = 600_000;
const BURST = 25;
const REFILL = 300_000;

/** What somebody has to say; times are milliseconds since the Unix epoch. */
export interface Remark {
  at: number;
  component: string;
  host: string;
  /** uid of the object that it is about. */
  about: string;
  fieldPath: string;
  type: string;
  reason: string;
  message: string;
}

/** An Event as it is to be written; `first`: the time of its first occurrence. */
export interface Written {
  key: string;
  count: number;
  first: number;
  message: string;
}

export class EventRecorder {
  #similar = new Map<string, { messages: Set<string>; last: number }>();
  #seen = new Map<string, { count: number; first: number }>();
  #tokens = new Map<string, { left: number; at: number }>();
  #loses: boolean;

  constructor(loses: boolean) {
    this.#loses = loses;
  }

  /** What becomes of it; undefined: nothing. Remarks come in the order of their times. */
  record(remark: Remark): Written | undefined {
    const { at, component, host, about, fieldPath, type, reason } = remark;
    const alike = [component, host, about, type, reason].join('/');
    const folded = this.#loses && this.#isOneOfMany(alike, remark);
    const message = folded ? `(combined from similar events): ${remark.message}` : remark.message;
    const key = folded ? alike : [alike, fieldPath, message].join('/');
    const before = this.#seen.get(key);
    const count = (before?.count ?? 0) + 1;
    const first = before?.first ?? at;
    this.#seen.set(key, { count, first });
    if (this.#loses && !this.#mayWrite([component, host, about, type].join('/'), at))
      return undefined;
    return { key, count, first, message };
  }

  #isOneOfMany(alike: string, { message, at }: Remark): boolean {
    const known = this.#similar.get(alike);
    const messages =
      known && at - known.last <= SIMILAR_WITHIN ? known.messages : new Set<string>();
    messages.add(message);
    this.#similar.set(alike, { messages, last: at });
    if (messages.size < SIMILAR_MAX) return false;
    for (const oldest of messages) {
      messages.delete(oldest);
      break;
    }
    return true;
  }

  #mayWrite(source: string, at: number): boolean {
    const bucket = this.#tokens.get(source) ?? { left: BURST, at };
    const left = Math.min(BURST, bucket.left + (at - bucket.at) / REFILL);
    const may = left >= 1;
    this.#tokens.set(source, { left: may ? left - 1 : left, at });
    return may;
  }
}
