// Finds and checks the value of every setting (config.ts). A flag goes before a variable, that before
// the configuration file, that before the default. A wrong value is a ConfigError of one line that says
// where it stands. Only the command line hands an environment in; nothing else reads it.
import { accessSync, constants } from 'node:fs';
import {
  type Config,
  flagOf,
  type PartialConfig,
  SETTINGS,
  type SettingKey,
  type Settings,
  variableOf,
} from './config.js';
import { readConfigFile } from './config-file.js';
import { checkDestinations } from './destinations.js';
import { ConfigError, reasonOf } from './errors.js';
import { checkRules } from './rules.js';

/** Variables by name, as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The OTLP back end as the standard variables name it. */
export interface OtlpEndpoint {
  /** Where requests go, complete. */
  url: string;
  compression: 'none' | 'gzip';
  headers?: Readonly<Record<string, string>>;
}

interface Given {
  /** Where the value stands, for the error. */
  where: string;
  value: unknown;
}

/**
 * Settings of a command line: flags by their keys, the environment, and the YAML file that
 * `--config` or KSPAN_CONFIG names; `defaults` are those of the command.
 */
export function loadConfig(
  flags: Readonly<Record<string, unknown>>,
  env: Environment,
  defaults: Readonly<Partial<Record<SettingKey, unknown>>> = {},
): Config {
  const path = flags.config ?? env.KSPAN_CONFIG;
  const file = path ? readConfigFile(String(path)) : undefined;
  const { rules = [], destinations = [], ...settings } = file?.values ?? {};
  const unknown = Object.keys(settings).find((key) => !Object.hasOwn(SETTINGS, key));
  if (unknown !== undefined) {
    throw new ConfigError('config_invalid', `${path} has an unknown setting "${unknown}"`);
  }
  const resolved = resolve((key) => {
    if (flags[key] !== undefined) return { where: flagOf(key), value: flags[key] };
    const variable = [variableOf(key), ...SETTINGS[key].standard].find((name) => env[name]);
    if (variable) return { where: variable, value: env[variable] };
    if (key === 'clusterName') {
      const name = clusterNameOf(env.OTEL_RESOURCE_ATTRIBUTES);
      if (name) return { where: 'OTEL_RESOURCE_ATTRIBUTES', value: name };
    }
    if (settings[key] !== undefined) return { where: `${key} in ${path}`, value: settings[key] };
    return defaults[key] !== undefined && { where: key, value: defaults[key] };
  });
  const placesIn = (section: string) => (way: readonly PropertyKey[]) =>
    file?.placeOf([section, ...way]) ?? '';
  return {
    ...resolved,
    rules: checkRules(rules, placesIn('rules')),
    // All other formats have one output.
    destinations:
      resolved.format === 'otlp' ? checkDestinations(destinations, placesIn('destinations')) : [],
  };
}

/** Settings of a program that uses kspan as a library; the environment has no part in it. */
export function resolveConfig(given: PartialConfig): Config {
  const resolved = resolve((key) => given[key] !== undefined && { where: key, value: given[key] });
  return { ...resolved, rules: checkRules(given.rules ?? [], () => ''), destinations: [] };
}

function resolve(lookUp: (key: SettingKey) => Given | false | undefined): Settings {
  const keys = Object.keys(SETTINGS) as SettingKey[];
  const entries = keys.map((key) => [key, check(key, lookUp(key) || undefined)]);
  return Object.fromEntries(entries) as Settings;
}

function check(key: SettingKey, given: Given | undefined): unknown {
  const { schema, fallback, expects } = SETTINGS[key];
  const result = schema.safeParse(given ? given.value : fallback);
  if (result.success) return result.data;
  return wrong(given?.where ?? key, expects, given?.value);
}

/** Of `key1=value1,key2=value2`, values percent-encoded. */
function clusterNameOf(attributes: string | undefined): string | undefined {
  const pair = attributes?.split(',').find((item) => item.trim().startsWith('k8s.cluster.name='));
  const value = pair?.slice(pair.indexOf('=') + 1).trim();
  try {
    return value && decodeURIComponent(value);
  } catch {
    return value;
  }
}

/**
 * The back end that OTEL_EXPORTER_OTLP_* name. Headers and certificates are read by the transport from
 * the same variables; here they are only checked, since it would go on without them.
 */
export function otlpEndpoint(env: Environment): OtlpEndpoint {
  const [protocolName, protocol] = otlpVariable(env, 'PROTOCOL');
  if (protocol && protocol !== 'http/protobuf') {
    wrong(protocolName, 'http/protobuf, which is all this version speaks', protocol);
  }
  const [compressionName, compression = 'none'] = otlpVariable(env, 'COMPRESSION');
  if (compression !== 'none' && compression !== 'gzip') {
    wrong(compressionName, 'none or gzip', compression);
  }
  for (const file of ['CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY']) {
    const [name, path] = otlpVariable(env, file);
    if (path) requireReadable(name, path);
  }
  return { url: otlpUrl(env), compression };
}

function otlpUrl(env: Environment): string {
  const [name, endpoint = 'http://localhost:4318'] = otlpVariable(env, 'ENDPOINT');
  const complete = name.includes('TRACES') ? endpoint : `${endpoint.replace(/\/$/, '')}/v1/traces`;
  if (!URL.canParse(complete) || !/^https?:$/.test(new URL(complete).protocol)) {
    wrong(name, 'an http or https URL', endpoint);
  }
  return new URL(complete).toString();
}

/** The variable for traces goes before the general one. */
function otlpVariable(env: Environment, what: string): [name: string, value?: string] {
  const names = [`OTEL_EXPORTER_OTLP_TRACES_${what}`, `OTEL_EXPORTER_OTLP_${what}`];
  const name = names.find((candidate) => env[candidate]) ?? names[1]!;
  const value = env[name]?.trim();
  return value ? [name, value] : [name];
}

function requireReadable(name: string, path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    const message = `cannot read ${name} ${path}: ${reasonOf(error)}`;
    throw new ConfigError('config_unreadable', message, error);
  }
}

function wrong(where: string, expects: string, value: unknown): never {
  const shown = JSON.stringify(value) ?? String(value);
  throw new ConfigError('config_invalid', `${where} must be ${expects}, not ${shown.slice(0, 80)}`);
}
