// A folder that kspan keeps files in: made in its parent where there is none, and tried at once, so that
// one that cannot be used ends the command before it has begun.
import { accessSync, constants, mkdirSync } from 'node:fs';
import { ConfigError, codeOf, reasonOf } from './errors.js';

/** What `use` makes of the folder. Throws a ConfigError that says what cannot be kept in it. */
export function ownFolder<T>(path: string, what: string, use: () => T): T {
  try {
    makeFolder(path);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return use();
  } catch (error) {
    const message = `cannot keep ${what} in ${path}: ${reasonOf(error)}`;
    throw new ConfigError('config_unreadable', message, error);
  }
}

/** Not its parents: of some paths, such as those in /proc, Node never finishes making them. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}
