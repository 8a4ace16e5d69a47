// The command line as a user meets it: inputs, outputs, settings, exit codes and signals.
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { flagOf, SETTINGS, type SettingKey, variableOf } from '../src/config.ts';
import { loadConfig } from '../src/config-load.ts';
import { kspan, startKspan } from './support/kspan.ts';
import { scenario } from './support/scenarios.ts';

const { input, trace } = scenario('rollout');
const recording = fileURLToPath(new URL('scenarios/rollout/events.ndjson', import.meta.url));
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'kspan-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const KEYS = Object.keys(SETTINGS) as SettingKey[];

describe('kspan replay', () => {
  test('prints the tree on stdout, and one line of summary on stderr', async () => {
    const outcome = await kspan(['replay', recording]);
    expect(outcome).toMatchObject({ exitCode: 0, stdout: trace });
    expect(outcome.stderr).toMatch(
      /^frames=116 received=32 metadata=84 ignored=0 skipped=0 duplicates=0 dropped=0 exported=32 held=0 synthetic=3 late=0 seconds=\d+\.\d{3} events\/s=\d+\n$/,
    );
  });

  test('reads standard input, plain and gzipped, as it reads a file', async () => {
    expect(await kspan(['replay', '-'], { input })).toMatchObject({ exitCode: 0, stdout: trace });
    const zipped = { input: gzipSync(input) };
    expect(await kspan(['replay', '--', '-'], zipped)).toMatchObject({
      exitCode: 0,
      stdout: trace,
    });
  });

  test('reads several inputs as one stream in the order given', async () => {
    const half = input.indexOf(0x0a, input.length / 2) + 1;
    const first = join(folder, 'first.ndjson.gz');
    const second = join(folder, '007');
    writeFileSync(first, gzipSync(input.subarray(0, half - 1)));
    writeFileSync(second, input.subarray(half));
    const outcome = await kspan(['replay', first, '--strict', '007'], { cwd: folder });
    expect(outcome).toMatchObject({ exitCode: 0, stdout: trace });
    const again = await kspan(['replay', recording, recording]);
    expect(again.stdout).toBe(trace);
    expect(again.summary).toMatchObject({ received: '64', duplicates: '32', exported: '32' });
  });

  test('reads an empty input as nothing', async () => {
    const outcome = await kspan(['replay', '-'], { input: '' });
    expect(outcome).toMatchObject({ exitCode: 0, stdout: '' });
    expect(outcome.summary).toMatchObject({ frames: '0', exported: '0', 'events/s': '0' });
  });

  test('gives the same tree whatever the shards, chunks and batches are', async () => {
    for (const args of [
      ['--shards', '3', '--source-chunk-bytes', '1000', '--shard-batch-bytes', '1'],
      ['--shards=1', '--batches-in-flight=1'],
    ]) {
      expect((await kspan(['replay', recording, ...args])).stdout).toBe(trace);
      expect((await kspan([...args, 'replay', recording])).stdout).toBe(trace);
    }
  });

  test('--format none writes nothing but the summary', async () => {
    const outcome = await kspan(['replay', '--format=none', recording]);
    expect(outcome).toMatchObject({ exitCode: 0, stdout: '' });
    expect(outcome.summary).toMatchObject({ exported: '32', synthetic: '3' });
  });

  test('--out makes a file anew, gzipped when it ends in .gz', async () => {
    const plain = join(folder, 'tree.txt');
    writeFileSync(plain, 'x'.repeat(100_000));
    expect(await kspan(['replay', recording, '--out', plain])).toMatchObject({ stdout: '' });
    expect(readFileSync(plain, 'utf8')).toBe(trace);
    const zipped = join(folder, 'tree.txt.gz');
    await kspan(['replay', recording, `--out=${zipped}`]);
    expect(gunzipSync(readFileSync(zipped)).toString()).toBe(trace);
    const json = join(folder, 'spans.json.gz');
    await kspan(['replay', recording, '--out', json, '--format', 'otlp-json']);
    const { stdout } = await kspan(['replay', recording, '--format', 'otlp-json']);
    const lines = (text: string) => text.split('\n').sort();
    expect(lines(gunzipSync(readFileSync(json)).toString())).toEqual(lines(stdout));
  });

  test('--out never destroys an input', async () => {
    const copy = join(folder, 'copy.ndjson');
    writeFileSync(copy, input);
    const outcome = await kspan(['replay', recording, copy, '--out', copy]);
    expect(outcome).toMatchObject({
      exitCode: 2,
      stderr: `kspan: --out ${copy} is the input ${copy}\n`,
    });
    expect(statSync(copy).size).toBe(input.length);
  });

  test('a tree of more spans than it may show names the format for them', async () => {
    const outcome = await kspan(['replay', recording, '--tree-spans-max', '34']);
    expect(outcome).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: 'kspan: a tree shows at most 34 spans; use --format otlp-json\n',
    });
    expect((await kspan(['replay', recording, '--tree-spans-max', '35'])).stdout).toBe(trace);
  });

  test('a reader of stdout that goes away is no error', async () => {
    for (const format of ['tree', 'otlp-json']) {
      const child = startKspan(['replay', '-', '--format', format, '--export-batch-spans', '1']);
      child.stdout.destroy();
      child.stdin.on('error', () => {});
      child.stdin.end(input);
      const [exitCode] = await once(child, 'exit');
      expect(exitCode).toBe(0);
      expect(String(child.stderr.read() ?? '')).toBe('');
    }
  });
});

