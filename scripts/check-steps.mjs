// The steps of `npm run check`, which .ci/run runs as well.
import { join } from 'node:path';
import { cargoSuite, command, vitestSuite } from './steps.mjs';

const bin = (name) => join('node_modules', '.bin', name);

export function checkSteps() {
  return [
    command('types', bin('tsc'), '-p', 'tsconfig.json'),
    command('lint and format', bin('biome'), 'check', '--error-on-warnings', '--colors=off', '.'),
    command('rustfmt', 'cargo', 'fmt', '--all', '--check'),
    command('rustfmt of the fuzzer', 'cargo', 'fmt', '--manifest-path', fuzzer, '--check'),
    command('clippy', 'cargo', ...clippy),
    command('wasm freshness', process.execPath, 'scripts/wasm-fresh.mjs'),
    vitestSuite('TypeScript suites', 'suite'),
    cargoSuite('Rust suites', '--workspace', '--locked'),
  ];
}

/** A workspace of its own: it needs a C++ compiler. */
const fuzzer = join('crates', 'correlate', 'fuzz', 'Cargo.toml');

const clippy = ['clippy', '--workspace', '--all-targets', '--locked', '--', '-D', 'warnings'];
