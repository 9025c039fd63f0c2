/** Starts one process of Redshank: storage, broker, and the services that its settings name. */
import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import { ServiceBroker, type BrokerOptions, type Service, type ServiceSchema } from 'moleculer';
import type { Logger } from 'pino';
import { busMetrics } from '../mixins/bus/bus-metrics.js';
import { busOptions, type BusBrokerOptions } from '../mixins/bus/bus.js';
import { systemClock, type Clock } from '../mixins/clock.js';
import { createMetrics } from '../mixins/metrics.js';
import { DEFAULT_RUNNER_OPTIONS, type RunnerOptions } from '../mixins/stage-host/partition-runner.js';
import { provideOwners } from '../mixins/routing/partition-strategy.js';
import { createTracer, NO_TRACER, type Tracer } from '../mixins/tracing/tracer.js';
import { ReadSideUpkeep } from '../mixins/read-side-upkeep.js';
import { SettingInvalidError } from '../models/errors.js';
import { roleOf, SERVICE_NAMES, type ServiceName, type Settings } from '../models/settings.js';
import type { StageName } from '../models/stages/stage.js';
import { brokerOptions, newNodeId } from '../moleculer.config.js';
import { openEmbeddedStorage, type EmbeddedStorageOptions } from '../storage/embedded-storage.js';
import type { WhileElecting } from '../storage/nats/while-electing.js';
import type { Storage } from '../storage/storage.js';
import { fixPartitions } from '../storage/partition-count.js';
import { alertingService } from './alerting.service.js';
import { gatewayService, type GatewayAddress } from './gateway.service.js';
import { close, requireBindable, urlOf } from './gateway/listen.js';
import { ingestService } from './ingest.service.js';
import { modelRegistryService } from './model-registry.service.js';
import type { NodeContext } from './node-context.js';
import { nodeMetrics, watchBreakers } from './node-metrics.js';
import { startOperationsServer } from './operations-server.js';
import { whyNotReady } from './readiness.js';
import { scorerService } from './scorer.service.js';
import { ApiKeys } from './security/api-keys.js';
import { clusterSecret } from './security/cluster-secret.js';
import { keyStoreOf } from './security/key-store-of.js';
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
  /** Of the gateway, where this process runs one. */
  readonly url: string | undefined;
  /** Metrics and probes of this process. */
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
  /** Ends a start that waits for others, with an `AbortError`. */
  readonly signal?: AbortSignal;
}

/**
 * @throws SettingInvalidError when the settings do not fit what is on disk or what this release can do.
 * @throws StorageFailedError, StorageCorruptError when the data directory cannot be used.
 */
export async function startNode(
  settings: Settings,
  logger: Logger,
  { clock = systemClock, openStorage = openEmbeddedStorage, runner = {}, signal }: StartOptions = {},
): Promise<RunningNode> {
  await requireFreePorts(settings);
  const nodeId = newNodeId(settings);
  const metrics = createMetrics();
  const servers: Server[] = [];
  let storage: Storage | undefined;
  let broker: ServiceBroker | undefined;
  // Before anything that is waited for, so that a probe can tell a slow start from a dead process.
  let whyNot: () => Promise<string | undefined> = () => Promise.resolve('starting');
  const operations = await startOperations(settings, metrics, () => whyNot());
  if (operations !== undefined) servers.push(operations);
  try {
    const opened = await openFor(settings, nodeId, logger, openStorage, signal);
    storage = opened.storage;
    const { blobs } = storage;
    await opened.settled(() => fixPartitions(blobs, settings.partitions));
    const node: NodeContext = {
      settings,
      nodeId,
      storage,
      logger,
      metrics,
      clock,
      tracer: tracerOf(settings, nodeId, clock, logger),
      runner: { ...DEFAULT_RUNNER_OPTIONS, ...runner },
    };
    const upkeep = new ReadSideUpkeep(storage.readSide, clock, settings.historyDays, logger);
    nodeMetrics(node.metrics.registry, settings, storage);
    broker = new ServiceBroker(
      brokerOptions(settings, nodeId, logger, opened.transporter, await busOf(node, opened.settled)),
    );
    watchBreakers(node.metrics.registry, broker, logger, clock);
    const { leases } = storage;
    provideOwners(broker, (stage, partition) => leases.holders(stage as StageName).get(partition));
    for (const name of settings.services) broker.createService(SERVICES[name](node));
    await broker.start();
    upkeep.start();
    whyNot = readinessOf(broker, settings.services, nodeId);
    const address = settings.services.includes('gateway')
      ? await broker.call<GatewayAddress, object>('gateway.address', {}, { nodeID: nodeId })
      : undefined;
    return runningNode(node, broker, upkeep, servers, address);
  } catch (error) {
    await broker?.stop();
    await Promise.all(servers.map((server) => close(server, 0, () => true)));
    await storage?.close();
    throw error;
  }
}

