/** Starts one process of Redshank: storage, broker, and the services that its settings name. */
import { ServiceBroker, type Service, type ServiceSchema } from 'moleculer';
import type { Logger } from 'pino';
import { systemClock, type Clock } from '../mixins/clock.js';
import { createMetrics } from '../mixins/metrics.js';
import { DEFAULT_RUNNER_OPTIONS, type RunnerOptions } from '../mixins/stage-host/partition-runner.js';
import { ReadSideUpkeep } from '../mixins/read-side-upkeep.js';
import { SettingInvalidError } from '../models/errors.js';
import { SERVICE_NAMES, type ServiceName, type Settings } from '../models/settings.js';
import { brokerOptions } from '../moleculer.config.js';
import { openEmbeddedStorage, type EmbeddedStorageOptions } from '../storage/embedded-storage.js';
import type { Storage } from '../storage/storage.js';
import { fixPartitions } from '../storage/partition-count.js';
import { alertingService } from './alerting.service.js';
import { gatewayService, type GatewayAddress } from './gateway.service.js';
import { ingestService } from './ingest.service.js';
import { modelRegistryService } from './model-registry.service.js';
import type { NodeContext } from './node-context.js';
import { scorerService } from './scorer.service.js';
import { windowService } from './window.service.js';

const SERVICES: Readonly<Record<ServiceName, (node: NodeContext) => ServiceSchema>> = {
  alerting: alertingService,
  gateway: gatewayService,
  ingest: ingestService,
  'model-registry': modelRegistryService,
  scorer: scorerService,
  window: windowService,
};

export interface RunningNode {
  /** Of the gateway. */
  readonly url: string;
  readonly metricsUrl: string | undefined;
  /** What an acknowledged reading survives. */
  readonly durability: string;
  readonly broker: ServiceBroker;
  /** Takes no more requests, commits, takes snapshots, closes. */
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly clock?: Clock;
  /** Default: the embedded adapters in `settings.dataDir`. */
  readonly openStorage?: (dataDir: string, options: EmbeddedStorageOptions) => Promise<Storage>;
  /** What differs from `DEFAULT_RUNNER_OPTIONS`. */
  readonly runner?: Partial<RunnerOptions>;
}

/**
 * @throws SettingInvalidError when the settings do not fit what is on disk or what this release can do.
 * @throws StorageFailedError, StorageCorruptError when the data directory cannot be used.
 */
export async function startNode(
  settings: Settings,
  logger: Logger,
  { clock = systemClock, openStorage = openEmbeddedStorage, runner = {} }: StartOptions = {},
): Promise<RunningNode> {
  if (settings.natsUrl !== undefined) {
    throw new SettingInvalidError(['NATS_URL: this release runs embedded only, unset NATS_URL and REDIS_URL']);
  }
  const absent = SERVICE_NAMES.filter((name) => !settings.services.includes(name));
  if (absent.length > 0) {
    throw new SettingInvalidError([`SERVICES: embedded, one process runs all services; missing: ${absent.join(', ')}`]);
  }
  const storage = await openStorage(settings.dataDir, {
    onDamage: (message) => logger.error({ message }, 'the read side has lost something that was damaged on disk'),
  });
  let broker: ServiceBroker | undefined;
  try {
    await fixPartitions(storage.blobs, settings.partitions);
    const node: NodeContext = {
      settings,
      storage,
      logger,
      metrics: createMetrics(),
      clock,
      runner: { ...DEFAULT_RUNNER_OPTIONS, ...runner },
    };
    const upkeep = new ReadSideUpkeep(storage.readSide, clock, settings.historyDays, logger);
    broker = new ServiceBroker(brokerOptions(settings, logger));
    for (const name of settings.services) broker.createService(SERVICES[name](node));
    await broker.start();
    upkeep.start();
    const address = await broker.call<GatewayAddress>('gateway.address');
    return runningNode(broker, storage, upkeep, address, logger);
  } catch (error) {
    await broker?.stop();
    await storage.close();
    throw error;
  }
}

/** In the direction of the flow: the door closes first, and each stage empties what the one before has left. */
const STOP_ORDER: readonly ServiceName[] = ['gateway', 'model-registry', 'ingest', 'window', 'scorer', 'alerting'];

function runningNode(
  broker: ServiceBroker,
  storage: Storage,
  upkeep: ReadSideUpkeep,
  { url, metricsUrl }: GatewayAddress,
  logger: Logger,
): RunningNode {
  return {
    url,
    metricsUrl,
    durability: storage.journal.durability,
    broker,
    stop: async () => {
      const steps: (() => Promise<unknown>)[] = STOP_ORDER.map((name) => async () => {
        const service = broker.getLocalService(name) as Service | undefined;
        if (service !== undefined) await broker.destroyService(service);
      });
      steps.push(
        () => broker.stop(),
        () => upkeep.stop(),
        () => storage.close(),
      );
      // All of them, whatever fails: storage that stays open would keep the next start out.
      logger.info('stopping');
      const problems: unknown[] = [];
      for (const step of steps) await step().catch((error: unknown) => problems.push(error));
      if (problems.length > 0) throw problems[0];
      logger.info('stopped');
    },
  };
}