describe('settings', () => {
  test('a flag goes before a variable, that before the file, that before the default', async () => {
    const config = join(folder, 'kspan.yaml');
    writeFileSync(config, 'idleMs: 2000\nshards: 2\nclusterName: from-file\nreorderWindowMs: 1\n');
    const env = { KSPAN_SHARDS: '3', KSPAN_IDLE_MS: '', KSPAN_REORDER_WINDOW_MS: '2' };
    const loaded = loadConfig({ config, reorderWindowMs: '3' }, env);
    expect(loaded).toMatchObject({
      idleMs: 2000,
      shards: 3,
      reorderWindowMs: 3,
      clusterName: 'from-file',
      objectsMax: 1_000_000,
    });
    expect(loadConfig({}, { ...env, KSPAN_CONFIG: config })).toMatchObject({ idleMs: 2000 });
  });

  test('every one has a flag, a variable and a key, and checks what it is given', () => {
    for (const key of KEYS) {
      const { fallback } = SETTINGS[key];
      const value = String(fallback);
      expect(loadConfig({ [key]: value }, {})).toEqual(
        loadConfig({}, { [variableOf(key)]: value }),
      );
      if (typeof fallback !== 'number') continue;
      for (const wrong of ['-1', '1.5', 'x', '1e3', ' ', '99999999999999']) {
        const message = new RegExp(
          `^${flagOf(key)} must be a whole number from \\d+ to \\d+, not `,
        );
        expect(() => loadConfig({ [key]: wrong }, {})).toThrow(message);
      }
    }
  });

  test('shards are as many as the machine has cores but one', () => {
    const auto = Math.min(64, Math.max(1, availableParallelism() - 1));
    expect(loadConfig({}, {}).shards).toBe(auto);
    expect(loadConfig({ shards: 'auto' }, {}).shards).toBe(auto);
    expect(loadConfig({ shards: '64' }, {}).shards).toBe(64);
  });

  test('the standard variables of OpenTelemetry serve where there are such', () => {
    const env = {
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1',
      OTEL_BSP_MAX_QUEUE_SIZE: '2',
      OTEL_BSP_SCHEDULE_DELAY: '3',
      OTEL_BSP_EXPORT_TIMEOUT: '4',
      OTEL_SERVICE_NAME: 'kubernetes',
      OTEL_RESOURCE_ATTRIBUTES: 'a=b, k8s.cluster.name=blue%20one,c=d',
    };
    expect(loadConfig({}, env)).toMatchObject({
      exportBatchSpans: 1,
      exportQueueSpans: 2,
      exportDelayMs: 3,
      exportTimeoutMs: 4,
      serviceName: 'kubernetes',
      clusterName: 'blue one',
    });
    const timeouts = { ...env, OTEL_EXPORTER_OTLP_TIMEOUT: '5', KSPAN_CLUSTER_NAME: 'red' };
    expect(loadConfig({}, timeouts)).toMatchObject({ exportTimeoutMs: 5, clusterName: 'red' });
  });

  test('reach the spans', async () => {
    const args = ['replay', recording, '--format', 'otlp-json', '--cluster-name', '007'];
    const { stdout } = await kspan(args, { env: { OTEL_SERVICE_NAME: 'kubernetes' } });
    for (const line of stdout.trim().split('\n')) {
      for (const { resource } of JSON.parse(line).resourceSpans) {
        expect(resource.attributes).toContainEqual({
          key: 'k8s.cluster.name',
          value: { stringValue: '007' },
        });
        expect(resource.attributes[0]).toEqual({
          key: 'service.name',
          value: { stringValue: 'kubernetes' },
        });
      }
    }
  });

  const wrong: [what: string, file: string | undefined, message: string][] = [
    ['a file that is not there', undefined, 'cannot read the configuration FILE: no such file'],
    ['a file that is not YAML', 'a: [', 'cannot read the configuration FILE: '],
    ['a file that is a list', '- 1', 'FILE must hold settings as "key: value" lines'],
    ['a key that is none', 'idle: 1', 'FILE has an unknown setting "idle"'],
    ['a value that is wrong', 'shards: 65', 'shards in FILE must be "auto" or a whole number'],
    ['a value of another kind', 'strict: 3', 'strict in FILE must be true or false, not 3'],
  ];
  for (const [what, content, message] of wrong)
    test(`${what} is one line that names the file`, async () => {
      const file = join(folder, `${what.replaceAll(' ', '-')}.yaml`);
      if (content !== undefined) writeFileSync(file, content);
      const outcome = await kspan(['replay', recording, '--config', file]);
      expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
      expect(outcome.stderr).toContain(`kspan: ${message.replace('FILE', file)}`);
      expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
    });
});

