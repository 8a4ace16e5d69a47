// `--format otlp` over TLS, on both protocols: whom it trusts, who it is, and what happens when these
// files change as mounted secrets do, by a symbolic link that points elsewhere at once.
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerCredentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Identity, makeIdentity } from './support/certificates.ts';
import { startGrpcBackEnd } from './support/grpc-back-end.ts';
import { openTarget, outcomeOf } from './support/otlp-batch.ts';

interface Served extends AsyncDisposable {
  port: number;
}

let folder: string;
let one: Identity;
let other: Identity;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kspan-tls-'));
  one = makeIdentity(folder, 'one');
  other = makeIdentity(folder, 'other');
});

beforeEach(() => mount(one));

afterAll(() => rmSync(folder, { recursive: true }));

const path = (name: string) => join(folder, 'mounted', name);
const tls = () => ({ caFile: path('ca.crt'), certFile: path('tls.crt'), keyFile: path('tls.key') });
let mounts = 0;

function mount({ ca, cert, key }: Identity): void {
  mounts += 1;
  const data = join(folder, `data-${mounts}`);
  mkdirSync(data);
  writeFileSync(join(data, 'ca.crt'), ca);
  writeFileSync(join(data, 'tls.crt'), cert);
  writeFileSync(join(data, 'tls.key'), key);
  symlinkSync(data, `${data}-link`);
  renameSync(`${data}-link`, join(folder, 'mounted'));
}

/** Takes spans only from whom its own authority has signed. */
async function serveHttp({ ca, cert, key }: Identity, port = 0): Promise<Served> {
  const options = { ca, cert, key, requestCert: true };
  const server = createServer(options, (request, response) => {
    request.resume().on('end', () => response.end());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function serveGrpc({ ca, cert, key }: Identity, port = 0): Promise<Served> {
  const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) };
  const credentials = ServerCredentials.createSsl(Buffer.from(ca), [pair], true);
  const { address, cut } = await startGrpcBackEnd(undefined, { tls: credentials, port });
  return {
    port: Number(address.split(':')[1]),
    [Symbol.asyncDispose]: async () => cut(),
  };
}

const protocols = [
  { protocol: 'http/protobuf', serve: serveHttp, pathname: '/v1/traces' },
  { protocol: 'grpc', serve: serveGrpc, pathname: '' },
] as const;

for (const { protocol, serve, pathname } of protocols)
  describe(`${protocol} over TLS`, () => {
    const urlOf = ({ port }: Served) => `https://127.0.0.1:${port}${pathname}`;
    const open = (url: string, tlsCheckMs = 0) =>
      openTarget({ protocol, url, tls: tls() }, { tlsCheckMs });

    test('shows its certificate to whom it trusts, and to nobody else', async () => {
      await using right = await serve(one);
      await using wrong = await serve(other);
      expect(await outcomeOf(open(urlOf(right)).target)).toEqual({ refused: 0 });
      expect(await outcomeOf(open(urlOf(wrong)).target)).toMatchObject({ retry: 'again' });
      const { target } = openTarget({ protocol, url: urlOf(right) });
      expect(await outcomeOf(target)).toMatchObject({ retry: 'again' });
    });

    test('goes on with new files, without a restart', async () => {
      const before = await serve(one);
      const { target, lines } = open(urlOf(before));
      expect(await outcomeOf(target)).toEqual({ refused: 0 });
      await before[Symbol.asyncDispose]();
      await using _ = await serve(other, before.port);
      expect(await outcomeOf(target)).toMatchObject({ retry: 'again' });
      mount(other);
      await expect.poll(() => outcomeOf(target), { timeout: 600_000 }).toEqual({ refused: 0 });
      expect(lines).toEqual([]);
    });

    test('goes on with the old files while the new ones are of no use, and says so once', async () => {
      await using server = await serve(one);
      const { target, lines } = open(urlOf(server));
      const cut = other.cert.slice(0, other.cert.length / 2);
      const useless = [
        { ...one, key: other.key },
        { ...one, ca: cut },
        { ...one, cert: '' },
      ];
      for (const identity of useless) {
        mount(identity);
        expect(await outcomeOf(target)).toEqual({ refused: 0 });
      }
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain(`cannot use the new ${path('ca.crt')}`);
      mount(one);
      expect(await outcomeOf(target)).toEqual({ refused: 0 });
      mount(useless[1]!);
      expect(await outcomeOf(target)).toEqual({ refused: 0 });
      expect(lines).toHaveLength(2);
    });

    test('does not look at the files again before it is time', async () => {
      await using server = await serve(one);
      const { target, lines } = open(urlOf(server), 600_000);
      mount({ ...one, cert: '' });
      expect(await outcomeOf(target)).toEqual({ refused: 0 });
      expect(lines).toEqual([]);
    });

    test('does not begin with files that are of no use', async () => {
      for (const [identity, reason] of [
        [{ ...one, key: other.key }, 'key values mismatch'],
        [{ ...one, ca: one.ca.slice(0, 300) }, 'a certificate in it is cut off'],
        [{ ...one, ca: 'nothing' }, 'there is no certificate in it'],
      ] as const) {
        mount(identity);
        expect(() => open('https://127.0.0.1:1')).toThrow(reason);
      }
    });
  });
