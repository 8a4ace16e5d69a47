// The one answer to "was this WASM built from these sources": a SHA-256 over every file that
// decides what the crate does, kept beside the built module. The bytes of two builds are never
// compared: they depend on the compiler and on the paths of the machine.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const committedPkg = join(root, 'crates', 'correlate', 'pkg');
export const hashFile = 'SOURCES.sha256';

const sources = [
  '.cargo/config.toml',
  'Cargo.lock',
  'Cargo.toml',
  'crates/correlate/Cargo.toml',
  'crates/correlate/build.rs',
  'crates/correlate/rules',
  'crates/correlate/src',
];

/** Hex digest over names and contents of the sources; throws when one of them is missing. */
export function hashSources() {
  const hash = createHash('sha256');
  for (const name of sources.flatMap(filesBelow)) {
    const content = readFileSync(join(root, name));
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** The digest a built module was made from; '' when it says none. */
export function builtFrom(pkg) {
  const file = join(pkg, hashFile);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
}

function filesBelow(name) {
  if (!statSync(join(root, name)).isDirectory()) return [name];
  return readdirSync(join(root, name))
    .sort()
    .flatMap((entry) => filesBelow(`${name}/${entry}`));
}
