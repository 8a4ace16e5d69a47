// `npm run fuzz`: builds the fuzz targets of crates/correlate/fuzz and runs each for a number of
// executions, from their corpus, the scenarios and the samples of the rules. Prints how much was
// run, how fast and what it covered. Exit code 1 when an input failed: it is kept in target/fuzz,
// and run again by the target's binary with its path. `--minimise` puts what was found into the
// corpus and drops what covers nothing more than the rest. Options: crates/correlate/fuzz/README.md.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { root } from './steps.mjs';

/** What each target begins with, beside its corpus. */
const seeds = { frames: streams, correlate: streams, message: messages, rows };
/** A table of rows lives as long as its process, so that memory ends a run of `rows`. */
const runsMax = { rows: 5000 };

const { values: options } = parseArgs({
  options: {
    target: { type: 'string', multiple: true, default: Object.keys(seeds) },
    runs: { type: 'string', default: '100000' },
    'max-len': { type: 'string', default: '4096' },
    seed: { type: 'string', default: '0' },
    minimise: { type: 'boolean', default: false },
  },
});
const crate = join(root, 'crates', 'correlate');
const work = join(root, 'target', 'fuzz');
const lengthMax = Number(options['max-len']);
const keptLengthMax = 1024;
/** Then from long inputs only: of all, few would ever be chosen. */
const isLong = lengthMax > 65536;

const binaries = build();
writeDictionary();
for (const target of options.target) {
  fuzz(target);
  if (options.minimise) minimise(target);
}

/**
 * As cargo-fuzz builds, but with the stable toolchain and without a sanitizer: the crate has no
 * unsafe code. Build scripts and macros are not instrumented, since a platform is named.
 */
function build() {
  const coverage = ['level=4', 'inline-8bit-counters', 'pc-table', 'trace-compares'];
  const instrument = coverage.map((option) => `-Cllvm-args=-sanitizer-coverage-${option}`);
  const flags = ['-Cpasses=sancov-module', ...instrument, '-Ccodegen-units=1'];
  const version = spawnSync('rustc', ['-vV'], { encoding: 'utf8' }).stdout ?? '';
  const host = /^host: (.*)$/m.exec(version)?.[1] ?? '';
  const manifest = join(crate, 'fuzz', 'Cargo.toml');
  const args = ['build', '--release', '--manifest-path', manifest, '--target', host];
  const env = { ...process.env, RUSTFLAGS: flags.join(' '), CARGO_TARGET_DIR: work };
  const { status } = spawnSync('cargo', args, { env, stdio: 'inherit' });
  if (status !== 0) fail('the fuzz targets cannot be built');
  return join(work, host, 'release');
}

/** The names of all fields that are read, and what values are made of. */
function writeDictionary() {
  const read = (name) => readFileSync(join(crate, 'src', name), 'utf8');
  const sources = ['object.rs', 'frame.rs', 'boundary.rs'].map(read).join();
  const tokens = Array.from(new Set(sources.match(/(?<=b")\w+(?=")/g)), (name) => `"${name}":`);
  tokens.push('"Event"', '"items":[', '{"', '"}', '},{', '\n{', '\\u', '2026-11-22T15:31:27Z');
  const quoted = tokens.map((token) => JSON.stringify(token).replace('\\n', '\\x0a'));
  writeFileSync(join(work, 'dictionary'), `${quoted.join('\n')}\n`);
}

function fuzz(target) {
  const found = join(work, target, `found-${lengthMax}`);
  mkdirSync(found, { recursive: true });
  const begin = performance.now();
  const { status, output } = run(target, [
    `-runs=${Math.min(options.runs, runsMax[target] ?? Number.POSITIVE_INFINITY)}`,
    `-max_len=${lengthMax}`,
    `-seed=${options.seed}`,
    `-dict=${join(work, 'dictionary')}`,
    '-len_control=0',
    '-timeout=20',
    '-rss_limit_mb=1024',
    `-artifact_prefix=${work}/${target}-`,
    '-print_final_stats=1',
    found,
    write(target, 'seeds', seeds[target]()),
    ...(isLong ? [] : [write(target, 'corpus', unpack(target))]),
  ]);
  const seconds = (performance.now() - begin) / 1000;
  const stat = (name) => Number(new RegExp(`stat::${name}: +(\\d+)`).exec(output)?.[1]);
  const executions = stat('number_of_executed_units');
  const progress = [...output.matchAll(/cov: (\d+) ft: (\d+) corp: (\S+)/g)];
  const [, edges, features, corpus] = progress.at(-1) ?? [];
  console.log(
    `${target}: ${executions} executions of up to ${lengthMax} bytes in ${seconds.toFixed(0)} s ` +
      `(${(executions / seconds).toFixed(0)}/s), ${edges} edges, ${features} features, ` +
      `corpus ${corpus}, slowest ${stat('slowest_unit_time_sec')} s, peak ${stat('peak_rss_mb')} MB`,
  );
  if (status !== 0) fail(`${output.split('\n').slice(-60).join('\n')}\n${target} failed`);
}

