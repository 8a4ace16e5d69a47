// `npm run readme`: writes what README.md takes from elsewhere: the controllers that the table of
// causality knows, the settings, the metrics. A test fails when they are stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withRules } from './readme-rules.mjs';
import { withTables } from './readme-tables.mjs';
import { root } from './wasm-sources.mjs';

const file = join(root, 'README.md');
writeFileSync(file, await withTables(withRules(readFileSync(file, 'utf8'))));
