// The version of this package, from package.json beside the folder that this file is in.
import { readFileSync } from 'node:fs';

const manifest = new URL('../package.json', import.meta.url);

export const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
