/** What a member of a cluster keeps: the log, leases and blobs at NATS, the read side at Redis. */
import type { Logger } from 'pino';
import { BACKUP_LEASE } from './backup/backup-hold.js';
import { redisLimiter } from './limits/limiters.js';
import { natsConnectOptions } from './nats/nats-options.js';
import { openMqttFeeds } from './nats/mqtt-feeds.js';
import { openNatsStorage } from './nats/nats-storage.js';
import { LogHistory } from './read-side/log-history.js';
import { RedisReadSide } from './read-side/redis-read-side.js';
import { RedisConnection, type RedisAddress } from './redis/redis-connection.js';
import { inboxPrefixOf, roleOf, type Settings } from '../models/settings.js';
import type { Storage } from './storage.js';

export interface ClusterStorage {
  readonly storage: Storage;
  /** How the nodes of the cluster reach each other: over NATS, too. */
  readonly transporter: { readonly type: 'NATS'; readonly options: ReturnType<typeof natsConnectOptions> };
}

/**
 * @param nodeId of this process.
 * @throws SettingInvalidError NATS or Redis cannot be used with these settings.
 * @throws StorageFailedError NATS cannot be reached. Redis may be away: it is only looked at.
 * @throws StorageCorruptError a stream is not as this release makes it.
 */
export async function openClusterStorage(settings: Settings, nodeId: string, logger: Logger): Promise<ClusterStorage> {
  const nats = await openNatsStorage(settings, {
    name: nodeId,
    // So that its user need not be allowed to hear the answers to others.
    inboxPrefix: inboxPrefixOf(roleOf(settings)),
    report: (level, message) => logger[level](message),
  });
  try {
    const redis = await RedisConnection.open(redisAddressOf(settings), {
      onProblem: (problem) => logger.warn({ problem }, 'Redis'),
    });
    const readSide = new RedisReadSide(redis, {
      partitions: settings.partitions,
      prefix: settings.namespace,
      historyDays: settings.historyDays,
      recentRows: settings.recentScores,
      history: new LogHistory(nats.journal, {
        onDamage: (message) => logger.error({ message }, 'a chunk was passed over'),
      }),
      onDamage: (message) => logger.error({ message }, 'the read side has lost something that was damaged'),
    });
    return {
      storage: {
        mode: 'cluster',
        journal: nats.journal,
        leases: nats.leases,
        blobs: nats.blobs,
        models: nats.models,
        readSide,
        mqtt: (failed) => openMqttFeeds(nats.connection, settings.namespace, nats.journal.replicas, failed),
        isBackupRunning: async () => (await nats.leases.holder(BACKUP_LEASE)) !== undefined,
        limiter: redisLimiter(redis.client, settings.namespace),
        outage: () => (nats.connection.isConnected ? undefined : 'NATS cannot be reached at this moment'),
        readSideOutage: () => (redis.isReady ? undefined : 'Redis cannot be reached at this moment'),
        logSpace: () => nats.journal.space(),
        close: async () => {
          await readSide.close();
          redis.close();
          await nats.close();
        },
      },
      transporter: { type: 'NATS', options: natsConnectOptions(settings, `${nodeId} bus`) },
    };
  } catch (error) {
    await nats.close();
    throw error;
  }
}

/** Where the settings say that Redis is; `redisUrl` is set wherever `natsUrl` is. */
export function redisAddressOf(settings: Settings): RedisAddress {
  const { redisUrl = '', redisMode, redisSentinelMaster, redisTlsCa } = settings;
  return { url: redisUrl, mode: redisMode, sentinelMaster: redisSentinelMaster, caFile: redisTlsCa };
}
