// The back end that OpenTelemetry's variables name (OTEL_EXPORTER_OTLP_*, and the same for traces alone,
// which go before), or the flags of weaveworks-experiments/kspan, which mean gRPC and go before both.
import type { Environment } from './config-load.js';
import { ConfigError } from './errors.js';
import { checkEndpoint, type EndpointValues, type OtlpEndpoint } from './otlp-endpoint.js';

type Key = Exclude<keyof EndpointValues, 'tracesEndpoint' | 'headers'>;

const VARIABLES: Readonly<Record<Key, string>> = {
  protocol: 'PROTOCOL',
  endpoint: 'ENDPOINT',
  compression: 'COMPRESSION',
  certificate: 'CERTIFICATE',
  clientCertificate: 'CLIENT_CERTIFICATE',
  clientKey: 'CLIENT_KEY',
  insecure: 'INSECURE',
};

/** The variable or flag of each value, for errors. */
type Places = Partial<Record<keyof EndpointValues, string>>;

/** Flags by their keys; `--otlp-addr`, `--otlp-headers` and `--otlp-secured` count here. */
export function otlpEndpoint(
  env: Environment,
  flags: Readonly<Record<string, unknown>> = {},
): OtlpEndpoint {
  const values: Partial<Record<Key | 'tracesEndpoint', string>> = {};
  const places: Places = { headers: nameOf(env, 'HEADERS') };
  for (const [key, what] of Object.entries(VARIABLES) as [Key, string][]) {
    const name = nameOf(env, what);
    const field = name === forTraces('ENDPOINT') ? 'tracesEndpoint' : key;
    places[field] = name;
    const value = read(env, name);
    if (value) values[field] = value;
  }
  const names = [general('HEADERS'), forTraces('HEADERS')];
  const headers = names.map((name) => parseHeaders(read(env, name) ?? '', name));
  const ancestor = ancestorValues(flags, places);
  const all = { headers: Object.assign({}, ...headers), ...values, ...ancestor };
  return checkEndpoint(all, (key) => places[key] ?? key);
}

const general = (what: string) => `OTEL_EXPORTER_OTLP_${what}`;
const forTraces = (what: string) => `OTEL_EXPORTER_OTLP_TRACES_${what}`;
const read = (env: Environment, name: string) => env[name]?.trim() || undefined;

/** Of the variable that counts. */
function nameOf(env: Environment, what: string): string {
  return read(env, forTraces(what)) ? forTraces(what) : general(what);
}

function ancestorValues(
  { otlpAddr, otlpHeaders, otlpSecured }: Readonly<Record<string, unknown>>,
  places: Places,
): EndpointValues {
  if (otlpAddr === undefined) {
    const alone = otlpHeaders !== undefined ? '--otlp-headers' : '--otlp-secured';
    if (otlpHeaders === undefined && otlpSecured === undefined) return {};
    throw new ConfigError('config_invalid', `${alone} goes with --otlp-addr`);
  }
  places.tracesEndpoint = '--otlp-addr';
  places.insecure = '--otlp-secured';
  const secured = /^(true|1)$/.test(String(otlpSecured));
  const base = { protocol: 'grpc', tracesEndpoint: String(otlpAddr), insecure: String(!secured) };
  if (otlpHeaders === undefined) return base;
  places.headers = '--otlp-headers';
  return { ...base, headers: parseHeaders(String(otlpHeaders), '--otlp-headers') };
}

/** `name=value,name2=value2`, percent-encoded. An error says which pair is wrong, not what is in it. */
function parseHeaders(text: string, where: string): Record<string, string> {
  const pairs = text.split(',').filter((pair) => pair.trim() !== '');
  return Object.fromEntries(
    pairs.map((pair, index) => {
      const [, name, value] = /^\s*([^=\s]+)\s*=(.*)$/s.exec(pair) ?? [];
      const decoded = name && percentDecoded(value!.trim());
      if (decoded !== undefined) return [name!.toLowerCase(), decoded];
      const expects = 'name=value pairs with commas between them, values percent-encoded';
      const message = `${where} must be ${expects}; number ${index + 1} is not`;
      throw new ConfigError('config_invalid', message);
    }),
  );
}

function percentDecoded(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}
