/** What a member of a cluster keeps at NATS, opened together on one connection. */
import { SettingInvalidError, StorageFailedError } from '../../models/errors.js';
import type { Settings } from '../../models/settings/settings.js';
import { ObjectStoreBlobs } from '../blobs/object-store-blobs.js';
import { JetStreamJournal } from '../journal/jetstream-journal.js';
import { KvLeases } from '../leases/kv-leases.js';
import { NatsConnection, type NatsConnectionOptions } from './nats-connection.js';
import type { NatsSettings } from './nats-options.js';
import { whileElecting, type WhileElecting } from './while-electing.js';

export type NatsStorageSettings = NatsSettings & Pick<Settings, 'namespace' | 'partitions' | 'natsReplicas'>;

export interface NatsStorageOptions extends NatsConnectionOptions {
  /** Of the leases, in ms. Default 10,000. */
  readonly leaseTtlMs?: number;
  /** For what is asked of JetStream here. Default: what it refuses is refused. */
  readonly whileElecting?: WhileElecting;
}

export interface NatsStorage {
  readonly connection: NatsConnection;
  readonly journal: JetStreamJournal;
  readonly leases: KvLeases;
  readonly blobs: ObjectStoreBlobs;
  readonly models: ObjectStoreBlobs;
  /** Closes all of them. Idempotent. */
  close(): Promise<void>;
}

/** Enough to lose one server. */
const REPLICAS_IN_A_CLUSTER = 3;

/**
 * Connects, and creates or checks every stream and bucket. Reports the server's version, replicas and durability.
 *
 * @throws SettingInvalidError `nats_replicas` or the files and URLs do not fit. @throws StorageCorruptError what is there was not
 *   made like this. @throws StorageFailedError NATS cannot be reached, or has no JetStream.
 */
export async function openNatsStorage(
  settings: NatsStorageSettings,
  options: NatsStorageOptions = {},
): Promise<NatsStorage> {
  const settled = options.whileElecting ?? whileElecting(0);
  const connection = await NatsConnection.connect(settings, options);
  try {
    if (connection.server.jetstream !== true) {
      throw new StorageFailedError(
        'this NATS server has no JetStream: start it with a "jetstream" block in its configuration, or with --jetstream',
      );
    }
    return await settled(() => openStreams(connection, settings, options));
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function openStreams(
  connection: NatsConnection,
  settings: NatsStorageSettings,
  options: NatsStorageOptions,
): Promise<NatsStorage> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const { namespace } = settings;
    const replicas = chooseReplicas(settings.natsReplicas, connection);
    const journal = await JetStreamJournal.open(connection, {
      namespace,
      partitions: settings.partitions,
      replicas,
      areReplicasDemanded: settings.natsReplicas !== undefined,
    });
    closers.push(() => journal.close());
    const leases = await KvLeases.open(connection, {
      namespace,
      replicas,
      ...(options.leaseTtlMs === undefined ? {} : { ttlMs: options.leaseTtlMs }),
    });
    closers.push(() => leases.close());
    const blobs = await ObjectStoreBlobs.open(connection, { namespace, bucket: 'blobs', replicas });
    const models = await ObjectStoreBlobs.open(connection, { namespace, bucket: 'models', replicas });
    options.report?.(
      'info',
      `NATS ${connection.server.version}, ${journal.replicas} replica(s) of each stream: what is acknowledged survives ${journal.durability}`,
    );
    const closeAll = async (): Promise<void> => {
      await close();
      await connection.close();
    };
    return { connection, journal, leases, blobs, models, close: closeAll };
  } catch (error) {
    await close();
    throw error;
  }
}

function chooseReplicas(demanded: number | undefined, connection: NatsConnection): number {
  const { cluster, connect_urls: known = [] } = connection.server;
  if (demanded !== undefined && demanded > 1 && cluster === undefined) {
    throw new SettingInvalidError([
      `nats_replicas must be 1 while the NATS server is not part of a cluster, got ${demanded}`,
    ]);
  }
  if (demanded !== undefined) return demanded;
  if (cluster === undefined) return 1;
  // A server of a cluster tells clients the addresses of all. Where it may not, as in NATS' own Helm chart, three look like one, and
  // the loss of that one would lose what was acknowledged.
  if (known.length === 0) {
    throw new SettingInvalidError([
      'nats_replicas must be set, since the NATS servers are a cluster that does not tell of its members (no_advertise): 3 where it has three, else 1',
    ]);
  }
  return new Set(known).size >= REPLICAS_IN_A_CLUSTER ? REPLICAS_IN_A_CLUSTER : 1;
}
