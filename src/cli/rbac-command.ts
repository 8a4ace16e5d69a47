// `kspan rbac`: the rights that `watch` and `record` need with the same settings, as YAML for kubectl: a
// ClusterRole, or, confined to namespaces, nothing but a Role in each of them; and what binds them to a
// service account. Asks no cluster. Returns the exit code.
import { Document } from 'yaml';
import type { Config } from '../config.js';
import { type Environment, loadConfig } from '../config-load.js';
import { ConfigError } from '../errors.js';
import { accessRules, namespacesOf } from '../ingest/access-rules.js';
import type { RbacCommand } from './arguments.js';

const NAME = 'kspan';
const RBAC_GROUP = 'rbac.authorization.k8s.io';
const SERVICE_ACCOUNT = /^([a-z0-9-]+)\/([a-z0-9.-]+)$/;
const FOUND_KINDS = ` Custom resources that are found on the way are not among these. To have them watched, name
 them in --kinds, as RESOURCE.GROUP; what may not be watched is told once and done without.`;

export function rbacCommand({ flags }: RbacCommand, env: Environment): number {
  const { serviceAccount = `${NAME}/${NAME}`, ...settings } = flags;
  const config = loadConfig(settings, env);
  const subject = subjectOf(String(serviceAccount));
  const [first, ...rest] = objects(config, subject).map((object) => new Document(object));
  if (config.foundKindsMax > 0) first!.commentBefore = FOUND_KINDS;
  process.stdout.write(
    [first, ...rest].map((document) => document!.toString({ directives: false })).join('---\n'),
  );
  return 0;
}

function subjectOf(serviceAccount: string): object {
  const [, namespace, name] = SERVICE_ACCOUNT.exec(serviceAccount) ?? [];
  if (namespace && name) return { kind: 'ServiceAccount', namespace, name };
  const message = `--service-account must be NAMESPACE/NAME, not "${serviceAccount}"`;
  throw new ConfigError('config_invalid', message);
}

function objects(config: Config, subject: object): object[] {
  const rules = accessRules(config);
  const namespaces = namespacesOf(config);
  if (namespaces.length === 0) return roleAndBinding('Cluster', { name: NAME }, rules, subject);
  return namespaces.flatMap((namespace) =>
    roleAndBinding('', { name: NAME, namespace }, rules, subject),
  );
}

function roleAndBinding(
  scope: 'Cluster' | '',
  metadata: object,
  rules: object[],
  subject: object,
): object[] {
  const apiVersion = `${RBAC_GROUP}/v1`;
  const roleRef = { apiGroup: RBAC_GROUP, kind: `${scope}Role`, name: NAME };
  return [
    { apiVersion, kind: `${scope}Role`, metadata, rules },
    { apiVersion, kind: `${scope}RoleBinding`, metadata, roleRef, subjects: [subject] },
  ];
}
