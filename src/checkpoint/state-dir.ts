// The folder of checkpoints: one file, which is either the newest that was written or the one before it,
// whatever happens while it is written. One that is refused is set aside under a name of its own, for
// whoever wants to know why. Belongs to one process at a time.
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { ConfigError, codeOf, reasonOf } from '../errors.js';
import { ownFolder } from '../own-folder.js';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';

const FILE = 'checkpoint';

export class StateDir {
  readonly #path: string;
  /** See Checkpoint. */
  readonly #cluster: string;

  private constructor(path: string, cluster: string) {
    this.#path = path;
    this.#cluster = cluster;
  }

  /** Makes the folder in its parent where there is none. Throws a ConfigError when it cannot be written to. */
  static open(path: string, cluster: string): StateDir {
    return ownFolder(path, 'checkpoints', () => new StateDir(path, cluster));
  }

  get file(): string {
    return join(this.#path, FILE);
  }

  /** The newest; undefined: there is none. Throws a StateError when it is refused. */
  read(): Checkpoint | undefined {
    let bytes: Buffer;
    try {
      bytes = readFileSync(this.file);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      const message = `cannot read ${this.file}: ${reasonOf(error)}`;
      throw new ConfigError('config_unreadable', message, error);
    }
    return decodeCheckpoint(bytes, this.#cluster);
  }

  /** Replaces the newest; resolves with its bytes when it would outlast a loss of power. */
  async write(checkpoint: Omit<Checkpoint, 'cluster'>): Promise<number> {
    const bytes = encodeCheckpoint({ ...checkpoint, cluster: this.#cluster });
    await writeFileAtomic(this.file, bytes, { mode: 0o600 });
    return bytes.length;
  }

  /** Returns where the newest is now. */
  setAside(): string {
    const aside = `${this.file}.refused-${Date.now()}`;
    renameSync(this.file, aside);
    return aside;
  }
}
