// The README says what is true: its commands run, in a folder that looks like a clone, and print what
// it shows; its pictures are in the recording, its table of settings is that of config.ts. `console` blocks
// are run; a `sh` block is for another machine, and the second word of its info string says why.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { flagOf, SETTINGS, type SettingKey, variableOf } from '../src/config.ts';
import { METRICS } from '../src/ops/metrics.ts';
import { decodeOtlp } from './support/otlp.ts';
import { scenario } from './support/scenarios.ts';
import { startTraceReceiver, type TraceReceiver } from './support/trace-receiver.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)].map(
  ([, language, where, content]) => ({ language, where: where!, content: content! }),
);
/** Needs a network, a cluster. */
const ELSEWHERE = ['clone', 'cluster'];
const BACK_END = 'http://localhost:4318';

const contentsOf = (language: string) =>
  blocks.filter((block) => block.language === language).map(({ content }) => content);

describe('the commands of the README', () => {
  let clone: string;
  let receiver: TraceReceiver;

  beforeAll(async () => {
    mkdirSync(join(root, 'target'), { recursive: true });
    clone = mkdtempSync(join(root, 'target', 'readme-'));
    for (const name of ['crates', 'dist', 'node_modules', 'package.json', 'test'])
      await symlink(join(root, name), join(clone, name));
    await writeFile(join(clone, 'example.mjs'), contentsOf('js')[0]!);
    await writeFile(join(clone, 'kspan.yaml'), contentsOf('yaml')[0]!);
    receiver = await startTraceReceiver();
  });

  afterAll(async () => {
    await receiver.close();
    rmSync(clone, { recursive: true });
  });

  for (const { command, output } of contentsOf('console').flatMap(commandsOf))
    test(`${command}`, async () => {
      const printed = await run(command.replace(BACK_END, receiver.endpoint));
      expect(withoutSpeed(printed)).toBe(withoutSpeed(output));
      if (!command.includes(BACK_END)) return;
      const { exported, synthetic } =
        /exported=(?<exported>\d+) .*synthetic=(?<synthetic>\d+)/.exec(printed)!.groups!;
      const spans = receiver.bodies.flatMap(decodeOtlp);
      expect(spans).toHaveLength(Number(exported) + Number(synthetic));
    });

  async function run(command: string): Promise<string> {
    const { PATH = '' } = process.env;
    // npm would ask its registry for news of itself, and warn of what it finds in its configuration.
    const silence = { npm_config_update_notifier: 'false', npm_config_loglevel: 'error' };
    const env = { PATH, HOME: clone, ...silence };
    const child = spawn('sh', ['-c', `exec 2>&1\n${command}`], { cwd: clone, env });
    child.stdin.end();
    const [printed] = await Promise.all([text(child.stdout), once(child, 'close')]);
    return printed;
  }

  test('are run, or say where else they would', () => {
    const shell = blocks.filter(({ language }) => language === 'sh');
    expect(ELSEWHERE).toEqual(expect.arrayContaining(shell.map(({ where }) => where)));
    expect(contentsOf('console').length).toBeGreaterThan(0);
  });
});

describe('the pictures of the README', () => {
  const rollout = scenario('rollout');
  const [before = '', after = ''] = contentsOf('text');

  test('show Events of the recording, in the columns and the order of kubectl', () => {
    const [header, ...rows] = before.trimEnd().split('\n').map(columns);
    expect(header).toEqual(['LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE']);
    const listed = eventRows(rollout.input, '2026-11-22T15:31:40Z').map((row) => row.join('   '));
    const places = rows.map((row) => listed.indexOf(row.join('   ')));
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  test('show the beginning of a trace of the recording', () => {
    expect(after).toMatch(/\n\.\.\.\n$/);
    expect(rollout.trace).toContain(`\n\n${after.slice(0, -'...\n'.length)}`);
  });
});

describe('the README', () => {
  test('has the table of settings as config.ts has it', () => {
    const rows = (Object.keys(SETTINGS) as SettingKey[]).map(settingRow);
    expect(tableOf('| flag |')).toEqual(rows);
  });

  test('has the table of metrics as ops/metrics.ts has it', () => {
    const rows = Object.entries(METRICS).map(([name, { type, labels, help }]) =>
      row([`\`${name}\``, type, labels.join(', '), help.slice(0, -1)]),
    );
    expect(tableOf('| metric |')).toEqual(rows);
  });

  test('lists the controllers that the rule files know', async () => {
    const script = pathToFileURL(join(root, 'scripts', 'readme-rules.mjs'));
    const { withRules } = await import(script.href);
    expect(readme, 'stale: npm run readme').toBe(withRules(readme));
  });

  test('links to files that are there', () => {
    const targets = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, target]) => target!);
    expect(targets.filter((target) => !existsSync(join(root, target)))).toEqual([]);
  });

  test('and the changelog tells of this version', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(readFileSync(join(root, 'CHANGELOG.md'), 'utf8')).toContain(`\n## [${version}] - `);
  });
});

/** `$ COMMAND` lines, each with what follows it. */
function commandsOf(content: string) {
  return content.split(/^\$ /m).flatMap((part) => {
    const end = part.indexOf('\n');
    return end === -1 ? [] : [{ command: part.slice(0, end), output: part.slice(end + 1) }];
  });
}

function withoutSpeed(output: string): string {
  return output.replaceAll(/seconds=\S+ events\/s=\S+/g, 'seconds=... events/s=...');
}

function columns(line: string): string[] {
  return line.split(/ {2,}/);
}

/** The Events as `kubectl get events` would list them at that time: by name, ages in whole seconds. */
function eventRows(input: Uint8Array, now: string): string[][] {
  const objects = Buffer.from(input).toString().trimEnd().split('\n');
  return objects
    .map((line) => JSON.parse(line).object)
    .filter(({ kind }) => kind === 'Event')
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .map(({ lastTimestamp, eventTime, type, reason, involvedObject, message }) => {
      const age = Date.parse(now) - Date.parse(lastTimestamp ?? eventTime);
      const object = `${involvedObject.kind.toLowerCase()}/${involvedObject.name}`;
      return [`${Math.floor(age / 1000)}s`, type, reason, object, message];
    });
}

function settingRow(key: SettingKey): string {
  const { fallback, unit, expects, says, atLimit, standard } = SETTINGS[key];
  const variables = [variableOf(key), ...standard].map((name) => `\`${name}\``).join(', ');
  const range = expects.replace(/^a whole number from (\d+) to (\d+)$/, `$1 to $2 ${unit}`);
  const values = range.replaceAll('"', '`').trim();
  return row([`\`${flagOf(key)}\``, variables, `${fallback}`, values, says, atLimit]);
}

function row(cells: string[]): string {
  return `| ${cells.join(' | ')} |`.replaceAll(/ {2,}/g, ' ');
}

/** The rows of the table whose header begins so. */
function tableOf(header: string): string[] {
  const start = readme.indexOf(`\n${header}`) + 1;
  return readme.slice(start, readme.indexOf('\n\n', start)).split('\n').slice(2);
}