/**
 * Keeps the smallest set of short inputs that reaches all that any of them reaches: of a stream the
 * code, of a message also how often, since rules are data.
 */
function minimise(target) {
  const kept = write(target, 'kept', []);
  const code = target === 'message' ? [] : ['-use_counters=0', '-use_cmp=0'];
  const found = join(work, target, `found-${lengthMax}`);
  const sources = [found, write(target, 'corpus', unpack(target))];
  const args = ['-set_cover_merge=1', ...code, `-max_len=${keptLengthMax}`, kept, ...sources];
  const { status, output } = run(target, args);
  if (status !== 0) fail(output);
  pack(target, kept);
}

function run(target, args) {
  const log = join(work, `${target}.log`);
  const file = openSync(log, 'w');
  const { status } = spawnSync(join(binaries, target), args, { stdio: ['ignore', file, file] });
  closeSync(file);
  return { status, output: readFileSync(log, 'latin1') };
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

/** The corpus of a target is one file: each input behind its length, as 32 bits, little-endian. */
function unpack(target) {
  const bytes = readFileSync(corpusFile(target));
  const inputs = [];
  for (let at = 0; at < bytes.length; at += 4 + inputs.at(-1).length) {
    inputs.push(bytes.subarray(at + 4, at + 4 + bytes.readUInt32LE(at)));
  }
  return inputs;
}

function pack(target, folder) {
  const parts = readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const input = readFileSync(join(folder, name));
      const length = Buffer.alloc(4);
      length.writeUInt32LE(input.length);
      return [length, input];
    });
  writeFileSync(corpusFile(target), Buffer.concat(parts));
}

function corpusFile(target) {
  return join(crate, 'fuzz', 'corpus', target);
}

/** A folder of inputs and nothing else, as libFuzzer reads them. */
function write(target, name, inputs) {
  const folder = join(work, target, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const input of inputs) {
    writeFileSync(join(folder, createHash('sha1').update(input).digest('hex')), input);
  }
  return folder;
}

/** Recordings, alone and together, and their lines; before each what chooses limits and cuts. */
function streams() {
  const scenarios = join(root, 'test', 'scenarios');
  const folders = readdirSync(scenarios, { withFileTypes: true }).filter((it) => it.isDirectory());
  const recordings = folders.map(({ name }) =>
    readFileSync(join(scenarios, name, 'events.ndjson'), 'utf8'),
  );
  const lines = recordings.flatMap((recording) => recording.split('\n').slice(0, 40));
  const all = [...recordings, recordings.join('').slice(0, lengthMax - 3), ...lines];
  const texts = all.filter(({ length }) => length < lengthMax && (!isLong || length > 4096));
  return texts.map((text) => Buffer.concat([Buffer.from([2, 85, 170]), Buffer.from(text)]));
}

/** Component, kind, reason and message of the rules' samples. */
function messages() {
  return ruleRows().flatMap((row) => {
    const { controllers = ['any'], kinds = ['Any'], reasons = ['Any'], samples } = row;
    return samples.map(({ controller, reason, message }) =>
      [controller ?? controllers[0], kinds[0], reason ?? reasons[0], message].join('\0'),
    );
  });
}

/** Each row alone, under an id of its own. */
function rows() {
  return ruleRows().map((row) => JSON.stringify([{ ...row, id: `own-${row.id}` }]));
}

function ruleRows() {
  const folder = join(crate, 'rules');
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  return files.flatMap((name) => parse(readFileSync(join(folder, name), 'utf8')));
}
