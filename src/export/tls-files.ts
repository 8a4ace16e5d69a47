// What secures the connection to a back end, from PEM files: whom to trust and who this is. Files that
// change (mounted secrets, renewed certificates) count for the next connection, without a restart. What
// is half written or does not fit together is told once, and what was there before goes on.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import { ConfigError, reasonOf } from '../errors.js';
import type { OtlpTlsFiles } from '../otlp-endpoint.js';

/** How long a change may go unseen: three small files are read so often, if anything is sent. */
const CHECK_MS = 5000;
const BEGIN = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/;

interface Pems {
  ca: string | undefined;
  cert: string | undefined;
  key: string | undefined;
}

export class TlsFiles {
  readonly #files: OtlpTlsFiles;
  readonly #onNotice: (line: string) => void;
  readonly #checkMs: number;
  #pems: Pems;
  #context: SecureContext;
  #checkedAt = performance.now();
  #isTold = false;

  /** Throws a ConfigError when the files are of no use. */
  constructor(files: OtlpTlsFiles, onNotice: (line: string) => void, checkMs = CHECK_MS) {
    this.#files = files;
    this.#onNotice = onNotice;
    this.#checkMs = checkMs;
    try {
      this.#pems = read(files);
      this.#context = contextOf(this.#pems);
    } catch (error) {
      const message = `cannot use ${namesOf(files)}: ${reasonOf(error)}`;
      throw new ConfigError('config_unreadable', message, error);
    }
  }

  /** For the next connection; the same object as long as the files say the same. */
  get current(): SecureContext {
    const now = performance.now();
    if (now - this.#checkedAt >= this.#checkMs) {
      this.#checkedAt = now;
      this.#check();
    }
    return this.#context;
  }

  /** By content: a secret is swapped by a symbolic link, and times are too coarse for two writes. */
  #check(): void {
    try {
      const pems = read(this.#files);
      if (!isSame(pems, this.#pems)) this.#context = contextOf(pems);
      this.#pems = pems;
      this.#isTold = false;
    } catch (error) {
      if (this.#isTold) return;
      this.#isTold = true;
      const reason = reasonOf(error);
      this.#onNotice(`cannot use the new ${namesOf(this.#files)}, the old goes on: ${reason}`);
    }
  }
}

function read({ caFile, certFile, keyFile }: OtlpTlsFiles): Pems {
  const pem = (path: string | undefined) => (path ? readFileSync(path, 'utf8') : undefined);
  return { ca: pem(caFile), cert: pem(certFile), key: pem(keyFile) };
}

function isSame(one: Pems, other: Pems): boolean {
  return one.ca === other.ca && one.cert === other.cert && one.key === other.key;
}

/** Throws when something is cut off or a key is not that of its certificate. */
function contextOf({ ca, cert, key }: Pems): SecureContext {
  // Node itself leaves out certificates to trust that it cannot read.
  for (const pem of [ca, cert]) if (pem !== undefined) requireCertificates(pem);
  return createSecureContext({ ca, cert, key });
}

function requireCertificates(pem: string): void {
  const [, ...blocks] = pem.split(BEGIN);
  if (blocks.length === 0) throw new Error('there is no certificate in it');
  for (const block of blocks) {
    const [base64 = '', end] = block.split('-----END');
    if (end === undefined) throw new Error('a certificate in it is cut off');
    new X509Certificate(Buffer.from(base64, 'base64'));
  }
}

function namesOf({ caFile, certFile, keyFile }: OtlpTlsFiles): string {
  return [caFile, certFile, keyFile].filter(Boolean).join(', ');
}
