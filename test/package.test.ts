// The published package, from bundle to use: bundled, packed and installed into an empty folder, it
// must run with nothing but Node. No registry is asked for anything.
import { execFileSync, type StdioOptions, spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeApiServer, status } from './support/fake-api-server.ts';
import { startGrpcBackEnd } from './support/grpc-back-end.ts';
import { decodeOtlp } from './support/otlp.ts';
import { dump } from './support/spans.ts';
import { startTraceReceiver } from './support/trace-receiver.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const scenario = join(root, 'test', 'scenarios', 'rollout');
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');

let folder: string;
let installed: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kspan-package-'));
  const staged = join(folder, 'staged');
  stage(staged);
  npm(staged, 'pack', '--ignore-scripts', '--pack-destination', folder);
  const user = join(folder, 'user');
  mkdirSync(user);
  const tarball = join(folder, `${name}-${version}.tgz`);
  npm(
    user,
    'install',
    '--offline',
    '--no-audit',
    '--no-fund',
    '--cache',
    join(folder, 'cache'),
    tarball,
  );
  installed = join(user, 'node_modules');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the prepack hook makes of the checkout, made elsewhere: other tests are using dist. */
function stage(target: string): void {
  mkdirSync(target);
  run('scripts/bundle.mjs', join(target, 'dist'));
  for (const entry of [
    'package.json',
    'LICENSE',
    'README.md',
    'CHANGELOG.md',
    'crates/correlate/pkg',
    'test/scenarios',
  ]) {
    if (existsSync(join(root, entry)))
      cpSync(join(root, entry), join(target, entry), { recursive: true });
  }
}

function run(script: string, ...args: string[]): string {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe'];
  return execFileSync(process.execPath, [script, ...args], { cwd: root, encoding: 'utf8', stdio });
}

function npm(cwd: string, ...args: string[]): void {
  execFileSync('npm', [...args, '--no-update-notifier'], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function kspan(...args: string[]): string {
  return run(join(installed, '.bin', name), ...args);
}

test('the package brings no other package', () => {
  expect(readdirSync(installed).filter((entry) => !entry.startsWith('.'))).toEqual([name]);
});

test('the installed command says its version', () => {
  expect(kspan('--version')).toContain(version);
});

test('the installed command replays a recording through its workers', () => {
  const recording = join(scenario, 'events.ndjson');
  const tree = kspan('replay', recording, '--format', 'tree', '--shards', '2');
  expect(tree).toBe(readFileSync(join(scenario, 'trace.txt'), 'utf8'));
});

test('the installed command brings the recordings that it measures with', () => {
  const printed = kspan('bench', '--runs', '1', '--shards', '1');
  expect(printed).toMatch(/^66\.\d MB, 31187 Events in 47006 frames/m);
  expect(printed).toMatch(/^KSPAN_SHARDS=\d+: /m);
});

test('the installed command reaches a cluster with what it brings', async () => {
  const server = await FakeApiServer.start();
  server.script('list', '/api/v1/events', status(403));
  const command = join(installed, '.bin', name);
  const args = [command, 'watch', '--kubeconfig', server.kubeconfig, '--kinds', 'pods'];
  const child = spawn(process.execPath, [...args, '--metrics-addr', '127.0.0.1:0']);
  const printed = await text(child.stderr);
  expect(printed).toContain('metrics are served');
  expect(printed).toContain('does not let Events be watched');
  await server.close();
});

test('the installed command sends spans over HTTP and gRPC with what it brings', async () => {
  const args = ['replay', join(scenario, 'events.ndjson'), '--format', 'otlp', '--strict'];
  const send = async (protocol: string, endpoint: string) => {
    const names = { OTEL_EXPORTER_OTLP_PROTOCOL: protocol, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint };
    const env = { PATH: process.env.PATH, OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip', ...names };
    const child = spawn(process.execPath, [join(installed, '.bin', name), ...args], { env });
    expect(await text(child.stderr)).toContain(' exported=32 ');
  };
  const receiver = await startTraceReceiver();
  await send('http/protobuf', receiver.endpoint);
  await using backEnd = await startGrpcBackEnd();
  await send('grpc', `http://${backEnd.address}`);
  const spans = dump(receiver.bodies.flatMap(decodeOtlp));
  expect(dump(backEnd.calls.flatMap(({ bytes }) => decodeOtlp(bytes)))).toBe(spans);
  await receiver.close();
});

test('the installed library exports createEngine', () => {
  const program = `import { createEngine } from '${name}'; console.log(typeof createEngine)`;
  const args = ['--input-type=module', '--eval', program];
  const cwd = join(folder, 'user');
  expect(execFileSync(process.execPath, args, { cwd, encoding: 'utf8' }).trim()).toBe('function');
});

test('the installed types take right options and no wrong ones', () => {
  const program = `
    import { createEngine, type EngineOptions } from '${name}';
    const right: EngineOptions[] = [{ shards: 'auto' }, { shards: 2, idleMs: 1000 }];
    const wrong: EngineOptions[] = [
      // @ts-expect-error
      { shards: 'many' },
      // @ts-expect-error
      { idleMs: '1000' },
      // @ts-expect-error
      { idle: 1000 },
    ];
    export const engines = [...right, ...wrong].map(createEngine);`;
  const user = join(folder, 'user');
  const typeRoots = [join(root, 'node_modules', '@types')];
  const compilerOptions = {
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    module: 'nodenext',
    target: 'es2023',
    typeRoots,
    types: ['node'],
  };
  writeFileSync(join(user, 'options.mts'), program);
  const config = { compilerOptions, files: ['options.mts'] };
  writeFileSync(join(user, 'tsconfig.json'), JSON.stringify(config));
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', user], { encoding: 'utf8' });
  expect(stdout).toBe('');
});
