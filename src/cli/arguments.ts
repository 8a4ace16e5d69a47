// The arguments of the command line: which command, which inputs, which flags. What is wrong with them
// is a ConfigError of one line; help and version are printed here.
import { type CAC, cac } from 'cac';
import { flagOf, SETTINGS, type SettingKey } from '../config.js';
import { ConfigError, reasonOf } from '../errors.js';

/** By the keys of the settings, and `config`, as they were given. */
export type Flags = Record<string, string | boolean>;

/** `kspan watch` */
export interface WatchCommand {
  name: 'watch';
  flags: Flags;
}

/** `kspan record FILE` */
export interface RecordCommand {
  name: 'record';
  file: string;
  flags: Flags;
}

/** `kspan rbac` */
export interface RbacCommand {
  name: 'rbac';
  /** Also `serviceAccount`. */
  flags: Flags;
}

/** `kspan bench [FILE...]` */
export interface BenchCommand {
  name: 'bench';
  /** Files; none: a recording is made up. */
  inputs: string[];
  /** Also `runs`. */
  flags: Flags;
}

export type Command =
  | WatchCommand
  | RecordCommand
  | ReplayCommand
  | BenchCommand
  | RbacCommand
  | RulesCommand;

/** `kspan replay FILE...` */
export interface ReplayCommand {
  name: 'replay';
  /** Files, or `-` for standard input. */
  inputs: string[];
  flags: Flags;
}

/** `kspan rules`, and `kspan rules test MESSAGE` */
export interface RulesCommand {
  name: 'rules';
  /** What to try; undefined: list the rows. */
  message: string | undefined;
  /** Also what is known of the Event: `controller`, `kind`, `reason`, `type`. */
  flags: Flags;
}

/** What `rules test` can be told of an Event. */
const EVENT_FLAGS = {
  controller: 'its source.component, else its reporting component',
  kind: 'kind of its involved object',
  reason: 'its reason',
  type: 'its type: Normal or Warning',
};
/** What has to do with how fast a replay is. */
const BENCH_SETTINGS = [
  'shards',
  'reorderWindowMs',
  'idleMs',
  'sourceChunkBytes',
  'shardBatchBytes',
  'batchesInFlight',
  'journalBytesMax',
  'objectsMax',
  'eventUidsMax',
  'parkedBytesMax',
  'untimedBytesMax',
  'frameBytesMax',
] as const satisfies SettingKey[];
const COMMANDS = 'watch, record FILE, replay FILE..., bench, rbac or rules';
/** Of weaveworks-experiments/kspan, which also took them with one dash. */
const ANCESTOR_FLAGS = {
  '--otlp-addr <host:port>': 'send by OTLP over gRPC to there, instead of OTEL_EXPORTER_OTLP_*',
  '--otlp-headers <name=value,...>': 'with these headers',
  '--otlp-secured': 'over TLS',
};
const ANCESTOR_DASH = /^-(?=otlp-(?:addr|headers|secured)(?:=|$))/;

// The parser would turn digits into numbers and drop a lone "-"; marked words are left alone.
const MARK = '\0';

/** The command that these arguments (as `process.argv`) ask for; undefined when all is said. */
export function parseArguments(argv: readonly string[], version: string): Command | undefined {
  const given = argv.slice(2).map((word) => word.replace(ANCESTOR_DASH, '--'));
  const words = withCommand(given);
  const cli = defineCommands(version);
  try {
    cli.parse([...argv.slice(0, 2), ...markWords(words)], { run: false });
    if (cli.options.help || cli.options.version) return undefined;
    if (!cli.matchedCommand) throw new ConfigError('config_invalid', withoutCommand(cli.args));
    cli.matchedCommand.checkUnknownOptions();
    cli.matchedCommand.checkOptionValue();
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const reason = reasonOf(error).replace(/^U/, 'u');
    const see = `(see kspan ${cli.matchedCommandName ?? ''} --help)`;
    throw new ConfigError('config_invalid', `${reason} ${see}`, error);
  }
  switch (cli.matchedCommandName) {
    case 'watch':
    case 'rbac':
      return aloneCommandOf(cli, cli.matchedCommandName);
    case 'record':
      return recordCommandOf(cli);
    case 'rules':
      return rulesCommandOf(cli);
    case 'bench':
      return benchCommandOf(cli);
    default:
      return replayCommandOf(cli);
  }
}

