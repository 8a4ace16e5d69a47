// The list in README.md of the controllers that the table of causality knows, from the rule files. It
// stands between two marks.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { root } from './wasm-sources.mjs';

const marks = ['<!-- rules: npm run readme -->', '<!-- /rules -->'];
const folder = 'crates/correlate/rules';

/** The README with the list of the rule files as they are. */
export function withRules(readme) {
  const [start, end] = marks.map((mark) => readme.indexOf(mark));
  if (start < 0 || end < start) throw new Error(`README.md has no ${marks.join(' and ')}`);
  const files = readdirSync(join(root, folder)).filter((name) => name.endsWith('.yaml'));
  const families = files
    .map(familyOf)
    .sort((a, b) => (a.title.toLowerCase() < b.title.toLowerCase() ? -1 : 1));
  const total = families.reduce((sum, { rows }) => sum + rows, 0);
  const lines = families.map(({ title, name, controllers, rows }) => {
    return `| [${title}](${folder}/${name}) | ${controllers.join(', ')} | ${rows} |`;
  });
  const head = [`| ${families.length} families | controllers | ${total} rules |`, '|---|---|---|'];
  return [readme.slice(0, start) + marks[0], ...head, ...lines, readme.slice(end)].join('\n');
}

/** A file begins with its title, which ends with a period, a colon or a comma. */
function familyOf(name) {
  const text = readFileSync(join(root, folder, name), 'utf8');
  const rows = parse(text);
  const [, title] = /^# ([^.:,\n]+)/.exec(text) ?? [];
  if (!title) throw new Error(`${name} does not begin with a title`);
  const controllers = [...new Set(rows.flatMap(({ controllers: from = ['any'] }) => from))].sort();
  return { title, name, controllers, rows: rows.length };
}
