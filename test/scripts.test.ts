// What the npm scripts ask of a machine.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

test.each(['test', 'check'])('npm run %s needs neither Go nor a cluster', (name) => {
  const texts = [scripts[name], ...sourcesOf(scripts[name])].join('\n');
  expect(texts).toMatch(/--project suite|'suite'/);
  expect(texts).not.toMatch(/--project cluster|'cluster'|'go'|test\/cluster/);
});

/** The texts of the scripts that a command runs, and of all that they import. */
function sourcesOf(command: string): string[] {
  const files = Array.from(command.matchAll(/scripts\/\S+\.mjs/g), ([path]) => join(root, path));
  for (const file of files) {
    const imported = readFileSync(file, 'utf8').matchAll(/from '(\.\S+)'/g);
    for (const [, path] of imported) {
      const other = join(dirname(file), path!);
      if (!files.includes(other)) files.push(other);
    }
  }
  return files.map((file) => readFileSync(file, 'utf8'));
}
