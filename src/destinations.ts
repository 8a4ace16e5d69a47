// The back ends beside the ordinary one (`destinations:` in the configuration file), and whose spans go to
// each: those of namespaces by name, by the labels of the Namespace, or both. What is wrong is a
// ConfigError of one line that names the destination. The crate does the choosing.
import { z } from 'zod';
import {
  checkSection,
  labelOf,
  list,
  mapError,
  type PlaceOf,
  type Section,
  text,
} from './config-section.js';
import { ConfigError } from './errors.js';
import { checkEndpoint, type EndpointValues, type OtlpEndpoint } from './otlp-endpoint.js';

export interface Destination {
  name: string;
  /** Names of namespaces, or patterns with `*` and `?`; none: any. */
  namespaces: readonly string[];
  /** Labels that the Namespace must have; none: any. */
  labels: Readonly<Record<string, string>>;
  endpoint: OtlpEndpoint;
}

/** The ordinary back end, which gets what no destination claims: number 0; the others count from 1. */
export const DEFAULT_DESTINATION = 'default';

/** Destinations; with more the configuration is wrong. */
const DESTINATIONS_MAX = 64;

const name = text
  .regex(/^[a-z0-9-]+$/, 'must be small letters, digits and -')
  .refine((given) => given !== DEFAULT_DESTINATION, 'is that of the ordinary back end');
const pattern = text.regex(
  /^[a-z0-9*?-]{1,63}$/,
  'must be a namespace, or a pattern of some with * and ?',
);
const record = z.record(text, text, { error: () => 'must be a map of texts' });

const row = z
  .strictObject(
    {
      name,
      namespaces: list(pattern).min(1, 'must not be empty').optional(),
      labels: record
        .refine((labels) => Object.keys(labels).length > 0, 'must not be empty')
        .optional(),
      endpoint: text,
      protocol: text.optional(),
      headers: record.optional(),
      compression: text.optional(),
      certificate: text.optional(),
      clientCertificate: text.optional(),
      clientKey: text.optional(),
    },
    { error: mapError },
  )
  .refine(({ namespaces, labels }) => namespaces || labels, 'needs namespaces, labels or both');
type Row = z.infer<typeof row>;

const SECTION: Section<Row> = {
  key: 'destinations',
  label: 'name',
  schema: list(row).max(DESTINATIONS_MAX, `must not be more than ${DESTINATIONS_MAX}`),
};

/** Destinations that are right. */
export function checkDestinations(given: unknown, placeOf: PlaceOf): Destination[] {
  const rows = checkSection(SECTION, given, placeOf);
  return rows.map(({ name, namespaces = [], labels = {}, ...values }, index) => {
    const of = labelOf(SECTION, rows, index);
    if (rows.findIndex((other) => other.name === name) < index) {
      const message = `${placeOf([index, 'name'])}${of}: name is that of another`;
      throw new ConfigError('config_invalid', message);
    }
    const where = (key: keyof EndpointValues) => `${placeOf([index, key])}${of}: ${key}`;
    const endpoint = checkEndpoint(values as EndpointValues, where);
    return { name, namespaces, labels, endpoint };
  });
}
