// `npm run check`: everything that must hold before a commit lands. Runs every step even when one
// fails, and ends with one line that names the failed ones. Exit code 0 only when all passed.
import { checkSteps } from './check-steps.mjs';
import { runSteps } from './steps.mjs';

const { passed, failed } = await runSteps(checkSteps());
console.log(failed > 0 ? `\ncheck failed, ${failed} cases` : `\ncheck passed, ${passed} cases`);
process.exitCode = failed > 0 ? 1 : 0;
