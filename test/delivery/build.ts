// Run by vitest before the first test of the project `delivery`: builds the Collector, which takes a
// minute or two the first time.
import { LEASH } from '../peers/program.ts';
import { PROGRAMS } from './programs.ts';

export default function buildPrograms(): void {
  LEASH.build();
  PROGRAMS.build();
}
