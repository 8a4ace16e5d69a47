// Run by vitest before the first test of the project `cluster`: builds what the test cluster consists of,
// about ten minutes the first time. Builds nothing when KUBECONFIG names a cluster to test against.
import { LEASH } from '../peers/program.ts';
import { PROGRAMS } from './programs.ts';

export default function buildPrograms(): void {
  if (process.env.KUBECONFIG) return;
  LEASH.build();
  PROGRAMS.build();
}
