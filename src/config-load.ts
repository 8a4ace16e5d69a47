// Finds and checks the value of every setting (config.ts). A flag goes before a variable, that before
// the configuration file, that before the default. A wrong value is a ConfigError of one line that says
// where it stands. Only the command line hands an environment in; nothing else reads it.
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
import { ConfigError } from './errors.js';
import { checkRules } from './rules.js';

/** Variables by name, as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

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

function wrong(where: string, expects: string, value: unknown): never {
  const shown = JSON.stringify(value) ?? String(value);
  throw new ConfigError('config_invalid', `${where} must be ${expects}, not ${shown.slice(0, 80)}`);
}
