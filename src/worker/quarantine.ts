// Frames that made a Correlator fail: they are left out, counted against the limit of the run, told, and
// written as NDJSON to a file that `kspan replay` reads, which only its owner can. The file grows from
// run to run, up to its limit; then, and when it cannot be written, the frames are told and counted only.
import { constants, type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config.js';
import { reasonOf } from '../errors.js';
import type { Quarantined } from '../wasm.js';

/** In the state folder, or in that for temporary files. */
const FILE = 'kspan-quarantine.ndjson';
const OWNER_ONLY = 0o600;
/** Also where others may write, such as the folder for temporary files: no link is followed. */
const FLAGS = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW;

export class Quarantine {
  readonly #file: string;
  readonly #bytesMax: number;
  readonly #framesMax: number;
  readonly #onNotice: (line: string) => void;
  #frames = 0;

  constructor(config: Config, onNotice: (line: string) => void) {
    this.#file = config.quarantineFile || join(config.stateDir || tmpdir(), FILE);
    this.#bytesMax = config.quarantineBytesMax;
    this.#framesMax = config.quarantinedMax;
    this.#onNotice = onNotice;
  }

  /** Takes what a shard has left out. False: it may leave out no more. */
  async take(shard: number, { frame, isEvent }: Quarantined): Promise<boolean> {
    if (this.#frames >= this.#framesMax) return false;
    this.#frames += 1;
    const what = isEvent ? 'an Event' : 'a record';
    const where = await this.#keep(frame);
    this.#onNotice(`${what} at which the worker of shard ${shard} fails is left out; ${where}`);
    return true;
  }

  /** Returns in words where the frame is now. */
  async #keep(frame: Uint8Array): Promise<string> {
    const file = this.#file;
    if (frame.length === 0) return 'there is no frame of it to keep';
    try {
      const isKept = await this.#append(Buffer.concat([frame, Buffer.from('\n')]));
      return isKept ? `it is in ${file}` : `${file} is full`;
    } catch (error) {
      return `it cannot be written to ${file}: ${reasonOf(error)}`;
    }
  }

  async #append(line: Uint8Array): Promise<boolean> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(this.#file, FLAGS, OWNER_ONLY);
      // Refused where the file is somebody else's.
      await handle.chmod(OWNER_ONLY);
      const { size } = await handle.stat();
      if (size + line.length > this.#bytesMax) return false;
      await handle.writeFile(line);
      return true;
    } finally {
      await handle?.close();
    }
  }
}
