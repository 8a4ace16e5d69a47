// The back end that variables and flags name, as it is used, and what is wrong with them.
import { describe, expect, test } from 'vitest';
import { checkEndpoint } from '../src/otlp-endpoint.ts';
import { otlpEndpoint } from '../src/otlp-variables.ts';

const OTLP = 'OTEL_EXPORTER_OTLP_';
const named = (variables: Record<string, string>) =>
  Object.fromEntries(Object.entries(variables).map(([name, value]) => [OTLP + name, value]));
const endpoint = (variables: Record<string, string>, flags: Record<string, unknown> = {}) =>
  otlpEndpoint(named(variables), flags);
const GRPC = { PROTOCOL: 'grpc' };

describe('an OTLP endpoint', () => {
  test('is the one of OpenTelemetry unless told', () => {
    const base = { headers: {}, compression: 'none', tls: {} };
    const http = { ...base, protocol: 'http/protobuf', url: 'http://localhost:4318/v1/traces' };
    expect(endpoint({})).toEqual(http);
    expect(endpoint(GRPC)).toEqual({ ...base, protocol: 'grpc', url: 'http://localhost:4317' });
  });

  const urls: [variables: Record<string, string>, url: string][] = [
    [{ ENDPOINT: 'https://o.example/otlp/' }, 'https://o.example/otlp/v1/traces'],
    [{ ENDPOINT: 'http://o.example?k=v' }, 'http://o.example/v1/traces?k=v'],
    [{ ENDPOINT: 'http://x', TRACES_ENDPOINT: 'http://o.example/t' }, 'http://o.example/t'],
    [{ TRACES_ENDPOINT: 'http://o.example' }, 'http://o.example/'],
    [{ ...GRPC, ENDPOINT: 'https://o.example' }, 'https://o.example:443'],
    [{ ...GRPC, ENDPOINT: 'https://o.example:443/path' }, 'https://o.example:443'],
    [{ ...GRPC, ENDPOINT: 'http://o.example' }, 'http://o.example:80'],
    [{ ...GRPC, ENDPOINT: 'http://[::1]:4317', INSECURE: 'false' }, 'http://[::1]:4317'],
    [{ ...GRPC, ENDPOINT: 'o.example:4317' }, 'https://o.example:4317'],
    [{ ...GRPC, ENDPOINT: 'o.example', INSECURE: 'TRUE' }, 'http://o.example:4317'],
    [{ ...GRPC, ENDPOINT: '[::1]:1', TRACES_INSECURE: 'true' }, 'http://[::1]:1'],
    [{ TRACES_PROTOCOL: 'grpc', PROTOCOL: 'http/protobuf' }, 'http://localhost:4317'],
  ];
  for (const [variables, url] of urls)
    test(`${JSON.stringify(variables)} is ${url}`, () => {
      expect(endpoint(variables).url).toBe(url);
    });

  test('has the headers of both variables, those for traces first, whatever their case', () => {
    const { headers } = endpoint({
      HEADERS: 'X-Key=a, x-team = blue%20team,,x-equals=a=b',
      TRACES_HEADERS: 'x-key=t',
    });
    expect(headers).toEqual({ 'x-key': 't', 'x-team': 'blue team', 'x-equals': 'a=b' });
  });

  test('shows a user and a password as a header, unless there is one', () => {
    const found = endpoint({ ENDPOINT: 'https://me:p%40ss@o.example' });
    expect(found.url).toBe('https://o.example/v1/traces');
    const basic = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
    expect(found.headers).toEqual({ authorization: basic });
    const own = endpoint({ ENDPOINT: 'https://me:x@o.example', HEADERS: 'Authorization=own' });
    expect(own.headers).toEqual({ authorization: 'own' });
  });

  test('of the ancestor is plain gRPC unless it is secured, and goes before variables', () => {
    const variables = { ENDPOINT: 'http://x', TRACES_ENDPOINT: 'http://y', HEADERS: 'a=b' };
    const plain = endpoint(variables, { otlpAddr: 'collector:55680' });
    expect(plain).toMatchObject({ protocol: 'grpc', url: 'http://collector:55680' });
    expect(plain.headers).toEqual({ a: 'b' });
    const flags = { otlpAddr: 'collector:55680', otlpHeaders: 'c=d', otlpSecured: 'true' };
    expect(endpoint(variables, flags)).toMatchObject({
      url: 'https://collector:55680',
      headers: { c: 'd' },
    });
  });

  const SECRET = 'hush-hush';
  const wrong: [values: Record<string, string>, message: string][] = [
    [{ PROTOCOL: 'http/json' }, 'PROTOCOL must be http/protobuf or grpc, not "http/json"'],
    [
      { ENDPOINT: `ftp://me:${SECRET}@x` },
      'ENDPOINT must be an http or https URL, not "ftp://...@x"',
    ],
    [{ ENDPOINT: `me:${SECRET}@x:1` }, 'ENDPOINT must be an http or https URL, not "...@x:1"'],
    [
      { ...GRPC, ENDPOINT: `me:${SECRET}@x:1` },
      'ENDPOINT must be an http or https URL, or HOST:PORT, not "...@x:1"',
    ],
    [{ ...GRPC, ENDPOINT: 'x:1', INSECURE: 'yes' }, 'INSECURE must be true or false, not "yes"'],
    [{ HEADERS: `a=b,${SECRET}` }, 'number 2 is not'],
    [{ TRACES_HEADERS: `a=${SECRET}%` }, 'number 1 is not'],
    [{ HEADERS: `a b=${SECRET}` }, 'number 1 is not'],
    [{ HEADERS: `(a)=${SECRET}` }, 'HEADERS has a name that no header can have'],
    [
      { HEADERS: `a=${SECRET}%0d%0ab: c` },
      'HEADERS: the value of a must be plain ASCII on one line',
    ],
    [{ HEADERS: `a=${SECRET}%00` }, 'HEADERS: the value of a must be plain ASCII on one line'],
    [{ HEADERS: `Host=${SECRET}` }, 'HEADERS: kspan itself sets host'],
    [{ ...GRPC, HEADERS: `grpc-timeout=${SECRET}` }, 'HEADERS has a name that no header can have'],
    [
      { CLIENT_KEY: import.meta.filename },
      'CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY go together',
    ],
  ];
  for (const [variables, message] of wrong)
    test(`${JSON.stringify(variables).replaceAll(import.meta.filename, 'FILE')} is one line that shows no secret`, () => {
      const error = (() => {
        try {
          return endpoint(variables);
        } catch (thrown) {
          return thrown as Error;
        }
      })();
      expect(error).toMatchObject({
        code: 'config_invalid',
        message: expect.stringContaining(message),
      });
      expect((error as Error).message).not.toMatch(/hush|\n/);
    });

  test('in a file says its own place', () => {
    const values = { endpoint: 'http://o.example', protocol: 'grpc', headers: { 'a b': 'c' } };
    const where = (key: string) => `kspan.yaml:7: ${key}`;
    expect(() => checkEndpoint(values, where)).toThrow(
      'kspan.yaml:7: headers has a name that no header can have',
    );
  });
});
