// The table of causality in the hands of a user: own rows, what is said of wrong ones, and the commands
// that show what the table makes of a message.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createEngine } from '../dist/index.js';
import { loadConfig } from '../src/config-load.ts';
import { ConfigError } from '../src/errors.ts';
import { compileWasm, WasmRules } from '../src/wasm.ts';
import { type Frame, inputOf } from './support/frames.ts';
import { kspan } from './support/kspan.ts';

interface BuiltinRow {
  id: string;
  kinds?: string[];
  controllers?: string[];
  reasons?: string[];
  types?: string[];
  samples: { message: string; controller?: string; reason?: string; type?: string }[];
}

const rulesFolder = new URL('../crates/correlate/rules/', import.meta.url);
const builtin = readdirSync(rulesFolder)
  .filter((file) => file.endsWith('.yaml'))
  .sort()
  .flatMap((file) => parse(readFileSync(new URL(file, rulesFolder), 'utf8')) as BuiltinRow[]);

const BACKUPS = `
idleMs: 1000
rules:
  - id: backup-started
    controllers: [backup-operator]
    reasons: [BackupStarted]
    message: '^Backing up with pod (?<pod>[^ ]+)$'
    names: [{ kind: Pod, name: pod }]
    begins: backup
    timeout: 2h
    samples:
      - { message: Backing up with pod db-1, want: { pod: db-1 } }
  - id: backup-ended
    controllers: [backup-*]
    reasons: [BackupCompleted, BackupFailed]
    ends: [backup]
`;

let folder: string;
let backups: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kspan-rules-'));
  backups = written('backups.yaml', BACKUPS);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

function eventAt(
  second: number,
  kind: string,
  name: string,
  told: [string, string, string],
): Frame {
  const [component, reason, message] = told;
  const time = `2026-11-22T15:30:${String(second).padStart(2, '0')}Z`;
  const metadata = { name: `${name}.${second}`, namespace: 'shop', uid: `event-${second}` };
  const involvedObject = { kind, name, namespace: 'shop', uid: `uid-of-${name}` };
  const event = { kind: 'Event', metadata, involvedObject, reason, message, type: 'Normal' };
  const times = { firstTimestamp: time, lastTimestamp: time, count: 1, source: { component } };
  return { type: 'ADDED', receivedAt: time, object: { ...event, ...times } };
}

const scheduled = 'Successfully assigned shop/db-1 to hollow-1';
const input = inputOf([
  eventAt(1, 'Database', 'db', ['backup-operator', 'BackupStarted', 'Backing up with pod db-1']),
  eventAt(3, 'Pod', 'db-1', ['default-scheduler', 'Scheduled', scheduled]),
  eventAt(4, 'Pod', 'db-1', ['kubelet', 'Started', 'Container started']),
  eventAt(41, 'Database', 'db', ['backup-operator', 'BackupCompleted', 'Done']),
]);
const tree = `0: unknown Database.unknown [+0.000 40.000]
  1: backup-operator Database.BackupStarted (0) [+0.000 40.000] Backing up with pod db-1
    2: default-scheduler Pod.Scheduled (1) [+2.000 1.000] ${scheduled}
    3: kubelet Pod.Started (1) [+3.000 0.000] Container started
  4: backup-operator Database.BackupCompleted (0) [+40.000 0.000] Done
`;

