// How long the long proofs are. KSPAN_PROOF_FACTOR (0 < factor <= 1, default 1) shortens all of
// them alike, where a machine has less time than the proof as stated takes.
const text = process.env.KSPAN_PROOF_FACTOR ?? '1';
const factor = Number(text);
if (!(factor > 0 && factor <= 1)) throw new Error(`KSPAN_PROOF_FACTOR: not in (0, 1]: ${text}`);

/** The stated number (bytes, runs, seconds) of a proof, shortened by the factor. */
export function shortened(stated: number): number {
  return Math.ceil(stated * factor);
}
