/**
 * Secrets of a deployment: a random password for each user of NATS and for Redis, the URLs that go with them, and the secret by which
 * processes know each other. Each where it is needed, and nowhere else.
 *
 *     npx tsx k8s/make-secrets.ts [--guest NAME]… [--sensor [TENANT/]DEVICE]… [--edge-node GROUP/NODE]… > secrets.yaml
 *     kubectl apply -f secrets.yaml
 *
 * The same names as for nats/permissions.ts. Every run makes new ones: keep what was applied where you keep secrets.
 */
import { randomBytes } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { stringify } from 'yaml';
import { SERVICE_NAMES } from '../models/settings.js';
import {
  OPERATOR,
  passwordVariable,
  permissionOptions,
  permissionsOf,
  SYSTEM,
  type PermissionOptions,
} from './nats/permissions.js';

/** Services of k8s/helm-values, by their full names: certificates name them, and they are the same from every namespace. */
const NATS = 'nats.nats.svc.cluster.local:4222';
const REDIS = 'redis.redis.svc.cluster.local:6379';

export interface Secret {
  readonly apiVersion: 'v1';
  readonly kind: 'Secret';
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly stringData: Readonly<Record<string, string>>;
}

/**
 * @param newPassword a letter first, then letters and digits alone: nats-server reads it as a part of its configuration, and URLs carry it.
 * @throws RangeError as `permissionsOf`.
 */
export function secretsOf(
  options: PermissionOptions = {},
  newPassword: () => string = () => `p${randomBytes(20).toString('hex')}`,
): readonly Secret[] {
  const passwords = new Map([...permissionsOf(options).keys(), SYSTEM].map((user) => [user, newPassword()]));
  const urlOf = (user: string): [string, string] => [user, `tls://${user}:${passwords.get(user)}@${NATS}`];
  const ofRedis = newPassword();
  return [
    secret(
      'nats',
      'nats-passwords',
      [...passwords].map(([user, password]) => [passwordVariable(user), password]),
    ),
    secret('redis', 'redis-users', [['default', ofRedis]]),
    secret('redshank', 'redshank-nats', [...SERVICE_NAMES, OPERATOR].map(urlOf)),
    secret('redshank', 'redshank-redis', [['url', `rediss://default:${ofRedis}@${REDIS}`]]),
    secret('redshank', 'redshank-cluster', [['secret', randomBytes(32).toString('hex')]]),
  ];
}

function secret(namespace: string, name: string, data: readonly (readonly [string, string])[]): Secret {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData: Object.fromEntries(data) };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const secrets = secretsOf(permissionOptions(process.argv.slice(2)));
  process.stdout.write(secrets.map((one) => stringify(one)).join('---\n'));
}
