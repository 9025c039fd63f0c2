/**
 * Secrets of a deployment: a random password for each user of NATS and for Redis, the URLs that go with them, and the secret by which
 * processes know each other. Each where it is needed, and nowhere else.
 *
 *     npx tsx k8s/make-secrets.ts [--keep secrets.yaml] [--guest NAME]… [--sensor [TENANT/]DEVICE]… [--edge-node GROUP/NODE]… > secrets.yaml
 *     kubectl apply -f secrets.yaml
 *
 * The same names as for nats/permissions.ts. A run without `--keep` makes new ones for all: keep what was applied where you keep secrets.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parseAllDocuments, stringify } from 'yaml';
import { SERVICE_NAMES } from '../models/settings.js';
import {
  OPERATOR,
  passwordVariable,
  permissionArguments,
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
 * @param kept secrets that were made before: whoever has a password there keeps it, so that one more user is no outage for the others.
 * @param newPassword a letter first, then letters and digits alone: nats-server reads it as a part of its configuration, and URLs carry it.
 * @throws RangeError as `permissionsOf`.
 */
export function secretsOf(
  options: PermissionOptions = {},
  kept: readonly Secret[] = [],
  newPassword: () => string = () => `p${randomBytes(20).toString('hex')}`,
): readonly Secret[] {
  const keptIn = (name: string, key: string): string | undefined =>
    kept.find(({ metadata }) => metadata.name === name)?.stringData[key];
  const passwords = new Map(
    [...permissionsOf(options).keys(), SYSTEM].map((user) => [
      user,
      keptIn('nats-passwords', passwordVariable(user)) ?? newPassword(),
    ]),
  );
  const urlOf = (user: string): [string, string] => [user, `tls://${user}:${passwords.get(user)}@${NATS}`];
  const ofRedis = keptIn('redis-users', 'default') ?? newPassword();
  const ofCluster = keptIn('redshank-cluster', 'secret') ?? randomBytes(32).toString('hex');
  return [
    secret(
      'nats',
      'nats-passwords',
      [...passwords].map(([user, password]) => [passwordVariable(user), password]),
    ),
    secret('redis', 'redis-users', [['default', ofRedis]]),
    secret('redshank', 'redshank-nats', [...SERVICE_NAMES, OPERATOR].map(urlOf)),
    secret('redshank', 'redshank-redis', [['url', `rediss://default:${ofRedis}@${REDIS}`]]),
    secret('redshank', 'redshank-cluster', [['secret', ofCluster]]),
  ];
}

/** @param text what this program printed before. @throws RangeError it is not that */
export function readSecrets(text: string): readonly Secret[] {
  const secrets = parseAllDocuments(text).map((document) => document.toJS() as Partial<Secret> | null);
  if (!secrets.some((one) => one?.kind === 'Secret' && one.metadata?.name === 'nats-passwords')) {
    throw new RangeError(
      '--keep must name a file that this program printed, got one without the secret nats-passwords',
    );
  }
  return secrets as readonly Secret[];
}

function secret(namespace: string, name: string, data: readonly (readonly [string, string])[]): Secret {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData: Object.fromEntries(data) };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { options, keep } = permissionArguments(process.argv.slice(2));
  const secrets = secretsOf(options, keep === undefined ? [] : readSecrets(readFileSync(keep, 'utf8')));
  process.stdout.write(secrets.map((one) => stringify(one)).join('---\n'));
}
