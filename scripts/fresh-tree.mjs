// `node scripts/fresh-tree.mjs PKG DIR`: copies the checkout's tracked files and dist to DIR, with
// the built module PKG in the place of the committed one. The suites then run over another WASM
// without a switch in the program that chooses a module. DIR must lie below the checkout, whose
// packages it uses.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { root } from './steps.mjs';

const [pkg, tree] = process.argv.slice(2).map((name) => resolve(name));

rmSync(tree, { recursive: true, force: true });
const listed = spawnSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' });
if (listed.status !== 0) throw new Error(`git ls-files failed: ${listed.stderr ?? listed.error}`);
for (const name of listed.stdout.split('\0').filter(Boolean)) {
  mkdirSync(dirname(join(tree, name)), { recursive: true });
  cpSync(join(root, name), join(tree, name));
}
rmSync(join(tree, 'crates', 'correlate', 'pkg'), { recursive: true, force: true });
cpSync(pkg, join(tree, 'crates', 'correlate', 'pkg'), { recursive: true });
cpSync(join(root, 'dist'), join(tree, 'dist'), { recursive: true });
