// The back end of `--format otlp`: where it is, how it is spoken to and what it is shown. In come plain
// values, of the standard variables or of the configuration file; out comes a checked OtlpEndpoint. What
// is wrong is a ConfigError of one line, which never shows a header's value or a password in a URL.
import { accessSync, constants } from 'node:fs';
import { ConfigError, reasonOf } from './errors.js';

export interface OtlpEndpoint {
  protocol: OtlpProtocol;
  /** http/protobuf: where requests go, complete; grpc: `http(s)://HOST:PORT`. Without a password. */
  url: string;
  /** Metadata for grpc. Names are in lower case. */
  headers: Readonly<Record<string, string>>;
  compression: OtlpCompression;
  tls: OtlpTlsFiles;
}

/** Paths of PEM files: whom to trust (the system's unless told), and who this is. */
export interface OtlpTlsFiles {
  caFile?: string;
  certFile?: string;
  keyFile?: string;
}

const PROTOCOLS = ['http/protobuf', 'grpc'] as const;
const COMPRESSIONS = ['none', 'gzip'] as const;
type OtlpProtocol = (typeof PROTOCOLS)[number];
type OtlpCompression = (typeof COMPRESSIONS)[number];

/** An endpoint as it is written, unchecked; what is left out has OpenTelemetry's default. */
export interface EndpointValues {
  /** http/protobuf when left out. */
  protocol?: string;
  /** To which `/v1/traces` belongs for http/protobuf; for grpc a URL, whose path is ignored, or HOST:PORT. */
  endpoint?: string;
  /** Goes before it, and is complete. */
  tracesEndpoint?: string;
  headers?: Readonly<Record<string, string>>;
  compression?: string;
  certificate?: string;
  clientCertificate?: string;
  clientKey?: string;
  /** `true`: no TLS, where a grpc endpoint has no scheme that says so. */
  insecure?: string;
}

type Key = keyof EndpointValues;
/** Names a value in an error: a variable, or a line of a file. */
type Where = (key: Key) => string;

/** Checks `values`. */
export function checkEndpoint(values: EndpointValues, where: Where): OtlpEndpoint {
  const protocol = oneOf(PROTOCOLS, values.protocol, where('protocol'));
  const compression = oneOf(COMPRESSIONS, values.compression, where('compression'));
  const { url, authorization } = addressOf(protocol, values, where);
  const headers = { ...authorization, ...headersOf(protocol, values, where) };
  return { protocol, url, headers, compression, tls: tlsOf(values, where) };
}

/** The first unless told. */
function oneOf<T extends string>(names: readonly T[], value: string | undefined, where: string): T {
  const name = value === undefined ? names[0] : names.find((one) => one === value);
  return name ?? wrong(where, names.join(' or '), String(value));
}

interface Address {
  url: string;
  /** What a user and a password in the URL mean. */
  authorization: Record<string, string>;
}

function addressOf(protocol: OtlpProtocol, values: EndpointValues, where: Where): Address {
  const key = values.tracesEndpoint === undefined ? 'endpoint' : 'tracesEndpoint';
  const given = values[key];
  const url = protocol === 'grpc' ? grpcUrl(given, values, where) : httpUrl(given, key);
  if (!url) {
    const expects =
      protocol === 'grpc' ? 'an http or https URL, or HOST:PORT' : 'an http or https URL';
    return wrong(where(key), expects, withoutPassword(String(given)));
  }
  const { username, password } = url;
  url.username = '';
  url.password = '';
  const complete = protocol === 'grpc' ? originOf(url) : url.toString();
  if (!username && !password) return { url: complete, authorization: {} };
  const pair = `${percentDecoded(username)}:${percentDecoded(password)}`;
  const basic = `Basic ${Buffer.from(pair).toString('base64')}`;
  return { url: complete, authorization: { authorization: basic } };
}

/** As it is where it is not encoded. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function httpUrl(given = 'http://localhost:4318', key: Key): URL | undefined {
  const url = urlOf(given);
  if (url && key === 'endpoint') url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`;
  return url;
}

const HOST_AND_PORT = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:/?#@[\]]+)(:\d{1,5})?$/;

function grpcUrl(
  given = 'http://localhost:4317',
  { insecure = 'false' }: EndpointValues,
  where: Where,
): URL | undefined {
  if (!/^(true|false)$/i.test(insecure)) wrong(where('insecure'), 'true or false', insecure);
  const [bare, port] = HOST_AND_PORT.exec(given) ?? [];
  if (bare === undefined) return urlOf(given);
  const scheme = insecure.toLowerCase() === 'true' ? 'http' : 'https';
  return urlOf(`${scheme}://${given}${port ? '' : ':4317'}`);
}

function urlOf(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url && /^https?:$/.test(url.protocol) ? url : undefined;
}

/** With its port, also when that is the scheme's own. */
function originOf({ protocol, hostname, port }: URL): string {
  return `${protocol}//${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const METADATA_NAME = /^(?!grpc-)[0-9a-z_.-]+$/;
const HEADER_VALUE = /^[\t -~]*$/;
/** They belong to the connection or to the body. */
const OWN_HEADERS = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
  'user-agent',
]);

function headersOf(protocol: OtlpProtocol, { headers = {} }: EndpointValues, where: Where) {
  const names = protocol === 'grpc' ? METADATA_NAME : HEADER_NAME;
  const checked = Object.entries(headers).map(([written, value]) => {
    const name = written.toLowerCase();
    // What stands for a name may be a part of a secret.
    if (!names.test(name)) return invalid(`${where('headers')} has a name that no header can have`);
    if (OWN_HEADERS.has(name)) return invalid(`${where('headers')}: kspan itself sets ${name}`);
    if (!HEADER_VALUE.test(value)) {
      return invalid(`${where('headers')}: the value of ${name} must be plain ASCII on one line`);
    }
    return [name, value];
  });
  return Object.fromEntries(checked) as Record<string, string>;
}

function tlsOf(values: EndpointValues, where: Where): OtlpTlsFiles {
  const { certificate, clientCertificate, clientKey } = values;
  for (const key of ['certificate', 'clientCertificate', 'clientKey'] as const) {
    if (values[key] !== undefined) requireReadable(where(key), values[key]);
  }
  if ((clientCertificate === undefined) !== (clientKey === undefined)) {
    return invalid(`${where('clientCertificate')} and ${where('clientKey')} go together`);
  }
  return {
    ...(certificate !== undefined && { caFile: certificate }),
    ...(clientCertificate !== undefined && { certFile: clientCertificate }),
    ...(clientKey !== undefined && { keyFile: clientKey }),
  };
}

function requireReadable(name: string, path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    const message = `cannot read ${name} ${path}: ${reasonOf(error)}`;
    throw new ConfigError('config_unreadable', message, error);
  }
}

function withoutPassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/)?.*@/is, '$1...@');
}

function wrong(where: string, expects: string, value: string): never {
  return invalid(`${where} must be ${expects}, not ${JSON.stringify(value.slice(0, 80))}`);
}

function invalid(message: string): never {
  throw new ConfigError('config_invalid', message);
}
