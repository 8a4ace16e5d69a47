#!/usr/bin/env node
// The command line: finds the command, reports errors as one line on stderr, and exits. 0: done; 1:
// input or delivery failed, or --strict met something that was skipped or dropped; 2: usage,
// configuration or an input that cannot be opened; 130 and 143 after a signal that ends a replay.
import { parseArguments } from './cli/arguments.js';
import { rbacCommand } from './cli/rbac-command.js';
import { recordCommand } from './cli/record-command.js';
import { replayCommand } from './cli/replay-command.js';
import { rulesCommand } from './cli/rules-command.js';
import { KspanError } from './errors.js';
import { version } from './version.js';

async function main(): Promise<number> {
  try {
    const command = parseArguments(process.argv, version);
    if (!command) return 0;
    switch (command.name) {
      case 'watch': {
        // What only a live run needs is large.
        const { watchCommand } = await import('./cli/watch-command.js');
        return await watchCommand(command, process.env);
      }
      case 'record':
        return await recordCommand(command, process.env);
      case 'rbac':
        return rbacCommand(command, process.env);
      case 'bench': {
        const { benchCommand } = await import('./cli/bench-command.js');
        return await benchCommand(command, process.env);
      }
      case 'replay':
        return await replayCommand(command, process.env);
      case 'rules':
        return rulesCommand(command, process.env);
    }
  } catch (error) {
    if (!(error instanceof KspanError)) throw error;
    if (error.exitCode !== 0) console.error(`kspan: ${error.message}`);
    return error.exitCode;
  }
}

// Not left to the end of all handles: a read of standard input that nobody needs may still hang.
process.exit(await main());
