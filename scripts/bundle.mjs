// What `npm pack` ships: `node scripts/bundle.mjs [DIR]` writes to DIR (target/bundle; dist in the
// prepack hook) the command line, the library and the worker, with every package inside, their
// types, and the notices of those packages. The installed package so needs nothing but Node: npm
// would not apply this project's overrides to packages that it installs for somebody else. Files
// lie flat in DIR, as those that src/*.ts become, so that paths to the WASM and to package.json
// stay what they are.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { root } from './wasm-sources.mjs';

const require = createRequire(import.meta.url);
const outDir = resolve(process.argv[2] ?? join(root, 'target', 'bundle'));

// CommonJS packages inside an ES module look for these two.
const banner = `import { createRequire as createRequireHere } from 'node:module';
const require = createRequireHere(import.meta.url);
const __dirname = import.meta.dirname;`;

rmSync(outDir, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: {
    cli: 'src/cli.ts',
    index: 'src/index.ts',
    worker: 'src/worker/worker.ts',
    'piscina-worker': join(dirname(require.resolve('piscina')), 'worker.js'),
  },
  outdir: outDir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  chunkNames: 'chunk-[hash]',
  banner: { js: banner },
  // Piscina asks for it only where a pool sets a nice value.
  external: ['@napi-rs/nice'],
  plugins: [{ name: 'piscina-worker', setup: renamePiscinaWorker }],
  metafile: true,
  logLevel: 'warning',
});
writeFileSync(join(outDir, 'THIRD-PARTY-NOTICES.txt'), notices(Object.keys(metafile.inputs)));
emitTypes();

/** Piscina starts `worker.js` beside itself, which here is the name of our own worker. */
function renamePiscinaWorker(bundle) {
  bundle.onLoad({ filter: /piscina[\\/]dist[\\/]index\.js$/ }, ({ path }) => {
    const source = readFileSync(path, 'utf8');
    const contents = source.replace("__dirname, 'worker.js'", "__dirname, 'piscina-worker.js'");
    if (contents === source)
      throw new Error('piscina no longer starts worker.js: look at bundle.mjs');
    return { contents, loader: 'js' };
  });
}

/** Name, version and licence text of every package that went in. */
function notices(inputs) {
  const folders = inputs.map((file) => file.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//)?.[1]);
  const texts = [...new Set(folders)].filter(Boolean).sort().map(notice);
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

function notice(folder) {
  const { name, version, license } = JSON.parse(
    readFileSync(join(root, folder, 'package.json'), 'utf8'),
  );
  const files = readdirSync(join(root, folder)).filter((file) =>
    /^(licen[cs]e|notice)/i.test(file),
  );
  const texts = files.map((file) => readFileSync(join(root, folder, file), 'utf8').trim());
  return `${[`${name} ${version} (${license})`, ...texts].join('\n\n')}\n`;
}

function emitTypes() {
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
  const args = ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', outDir];
  const { status } = spawnSync(process.execPath, [tsc, ...args], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error('tsc failed');
}
