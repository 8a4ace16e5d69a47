// `npm run build:wasm [-- DIR]`: builds crates/correlate to WebAssembly, into crates/correlate/pkg
// or DIR, with the hash of its sources beside it. Installs what is missing of the toolchain: the
// target by rustup, wasm-pack and wasm-bindgen-cli by cargo, below ~/.cache/kspan, never into the
// user's own cargo. Needs Node, cargo and, where the target is missing, rustup. Exit code 1 with
// one line when it cannot.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { committedPkg, hashFile, hashSources, root } from './wasm-sources.mjs';

const target = 'wasm32-unknown-unknown';
const wasmPackVersion = '0.15.1';
const toolRoot = join(homedir(), '.cache', 'kspan', 'cargo');
const outDir = process.argv[2] ? resolve(process.argv[2]) : committedPkg;

// RUSTFLAGS of the caller would replace those of .cargo/config.toml (simd128), so they stay out.
const { RUSTFLAGS, CARGO_ENCODED_RUSTFLAGS, ...inherited } = process.env;
const env = {
  ...inherited,
  PATH: [join(toolRoot, 'bin'), join(homedir(), '.cargo', 'bin'), inherited.PATH].join(delimiter),
};

try {
  if (!succeeds('cargo', '--version')) throw new Error('Rust is missing: install rustup and cargo');
  installTarget();
  installTool('wasm-pack', 'wasm-pack', wasmPackVersion);
  installTool('wasm-bindgen', 'wasm-bindgen-cli', lockedVersion('wasm-bindgen'));
  build();
} catch (error) {
  console.error(`build-wasm: ${error.message}`);
  process.exitCode = 1;
}

function installTarget() {
  const libraries = capture('rustc', '--print', 'target-libdir', '--target', target).trim();
  if (existsSync(libraries) && readdirSync(libraries).some((name) => name.startsWith('libstd')))
    return;
  if (!succeeds('rustup', '--version')) {
    throw new Error(`the Rust target ${target} is missing, and so is rustup, which could add it`);
  }
  run('rustup', 'target', 'add', target);
}

/** wasm-pack and wasm-bindgen both print their version as the second word. */
function installTool(binary, crate, version) {
  if (capture(binary, '--version').split(/\s/)[1] === version) return;
  run('cargo', 'install', crate, '--version', version, '--locked', '--root', toolRoot);
}

/** wasm-bindgen's tool must have the version of the crate, which the lock file knows. */
function lockedVersion(crate) {
  const lock = readFileSync(join(root, 'Cargo.lock'), 'utf8');
  const match = lock.match(new RegExp(`name = "${crate}"\\nversion = "([^"]+)"`));
  if (!match) throw new Error(`Cargo.lock does not name ${crate}`);
  return match[1];
}

function build() {
  const sources = hashSources();
  const crate = join(root, 'crates', 'correlate');
  const options = ['--target', 'web', '--release', '--mode', 'no-install', '--no-opt'];
  const names = ['--out-name', 'correlate', '--out-dir', outDir];
  run('wasm-pack', 'build', crate, ...options, ...names, '--', '--locked', ...withoutOwnPaths());
  // wasm-pack adds what a package of its own would need; its .gitignore would hide the build from
  // git.
  for (const name of ['.gitignore', 'package.json', 'README.md', 'LICENSE']) {
    rmSync(join(outDir, name), { force: true });
  }
  writeFileSync(join(outDir, hashFile), `${sources}\n`);
}

/** Panic messages name source files: not by where this machine keeps the crates. */
function withoutOwnPaths() {
  const registry = join(process.env.CARGO_HOME ?? join(homedir(), '.cargo'), 'registry', 'src');
  const folders = existsSync(registry) ? readdirSync(registry) : [];
  const flags = folders.map((folder) => `--remap-path-prefix=${join(registry, folder)}=crates`);
  return ['--config', `target.${target}.rustflags=${JSON.stringify(flags)}`];
}

function succeeds(command, ...args) {
  return spawnSync(command, args, { env, stdio: 'ignore' }).status === 0;
}

function capture(command, ...args) {
  return spawnSync(command, args, { cwd: root, env, encoding: 'utf8' }).stdout ?? '';
}

function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) throw new Error(`failed: ${[command, ...args].join(' ')}`);
}