function defineCommands(version: string): CAC {
  const cli = cac('kspan');
  const watch = cli.command('watch [...none]', 'turn what happens in a cluster into traces');
  watch.usage('[watch] [options]');
  const record = cli.command('record [...file]', 'write what happens in a cluster to a file');
  record.usage('record FILE [options]      (gzipped when it ends in .gz)');
  const replay = cli.command('replay [...files]', 'turn recordings of a cluster into traces');
  replay.usage('replay FILE... [options]      (- is standard input)');
  const bench = cli.command('bench [...files]', 'measure how fast replay is here, by shards');
  bench.usage('bench [FILE...] [options]      (without one a recording is made up)');
  const rbac = cli.command(
    'rbac [...none]',
    'print the rights that watch and record need, as YAML',
  );
  rbac.usage('rbac [options]');
  for (const command of [watch, record, replay, rbac]) {
    command.option('--config <file>', 'read settings and rules from this YAML file');
    for (const key of settingKeys()) command.option(optionOf(key), descriptionOf(key));
  }
  bench.option('--config <file>', 'read settings and rules from this YAML file');
  for (const key of BENCH_SETTINGS) bench.option(optionOf(key), descriptionOf(key));
  bench.option(
    '--runs <runs>',
    'of each number of shards; the one in the middle counts (default: 3)',
  );
  bench.example('  kspan bench recording.ndjson.gz');
  for (const command of [watch, replay]) {
    for (const [flag, says] of Object.entries(ANCESTOR_FLAGS)) command.option(flag, says);
  }
  watch.example('  kspan watch --context staging --format tree');
  record.example('  kspan record shop.ndjson.gz --namespace shop');
  replay.example('  kubectl get events -A -o json | kspan replay -');
  replay.example('  kspan replay recording.ndjson.gz --format otlp');
  rbac.option('--service-account <ns/name>', 'who is given them (default: kspan/kspan)');
  rbac.example('  kspan rbac --namespace shop,bank | kubectl apply -f -');
  const rules = cli.command('rules [...test]', 'list the rules of causality, or try a message');
  rules.usage("rules [options]\n  $ kspan rules test 'MESSAGE' [options]");
  rules.option('--config <file>', 'with the rules of this YAML file');
  for (const [name, says] of Object.entries(EVENT_FLAGS)) rules.option(`--${name} <text>`, says);
  rules.example("  kspan rules test 'Created pod: web-1' --controller replicaset-controller");
  cli.help();
  cli.version(version);
  return cli;
}

function optionOf(key: SettingKey): string {
  const { fallback, unit } = SETTINGS[key];
  return typeof fallback === 'boolean' ? flagOf(key) : `${flagOf(key)} <${unit || 'text'}>`;
}

function descriptionOf(key: SettingKey): string {
  const { says, fallback } = SETTINGS[key];
  return typeof fallback === 'boolean' || fallback === '' ? says : `${says} (default: ${fallback})`;
}

function aloneCommandOf(cli: CAC, name: 'watch' | 'rbac'): WatchCommand | RbacCommand {
  const { words, flags } = givenTo(cli);
  if (words.length === 0) return { name, flags };
  const message = `${name} takes no "${words[0]}" (see kspan ${name} --help)`;
  throw new ConfigError('config_invalid', message);
}

function recordCommandOf(cli: CAC): RecordCommand {
  const { words, flags } = givenTo(cli);
  const [file, ...more] = words;
  if (file && file !== '-' && more.length === 0) return { name: 'record', file, flags };
  throw new ConfigError('config_invalid', 'record needs one FILE to write to');
}