describe('the command line', () => {
  test('--help lists every flag, --version says the version', async () => {
    const help = await kspan(['replay', '--help']);
    expect(help).toMatchObject({ exitCode: 0, stderr: '' });
    for (const key of KEYS) expect(help.stdout).toContain(`${flagOf(key)} `);
    const { stdout: commands } = await kspan(['--help']);
    for (const name of ['watch', 'record', 'replay', 'rbac', 'rules']) {
      expect(commands).toContain(`\n  ${name} `);
    }
    const outcome = await kspan(['--version']);
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
    expect(outcome.stdout).toContain(version);
  });

  const commands = 'watch, record FILE, replay FILE..., bench, rbac or rules';
  const noCluster =
    'there is no kubeconfig (--kubeconfig, KUBECONFIG, ~/.kube/config) and no service account';
  const unusable: [args: string[], message: string][] = [
    [[], noCluster],
    [['watch'], noCluster],
    [['-otlp-addr', 'collector:55680', '--otlp-secured'], noCluster],
    [['watch', 'x'], 'watch takes no "x" (see kspan watch --help)'],
    [['--since', 'soon'], '--since must be a time such as 90s, 10m or 2h, not "soon"'],
    [['record', 'file'], noCluster],
    [['rbac', 'x'], 'rbac takes no "x" (see kspan rbac --help)'],
    [['--kubeconfig', 'x'], 'cannot read x: no such file'],
    [['play', 'x'], `there is no command "play", only ${commands}`],
    [['replay'], 'replay needs a FILE, or - for standard input'],
    [['replay', 'x', '--colour'], 'unknown option `--colour` (see kspan replay --help)'],
    [
      ['replay', 'x', '--shards'],
      'option `--shards <threads>` value is missing (see kspan replay --help)',
    ],
    [
      ['replay', recording, '--format', 'none', '--out', 'x'],
      '--out goes with --format tree and otlp-json, not with none',
    ],
    [
      ['replay', recording, '--format', 'otlp', '--otlp-addr', 'https//collector'],
      '--otlp-addr must be an http or https URL, or HOST:PORT, not "https//collector"',
    ],
    [
      ['replay', recording, '--format', 'otlp', '-otlp-headers=a=b'],
      '--otlp-headers goes with --otlp-addr',
    ],
  ];
  for (const [args, message] of unusable)
    test(`kspan ${args.map((arg) => (arg === recording ? 'FILE' : arg)).join(' ')} is one line and exit code 2`, async () => {
      const outcome = await kspan(args, { env: { HOME: '/nowhere' } });
      expect(outcome).toMatchObject({ exitCode: 2, stdout: '', stderr: `kspan: ${message}\n` });
    });
});