describe('rows of the user', () => {
  test('name objects and begin and end phases as the built-in ones do, in every thread', async () => {
    for (const shards of ['1', '3']) {
      const args = ['replay', '-', '--config', backups, '--shards', shards];
      expect(await kspan(args, { input })).toMatchObject({ exitCode: 0, stdout: tree });
    }
    expect((await kspan(['replay', '-'], { input })).stdout).not.toBe(tree);
  });

  test('of a program that uses the library do the same', async () => {
    const { rules } = parse(BACKUPS);
    const exporter = new InMemorySpanExporter();
    const engine = await createEngine({ rules, exporter, idleMs: 1000 });
    await engine.push(input);
    await engine.close();
    const spans = exporter.getFinishedSpans();
    const started = spans.find((span) => span.name === 'Database.BackupStarted')!;
    const pods = spans.filter((span) => span.name.startsWith('Pod.'));
    expect(pods).toHaveLength(2);
    for (const pod of pods)
      expect(pod.parentSpanContext?.spanId).toBe(started.spanContext().spanId);
  });

  test('go before the built-in ones', async () => {
    const config = written('own.yaml', 'rules: [{ id: mine, reasons: [SuccessfulCreate] }]');
    const args = ['rules', 'test', 'Created pod: x', '--reason', 'SuccessfulCreate'];
    expect((await kspan(args)).stdout).toMatch(/^pod-created\n/);
    const { stdout } = await kspan([...args, '--config', config]);
    expect(stdout).toMatch(/^mine \(yours\)\n[\s\S]*\npod-created\n/);
  });

  const row = 'id: x, reasons: [A]';
  const wrong: [what: string, rules: string, message: string][] = [
    ['that are no list', 'rules: 1', 'FILE:1: rules must be a list'],
    ['that are no map', 'rules:\n- 1', 'FILE:2: rules[0] must be a map'],
    ['without an id', 'rules:\n- reasons: [A]', 'FILE:2: rules[0]: id must be text'],
    [
      'whose id is no name',
      'rules:\n- {id: "a\\nb", reasons: [A]}',
      'FILE:2: rules[0] (id a b): id must be letters, digits, and any of . _ -',
    ],
    [
      'with a value of another type',
      `rules:\n- {${row}}\n- id: y\n  reasons: [A, 1]`,
      'FILE:4: rules[1] (id y): reasons[1] must be text',
    ],
    [
      'with a key that there is not',
      'rules:\n- id: x\n  reason: A',
      'FILE:3: rules[0] (id x) has an unknown key "reason"',
    ],
    [
      'with an unknown key further in',
      `rules:\n- {${row}, samples: [{ message: m,\n    wants: 1 }]}`,
      'FILE:3: rules[0] (id x): samples[0] has an unknown key "wants"',
    ],
    [
      'with a word that there is not',
      `rules:\n- {${row}, direction: left}`,
      'FILE:2: rules[0] (id x): direction must be up or down',
    ],
    [
      'with an object that is none',
      `rules:\n- {${row}, links: [pod]}`,
      'FILE:2: rules[0] (id x): links[0] must be target, related, node or {kind, name, namespace}',
    ],
    [
      'with an expression that cannot be read',
      `rules:\n\n- {${row}, message: 'a(b'}`,
      'FILE:3: rules[0] (id x): unclosed group at character 2: a(b',
    ],
    [
      'with a group that the message has not',
      `rules:\n- {${row}, message: a, names: [{ kind: Pod, name: p }]}`,
      'FILE:2: rules[0] (id x): message has no group p',
    ],
    [
      'that end what nothing begins',
      `rules:\n- {${row}, ends: [lunch]}`,
      'FILE:2: rules[0] (id x): no row begins the phase lunch, which it ends',
    ],
    [
      'with the id of another',
      'rules:\n- {id: pod-created, reasons: [A]}',
      'FILE:2: rules[0] (id pod-created): another row has this id',
    ],
    [
      'whose sample is not theirs',
      `rules:\n- {${row}, message: ^a, samples: [{ message: "b\\nc" }]}`,
      'FILE:2: rules[0] (id x): its sample is not of the row: b c',
    ],
    [
      'whose sample holds something else',
      `rules:\n- {${row}, message: '^(?<g>a+)', samples: [{ message: aa, want: { g: a } }]}`,
      'FILE:2: rules[0] (id x): g holds aa, not a, in its sample: aa',
    ],
  ];
  for (const [what, rules, message] of wrong)
    test(`${what} are an error that names file, line and row`, () => {
      const file = written('wrong.yaml', rules);
      const error = new ConfigError('config_invalid', message.replace('FILE', file));
      expect(() => loadConfig({ config: file }, {})).toThrow(error);
    });

  test('that are wrong are one line and exit code 2', async () => {
    const config = written('wrong.yaml', 'rules:\n- id: x');
    for (const args of [['replay', '-'], ['rules'], ['rules', 'test', 'x']])
      expect(await kspan([...args, '--config', config])).toMatchObject({
        exitCode: 2,
        stdout: '',
        stderr: `kspan: ${config}:2: rules[0] (id x): a row needs reasons or controllers\n`,
      });
  });

  test('that a program hands over wrong are a ConfigError that names the row', async () => {
    const rules = [{ id: 'x', message: 'a' }];
    await expect(
      createEngine({ rules, exporter: new InMemorySpanExporter() }),
    ).rejects.toMatchObject({
      code: 'config_invalid',
      message: 'rules[0] (id x): a row needs reasons or controllers',
    });
  });
});

