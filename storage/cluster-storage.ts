/** What a member of a cluster keeps: the log, leases and blobs at NATS, the read side at Redis. */
import type { Logger } from 'pino';
import { BACKUP_LEASE } from './backup/backup-hold.js';
import type { Blobs } from './blobs/blobs.js';
import { CopiedBlobs } from './blobs/copied-blobs.js';
import { FileBlobs } from './blobs/file-blobs.js';
import { redisLimiter } from './limits/limiters.js';
import { natsConnectOptions } from './nats/nats-options.js';
import { openMqttFeeds } from './nats/mqtt-feeds.js';
import { openNatsStorage, type NatsStorageOptions } from './nats/nats-storage.js';
import { whileElecting, type WhileElecting } from './nats/while-electing.js';
import { LogHistory } from './read-side/log-history.js';
import { RedisReadSide } from './read-side/redis-read-side.js';
import { RedisConnection, type RedisAddress } from './redis/redis-connection.js';
import { inboxPrefixOf, roleOf, type Settings } from '../models/settings.js';
import type { Storage } from './storage.js';

export interface ClusterStorage {
  readonly storage: Storage;
  /** How the nodes of the cluster reach each other: over NATS, too. */
  /** For what is asked of it while the cluster starts. */
  readonly settled: WhileElecting;
  readonly transporter: { readonly type: 'NATS'; readonly options: ReturnType<typeof natsConnectOptions> };
}

/** Less than the probe of a start gives a pod (k8s/base/process.yaml), so that it is the process that says why. */
const START_WAITS_MS = 100_000;

/**
 * Waits for NATS, which may start at the same time, for 100 s.
 *
 * @param nodeId of this process. @param signal ends the wait, with an `AbortError`.
 * @throws SettingInvalidError NATS or Redis cannot be used with these settings.
 * @throws StorageFailedError NATS cannot be reached. Redis may be away: it is only looked at.
 * @throws StorageCorruptError a stream is not as this release makes it.
 */
export async function openClusterStorage(
  settings: Settings,
  nodeId: string,
  logger: Logger,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<ClusterStorage> {
  const report: NonNullable<NatsStorageOptions['report']> = (level, message) => logger[level](message);
  const patience = { report, ...(signal === undefined ? {} : { signal }) };
  const settled = whileElecting(START_WAITS_MS, patience);
  const nats = await openNatsStorage(settings, {
    name: nodeId,
    connectWithinMs: START_WAITS_MS,
    whileElecting: settled,
    ...patience,
    // So that its user need not be allowed to hear the answers to others.
    inboxPrefix: inboxPrefixOf(roleOf(settings)),
  });
  try {
    const models = await settled(() => modelsOf(settings, nats.models, logger));
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
      settled,
      storage: {
        mode: 'cluster',
        journal: nats.journal,
        leases: nats.leases,
        blobs: nats.blobs,
        models,
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

/** With a copy of all models in a folder of this process, where that is wanted. */
async function modelsOf(settings: Settings, shared: Blobs, logger: Logger): Promise<Blobs> {
  if (!settings.modelCopies || !settings.services.includes('model-registry')) return shared;
  const copy = await FileBlobs.open(settings.modelPath);
  return CopiedBlobs.open(shared, copy, (err) => logger.error({ err }, 'a model could not be copied'));
}

/** Where the settings say that Redis is; `redisUrl` is set wherever `natsUrl` is. */
export function redisAddressOf(settings: Settings): RedisAddress {
  const { redisUrl = '', redisMode, redisSentinelMaster, redisTlsCa } = settings;
  return { url: redisUrl, mode: redisMode, sentinelMaster: redisSentinelMaster, caFile: redisTlsCa };
}
