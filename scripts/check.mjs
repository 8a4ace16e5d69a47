// `npm run check`: everything that must hold before a commit lands. Runs every step even when one
// fails, each with its own output, and ends with one line that names the failed ones. Steps that need
// Rust fail with a clear line where cargo is missing. Exit code 0 only when all steps passed.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const steps = [
  ['types', 'npx', 'tsc', '-p', 'tsconfig.json'],
  ['lint and format', 'npx', 'biome', 'ci', '--error-on-warnings', '.'],
  ['rustfmt', 'cargo', 'fmt', '--all', '--check'],
  ['clippy', 'cargo', 'clippy', '--workspace', '--all-targets', '--locked', '--', '-D', 'warnings'],
  ['wasm freshness', 'node', 'scripts/wasm-fresh.mjs'],
  ['TypeScript suites', 'npx', 'vitest', 'run', '--project', 'suite'],
  ['Rust suites', 'cargo', 'test', '--workspace', '--locked'],
];
const cwd = fileURLToPath(new URL('..', import.meta.url));

const failed = steps.filter(([name, command, ...args]) => {
  console.log(`\n== ${name}: ${[command, ...args].join(' ')}`);
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (error) console.error(`cannot run ${command}: ${error.message}`);
  return status !== 0;
});
if (failed.length > 0) console.error(`\ncheck failed: ${failed.map(([name]) => name).join(', ')}`);
else console.log('\ncheck passed');
process.exitCode = failed.length > 0 ? 1 : 0;