describe('kspan rules', () => {
  test("lists every row once, the user's first and marked", async () => {
    const { exitCode, stdout, stderr } = await kspan(['rules', '--config', backups]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const [header, ...lines] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(header).toEqual(['ROW', 'CONTROLLERS', 'KINDS', 'DOES', 'REASONS']);
    expect(lines.slice(0, 2)).toEqual([
      [
        'backup-started (yours)',
        'backup-operator',
        '*',
        'names Pod, begins backup 2h',
        'BackupStarted',
      ],
      ['backup-ended (yours)', 'backup-*', '*', 'ends backup', 'BackupCompleted, BackupFailed'],
    ]);
    expect(lines.slice(2).map(([id]) => id)).toEqual(builtin.map(({ id }) => id));
  });

  test('test says which row a message is of, and what it holds', async () => {
    const args = ['rules', 'test', 'Backing up with pod db-1', '--config', backups];
    expect(await kspan([...args, '--controller=backup-operator'])).toMatchObject({
      exitCode: 0,
      stderr: '',
      stdout: `backup-started (yours)
  of         backup-operator | BackupStarted
  groups     pod=db-1
  names      Pod db-1
  direction  up
  begins     backup of its own object, for 2h at most
`,
    });
  });

  test('test shows all rows that may be meant, the one that counts first', async () => {
    const { stdout, exitCode } = await kspan(['rules', 'test', 'Created pod: x']);
    expect(exitCode).toBe(0);
    const ids = stdout.split('\n').filter((line) => /^[a-z-]+$/.test(line));
    expect(ids.slice(0, 2)).toEqual(['pod-created', 'job-pod-created']);
    const one = await kspan(['rules', 'test', 'Created pod: x', '--kind', 'Job']);
    expect(one.stdout).toMatch(/^job-pod-created\n/);
  });

  test('test exits with 1 when no row knows the message', async () => {
    const args = ['rules', 'test', 'nobody says this'];
    expect(await kspan([...args, '--reason', 'Unheard', '--controller', 'nobody'])).toMatchObject({
      exitCode: 1,
      stdout: 'no row: it is a point in time that names nothing\n',
    });
    expect((await kspan(args)).stdout).toMatch(/nothing; \d+ rows take any message, /);
  });

  test('test answers every sample of the built-in rows with its row', () => {
    const table = new WasmRules(compileWasm(), []);
    for (const { id, controllers, kinds, reasons, types, samples } of builtin)
      for (const { message, controller, reason, type } of samples) {
        const [first] = table.tryMessage({
          message,
          kind: kinds?.[0],
          controller: controller ?? controllers?.[0]?.replace('*', '') ?? 'any',
          reason: reason ?? reasons?.[0] ?? 'Any',
          type: type ?? types?.[0] ?? 'Normal',
        });
        expect([message, first?.id]).toEqual([message, id]);
      }
  });

  const unusable: [args: string[], message: string][] = [
    [
      ['rules', 'show'],
      "rules takes nothing, or test and one message in quotes: rules test 'MESSAGE'",
    ],
    [
      ['rules', 'test'],
      "rules takes nothing, or test and one message in quotes: rules test 'MESSAGE'",
    ],
    [
      ['rules', 'test', 'a', 'b'],
      "rules takes nothing, or test and one message in quotes: rules test 'MESSAGE'",
    ],
    [['rules', '--shards', '1'], 'unknown option `--shards` (see kspan rules --help)'],
  ];
  for (const [args, message] of unusable)
    test(`${args.join(' ')} is one line and exit code 2`, async () => {
      const outcome = await kspan(args);
      expect(outcome).toMatchObject({ exitCode: 2, stdout: '', stderr: `kspan: ${message}\n` });
    });
});