/** Before anything is made: a first start whose port is taken would have shown its only key for nothing. @throws SettingInvalidError */
function requireFreePorts({ host, port, metricsPort, services }: Settings): Promise<void> {
  return requireBindable(host, [
    ...(services.includes('gateway') ? [{ setting: 'PORT', port }] : []),
    { setting: 'METRICS_PORT', port: metricsPort },
  ]);
}

/** Embedded storage, or that of a cluster and how its nodes reach each other. */
async function openFor(
  settings: Settings,
  nodeId: string,
  logger: Logger,
  openStorage: NonNullable<StartOptions['openStorage']>,
  signal: AbortSignal | undefined,
): Promise<{
  readonly storage: Storage;
  readonly settled: WhileElecting;
  readonly transporter?: BrokerOptions['transporter'];
}> {
  if (settings.natsUrl !== undefined) {
    const { openClusterStorage } = await import('../storage/cluster-storage.js');
    return openClusterStorage(settings, nodeId, logger, signal === undefined ? {} : { signal });
  }
  const absent = SERVICE_NAMES.filter((name) => !settings.services.includes(name));
  if (absent.length > 0) {
    throw new SettingInvalidError([
      `SERVICES: embedded, one process runs all services; missing: ${absent.join(', ')}. Set NATS_URL and REDIS_URL to run them apart`,
    ]);
  }
  const storage = await openStorage(settings.dataDir, {
    modelPath: settings.modelPath,
    onDamage: (message) => logger.error({ message }, 'the read side has lost something that was damaged on disk'),
  });
  return { storage, settled: (work) => work() };
}

/** How this process and the others of its cluster know each other. Alone there is nobody to know. */
async function busOf(
  { settings, storage, clock, logger, metrics }: NodeContext,
  settled: WhileElecting,
): Promise<BusBrokerOptions> {
  const common = {
    process: roleOf(settings),
    ownServices: SERVICE_NAMES,
    defaultTimeoutMs: settings.requestTimeoutMs,
    clock,
    metrics: busMetrics(metrics.registry),
    logger,
  };
  if (storage.mode === 'embedded') {
    return busOptions({ ...common, secret: randomBytes(32), findKey: () => Promise.resolve(undefined) });
  }
  const secret = await settled(() => clusterSecret(settings.clusterSecret, storage.journal));
  const keys = await settled(() => ApiKeys.open(keyStoreOf({ storage, settings }), clock));
  return busOptions({ ...common, secret, findKey: (key) => keys.find(key) });
}

function tracerOf(settings: Settings, nodeId: string, clock: Clock, logger: Logger): Tracer {
  if (settings.otlpEndpoint === undefined) return NO_TRACER;
  const resource = { 'service.name': `redshank-${roleOf(settings)}`, 'service.instance.id': nodeId };
  return createTracer({ endpoint: settings.otlpEndpoint, ratio: settings.traceRatio, resource, clock, logger });
}

function startOperations(
  { metricsEnabled, metricsPort, host }: Settings,
  { registry }: NodeContext['metrics'],
  whyNotReady: () => Promise<string | undefined>,
): Promise<Server> | undefined {
  if (metricsPort === 0) return undefined;
  return startOperationsServer({
    registry: metricsEnabled ? registry : undefined,
    host,
    port: metricsPort,
    whyNotReady,
  });
}

function readinessOf(
  broker: ServiceBroker,
  services: readonly ServiceName[],
  nodeId: string,
): () => Promise<string | undefined> {
  return () =>
    whyNotReady(
      (action, nodeID) => broker.call(action, {}, { timeout: READY_MS, ...(nodeID && { nodeID }) }),
      services,
      nodeId,
    );
}

/** A probe waits 5 s at the most. */
const READY_MS = 4_000;

/** In the direction of the flow: the door closes first, and each stage empties what the one before has left. */
const STOP_ORDER: readonly ServiceName[] = ['gateway', 'model-registry', 'ingest', 'window', 'scorer', 'alerting'];

function runningNode(
  { settings, storage, logger, tracer }: NodeContext,
  broker: ServiceBroker,
  upkeep: ReadSideUpkeep,
  servers: readonly Server[],
  address: GatewayAddress | undefined,
): RunningNode {
  const [operations] = servers;
  return {
    url: address?.url,
    metricsUrl: operations && settings.metricsEnabled ? `${urlOf(operations)}/metrics` : undefined,
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
        () => tracer.stop(),
        () => Promise.all(servers.map((server) => close(server, 0, () => true))),
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
