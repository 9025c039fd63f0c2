/** Checks of the NATS and the Redis of a cluster, with the eyes of the adapters themselves. Changes nothing on either. */
import { inboxPrefixOf, redactUrl, roleOf, type Settings } from '../../models/settings.js';
import { redisAddressOf } from '../../storage/cluster-storage.js';
import { JetStreamJournal } from '../../storage/journal/jetstream-journal.js';
import { NatsConnection, type NatsConnectionOptions } from '../../storage/nats/nats-connection.js';
import { openNatsStorage } from '../../storage/nats/nats-storage.js';
import { RedisConnection } from '../../storage/redis/redis-connection.js';
import { formatBytes } from '../terminal/amounts.js';
import { fail, messageOf, ok, warn, type Finding } from './check.js';
import { CLOCK_WARN_MS } from './server-checks.js';

/** Older ones run (Debian ships 2.9.10), but cannot be told to sync before they answer. */
const PRODUCTION_NATS = [2, 10, 23] as const;
const CONNECT_WITHIN_MS = 5_000;
const ONE_OF_SEVERAL =
  'the NATS servers are a cluster, but each stream lies on one of them: its loss loses what was acknowledged. ' +
  'Set nats_replicas: 3, and "nats stream edit STREAM --replicas 3" for each stream';

/** @param settings with `natsUrl`. */
export async function checkNats(settings: Settings): Promise<readonly Finding[]> {
  const options: NatsConnectionOptions = {
    name: 'redshank doctor',
    inboxPrefix: inboxPrefixOf(roleOf(settings)),
    connectWithinMs: CONNECT_WITHIN_MS,
  };
  let connection: NatsConnection;
  try {
    connection = await NatsConnection.connect(settings, options);
  } catch (error) {
    return [fail('nats', messageOf(error))];
  }
  try {
    const { version, jetstream } = connection.server;
    const findings = [versionFinding(version)];
    if (jetstream !== true) {
      return [
        ...findings,
        fail('jetstream', 'NATS has no JetStream: start it with a "jetstream" block, or with --jetstream'),
      ];
    }
    return [...findings, ok('jetstream', 'enabled'), ...(await checkStreams(settings, connection, options))];
  } catch (error) {
    return [fail('nats', messageOf(error))];
  } finally {
    await connection.close();
  }
}

/** Only where all are there are they opened: whoever opens creates what is missing, and would hide that it was lost. */
async function checkStreams(
  settings: Settings,
  connection: NatsConnection,
  options: NatsConnectionOptions,
): Promise<readonly Finding[]> {
  const { present, missing } = await JetStreamJournal.survey(connection, settings);
  if (present.length === 0) {
    return [ok('streams', `no log in the namespace ${settings.namespace} yet: the first start makes it`)];
  }
  if (missing.length > 0) {
    const named = `${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ', …' : ''}`;
    const advice = 'set partitions to what the log was made with, or restore what was lost';
    return [
      fail('streams', `${missing.length} of ${present.length + missing.length} are missing: ${named}; ${advice}`),
    ];
  }
  try {
    const storage = await openNatsStorage(settings, options);
    const { replicas, durability } = storage.journal;
    await storage.close();
    const kept = `on ${replicas} server${replicas === 1 ? '' : 's'} each; what is acknowledged survives: ${durability}`;
    const isAtRisk = replicas === 1 && connection.server.cluster !== undefined;
    return [
      ok('streams', `${present.length} as they should be, ${kept}`),
      ...(isAtRisk ? [warn('replicas', ONE_OF_SEVERAL)] : []),
    ];
  } catch (error) {
    return [fail('streams', messageOf(error))];
  }
}

function versionFinding(version: string): Finding {
  const numbers = version.split('.').map((part) => Number.parseInt(part, 10));
  const differing = PRODUCTION_NATS.findIndex((wanted, i) => (numbers[i] ?? 0) !== wanted);
  const isOld = differing !== -1 && (numbers[differing] ?? 0) < PRODUCTION_NATS[differing]!;
  if (!isOld) return ok('nats', `NATS ${version}`);
  return warn('nats', `NATS ${version} is enough for a trial; production needs ${PRODUCTION_NATS.join('.')} or newer`);
}

/** @param settings with `redisUrl`. */
export async function checkRedis(settings: Settings): Promise<readonly Finding[]> {
  const url = redactUrl(settings.redisUrl!);
  let problem = 'no answer';
  let redis: RedisConnection;
  try {
    redis = await RedisConnection.open(redisAddressOf(settings), { onProblem: (message) => (problem = message) });
  } catch (error) {
    return [fail('redis', messageOf(error))];
  }
  try {
    if (!redis.isReady)
      return [fail('redis', `${url} cannot be reached (${problem}): check that it runs and that REDIS_URL names it`)];
    const info = String(await redis.command('info'));
    const of = (name: string): string => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1] ?? '?';
    const limit = Number(of('maxmemory'));
    const memory = limit > 0 ? `${formatBytes(limit)} at most` : 'no limit';
    const used = formatBytes(Number(of('used_memory')));
    return [
      ok('redis', `Redis ${of('redis_version')}, memory: ${used} used, ${memory}, policy ${of('maxmemory_policy')}`),
      redisClock(await redis.command('time')),
    ];
  } catch (error) {
    return [fail('redis', messageOf(error))];
  } finally {
    redis.close();
  }
}

/** @param time answer of TIME: seconds and microseconds. */
function redisClock(time: unknown): Finding {
  const [seconds, microseconds] = (time as readonly unknown[]).map((part) => Number(String(part)));
  const offMs = seconds! * 1_000 + microseconds! / 1_000 - Date.now();
  if (Math.abs(offMs) <= CLOCK_WARN_MS) return ok('redis clock', 'agrees with this machine');
  const side = offMs > 0 ? 'ahead of' : 'behind';
  return warn(
    'redis clock',
    `${Math.round(Math.abs(offMs) / 1_000)} s ${side} this machine: what is short-lived ends at the wrong time`,
  );
}
