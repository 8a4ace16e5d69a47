// Span and trace ids for the naive oracle: FNV-1a of a key, written from the published algorithm.
const FNV_64 = { bits: 64, basis: 0xcbf29ce484222325n, prime: 0x100000001b3n };
const FNV_128 = {
  bits: 128,
  basis: 0x6c62272e07bb014262b821756295c58dn,
  prime: 0x1000000000000000000013bn,
};

function fnv1a(key: Uint8Array, { bits, basis, prime }: typeof FNV_64): string {
  const hash = key.reduce((h, byte) => BigInt.asUintN(bits, (h ^ BigInt(byte)) * prime), basis);
  return (hash || 1n).toString(16).padStart(bits / 4, '0');
}

/** A key: strings as UTF-8, integers as 64 bits little-endian, one after the other. */
export function keyOf(...parts: (string | number)[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : int64(part))),
  );
}

function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
}

export const traceIdOf = (key: Uint8Array): string => fnv1a(key, FNV_128);
export const spanIdOf = (key: Uint8Array): string => fnv1a(key, FNV_64);
