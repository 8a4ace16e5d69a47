// Certificates for tests, made by openssl in a folder: an authority, and what it signs for 127.0.0.1.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Identity {
  /** PEM. */
  ca: string;
  cert: string;
  key: string;
}

/** Signed by an authority of its own. */
export function makeIdentity(folder: string, name: string): Identity {
  const openssl = (words: string) =>
    execFileSync('openssl', words.split(' '), { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  const newKey = (file: string) =>
    `-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ${file}`;
  writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost');
  openssl(`req -x509 ${newKey(`${name}-ca.key`)} -subj /CN=${name}-ca -days 2 -out ${name}-ca.crt`);
  openssl(`req ${newKey(`${name}.key`)} -subj /CN=${name} -out ${name}.csr`);
  openssl(
    `x509 -req -in ${name}.csr -CA ${name}-ca.crt -CAkey ${name}-ca.key -CAcreateserial -days 2 -extfile names -out ${name}.crt`,
  );
  const read = (file: string) => readFileSync(join(folder, file), 'utf8');
  return { ca: read(`${name}-ca.crt`), cert: read(`${name}.crt`), key: read(`${name}.key`) };
}
