// `npm run check`: everything that must hold before a commit lands. Runs every step even when one
// fails, and ends with one line that names the failed ones. Exit code 0 only when all passed.
import { checkSteps } from './check-steps.mjs';
import { runSteps } from './steps.mjs';

const { passed, failed, failedSteps } = await runSteps(checkSteps());
if (failed > 0) console.error(`\ncheck failed: ${failedSteps.join(', ')}`);
else console.log(`\ncheck passed, ${passed} cases`);
process.exitCode = failed > 0 ? 1 : 0;
