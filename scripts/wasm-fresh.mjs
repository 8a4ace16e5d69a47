// Says whether the committed WASM was built from the sources beside it. Exit code 1 and one line
// when it was not.
import { builtFrom, committedPkg, hashSources } from './wasm-sources.mjs';

if (builtFrom(committedPkg) === hashSources()) {
  console.log('crates/correlate/pkg is what the sources build');
} else {
  console.error('crates/correlate/pkg was built from other sources: run `npm run build:wasm`');
  process.exitCode = 1;
}
