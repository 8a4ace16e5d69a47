// Writes chunks of frames, as a live source yields them, to a file and, when that is full, to the next.
// Of frames in a row that tell only the time the last one is kept, and written before the next frame:
// a replay needs it to tell what was late, and a quiet cluster costs nothing. Promises whole frames in
// every file, nothing of a Secret whatever was asked for, and a complete file after `close`.
import { RecordFile } from './record-file.js';
import { isTick } from './watch-frames.js';

/** What a recording has come to. */
export interface RecordCounts {
  /** Without those that tell only the time. */
  frames: number;
  /** In all its files. */
  bytes: number;
  files: number;
  /** Frames that were left out. */
  secrets: number;
}

const NEWLINE = 0x0a;
/** Whatever is of kind Secret or SecretList has it; hardly anything else does. */
const HINT = Buffer.from('"Secret');

export class Recorder {
  readonly #path: string;
  readonly #bytesMax: number;
  readonly #counts = { frames: 0, bytes: 0, files: 1, secrets: 0 };
  #file: RecordFile;
  #tick: Buffer | undefined;
  #turn: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** Makes the file at once. Throws an ExportError when there can be none. */
  constructor(path: string, bytesMax: number) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#file = new RecordFile(path);
  }

  get counts(): RecordCounts {
    const { bytes, ...counts } = this.#counts;
    return { ...counts, bytes: bytes + this.#file.bytes };
  }

  /** Resolves when there is room for more. After `close` nothing is written. */
  write(chunk: Buffer): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isClosed) return;
      if (!isTick(chunk)) return this.#writeFrames(chunk);
      const isFirst = !this.#tick;
      this.#tick = chunk;
      // Time is told when nothing else is: a good moment.
      if (isFirst) await this.#file.flush();
    });
  }

  /** Resolves when the file is complete. */
  close(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isClosed) return;
      this.#isClosed = true;
      await this.#writeTick();
      await this.#file.close();
    });
  }

  async #writeFrames(chunk: Buffer): Promise<void> {
    const { frames, secrets } = withoutSecrets(chunk);
    this.#counts.secrets += secrets;
    if (this.#file.bytes >= this.#bytesMax) await this.#beginNext();
    await this.#writeTick();
    await this.#file.write(frames);
    this.#counts.frames += countLines(frames);
  }

  async #writeTick(): Promise<void> {
    if (this.#tick) await this.#file.write(this.#tick);
    this.#tick = undefined;
  }

  async #beginNext(): Promise<void> {
    await this.#file.close();
    this.#counts.bytes += this.#file.bytes;
    this.#counts.files += 1;
    this.#file = new RecordFile(this.#path);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }
}

function withoutSecrets(chunk: Buffer): { frames: Buffer; secrets: number } {
  if (!chunk.includes(HINT)) return { frames: chunk, secrets: 0 };
  const all = lines(chunk);
  const kept = all.filter((line) => !line.includes(HINT) || !isOfSecret(line));
  return { frames: Buffer.concat(kept), secrets: all.length - kept.length };
}

/** What cannot be read may be anything. */
function isOfSecret(line: Buffer): boolean {
  try {
    const { object, resource } = JSON.parse(line.toString('utf8'));
    return [object?.kind, resource?.kind].some((kind) => /^Secret(List)?$/.test(kind));
  } catch {
    return true;
  }
}

function lines(chunk: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let start = 0; start < chunk.length; ) {
    const end = chunk.indexOf(NEWLINE, start) + 1 || chunk.length;
    found.push(chunk.subarray(start, end));
    start = end;
  }
  return found;
}

function countLines(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}
