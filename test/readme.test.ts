// The README says what is true: its commands run, in a folder that looks like a clone, and print what
// it shows; its pictures are in the recording, its tables say what the code says. `console` blocks are
// run; a `sh` block is for another machine, and the second word of its info string says why.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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
  test.each([
    ['the tables of settings and metrics', 'readme-tables.mjs', 'withTables'],
    ['the list of controllers that the rule files know', 'readme-rules.mjs', 'withRules'],
  ])('has %s as they are', async (_, file, name) => {
    const script = await import(pathToFileURL(join(root, 'scripts', file)).href);
    expect(readme, 'stale: npm run readme').toBe(await script[name](readme));
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