function replayCommandOf(cli: CAC): ReplayCommand {
  const { words: inputs, flags } = givenTo(cli);
  if (inputs.length === 0) {
    throw new ConfigError('config_invalid', 'replay needs a FILE, or - for standard input');
  }
  return { name: 'replay', inputs, flags };
}

function benchCommandOf(cli: CAC): BenchCommand {
  const { words: inputs, flags } = givenTo(cli);
  return { name: 'bench', inputs, flags };
}

function rulesCommandOf(cli: CAC): RulesCommand {
  const { words, flags } = givenTo(cli);
  const [test, message, ...more] = words;
  if (test !== undefined && (test !== 'test' || message === undefined || more.length > 0)) {
    const usage = "rules takes nothing, or test and one message in quotes: rules test 'MESSAGE'";
    throw new ConfigError('config_invalid', usage);
  }
  return { name: 'rules', message, flags };
}

function givenTo(cli: CAC): { words: string[]; flags: Flags } {
  const { '--': rest, ...options } = cli.options;
  const words = [...cli.args, ...rest].map((word) => unmark(String(word)));
  const given = Object.entries(options).map(([key, value]) => [key, flagValue(key, value)]);
  return { words, flags: Object.fromEntries(given) };
}

/** Of a flag that is given more than once the last counts, or, of those that may be, all. */
function flagValue(key: string, given: unknown): string | boolean {
  const values: unknown[] = Array.isArray(given) ? given : [given];
  if (REPEATABLE.has(key)) return values.map((value) => unmark(String(value))).join(',');
  const last = values.at(-1);
  return typeof last === 'boolean' ? last : unmark(String(last));
}

function withoutCommand([name = '']: readonly string[]): string {
  return `there is no command "${unmark(name)}", only ${COMMANDS}`;
}

/** Where flags stand alone, they are for watch. */
function withCommand(words: readonly string[]): string[] {
  const isAsking = words.some((word) => ['-h', '--help', '-v', '--version'].includes(word));
  const isValue = (index: number) => VALUED.has(words[index - 1] ?? '');
  const hasWord = words.some((word, index) => !/^-./.test(word) && !isValue(index));
  return isAsking || hasWord || words.includes('--') ? [...words] : ['watch', ...words];
}

/** Joins every flag and its value into one word, and marks values and what follows the command. */
function markWords(words: readonly string[]): string[] {
  const marked: string[] = [];
  let command: string | undefined;
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    if (word === '--')
      return [...marked, word, ...words.slice(index + 1).map((rest) => MARK + rest)];
    const [flag = '', ...value] = word.split('=');
    if (word === '-' || !word.startsWith('-')) {
      marked.push(command === undefined ? word : MARK + word);
      command ??= word;
    } else if (BOOLEANS.has(flag)) marked.push(value.length > 0 ? word : `${flag}=true`);
    else if (!VALUED.has(flag)) marked.push(word);
    else if (value.length > 0) marked.push(`${flag}=${MARK}${value.join('=')}`);
    else if (index + 1 < words.length) marked.push(`${flag}=${MARK}${words[++index]}`);
    else marked.push(word);
  }
  return marked;
}

function unmark(word: string): string {
  return word.startsWith(MARK) ? word.slice(MARK.length) : word;
}

function settingKeys(): SettingKey[] {
  return Object.keys(SETTINGS) as SettingKey[];
}

const REPEATABLE = new Set<string>(['namespace', 'kinds'] satisfies SettingKey[]);
const isBoolean = (key: SettingKey) => typeof SETTINGS[key].fallback === 'boolean';
const BOOLEANS = new Set(['--otlp-secured', ...settingKeys().filter(isBoolean).map(flagOf)]);
const VALUED = new Set([
  '--config',
  '--service-account',
  '--runs',
  '--otlp-addr',
  '--otlp-headers',
  ...Object.keys(EVENT_FLAGS).map((name) => `--${name}`),
  ...settingKeys()
    .filter((key) => !isBoolean(key))
    .map(flagOf),
]);
