import { ServiceBroker, type Context } from 'moleculer';
import { pino } from 'pino';
import { createMetrics } from '../../mixins/metrics.js';
import { systemClock, type Clock } from '../../mixins/clock.js';
import { DEFAULT_RUNNER_OPTIONS } from '../../mixins/stage-host/partition-runner.js';
import { NO_TRACER } from '../../mixins/tracing/tracer.js';
import type { Alert } from '../../models/domain/alert.js';
import type { ParsedReading } from '../../models/domain/reading-parser.js';
import { NotFoundError } from '../../models/errors.js';
import { loadSettings, type Settings } from '../../models/settings.js';
import { decodeReadings } from '../../services/ingest/decode-readings.js';
import { gatewayService, type GatewayAddress } from '../../services/gateway.service.js';
import { memoryLimiter } from '../../storage/limits/limiters.js';
import type { Storage } from '../../storage/storage.js';
import { MemoryJournal } from './memory-journal.js';
import { MemoryReadSide } from './memory-read-side.js';

export interface GatewayNode {
  readonly url: string;
  readonly broker: ServiceBroker;
  readonly readSide: MemoryReadSide;
  readonly journal: MemoryJournal;
  /** What the door took, in order. */
  readonly taken: ParsedReading[];
  /** Lines that the gateway printed for people. */
  readonly printed: string[];
  /** Thrown by `ingest.append` while set. */
  failure: Error | undefined;
  /** Why the log cannot be reached, while set. */
  outage: string | undefined;
  /** Why what people see cannot be read, while set. */
  readSideOutage: string | undefined;
  /** What `ingest.append` waits for before it answers, while set. */
  hold: Promise<void> | undefined;
  /** Whether the pipeline says that it is ready. */
  readiness: { ready: boolean; reason?: string };
  stop(): Promise<void>;
}

export interface GatewayNodeOptions extends Partial<Settings> {
  readonly clock?: Clock;
  /** Longest that answers may take once it stops. */
  readonly closeGraceMs?: number;
}

/** The real gateway on a real broker, before stand-ins for the other services. */
export async function startGatewayNode(options: GatewayNodeOptions = {}): Promise<GatewayNode> {
  const { clock = systemClock, closeGraceMs, ...overrides } = options;
  const settings: Settings = {
    ...loadSettings({ env: { AUTH: 'off', METRICS_PORT: '0' } }),
    port: 0,
    services: ['gateway', 'ingest'],
    ...overrides,
  };
  const logger = pino({ level: 'silent' });
  const readSide = new MemoryReadSide();
  const journal = new MemoryJournal();
  const storage = {
    mode: 'embedded',
    journal,
    readSide,
    limiter: memoryLimiter,
    outage: () => node.outage,
    readSideOutage: () => node.readSideOutage,
  } as unknown as Storage;
  const nodeId = 'gateway.test';
  const broker = new ServiceBroker({
    nodeID: nodeId,
    logger: false,
    requestTimeout: 5_000,
    internalServices: false,
    skipProcessEventRegistration: true,
    // As in `moleculer.config.ts`.
    tracking: { enabled: true, shutdownTimeout: 20_000 },
  });
  const node: { -readonly [Name in keyof GatewayNode]: GatewayNode[Name] } = {
    url: '',
    broker,
    readSide,
    journal,
    taken: [],
    printed: [],
    failure: undefined,
    outage: undefined,
    readSideOutage: undefined,
    hold: undefined,
    readiness: { ready: true },
    stop: () => broker.stop(),
  };
  const change = (params: AlertCommand, change: Partial<Alert>): Alert => {
    const alert = readSide.alertsById.get(params.id);
    if (alert === undefined) throw new NotFoundError(`no alert ${params.id}`);
    const changed: Alert = { ...alert, ...change };
    readSide.alertsById.set(alert.id, changed);
    return changed;
  };
  broker.createService({
    name: 'ingest',
    actions: {
      async append(ctx: Context<{ batch: string }>) {
        if (node.failure !== undefined) throw node.failure;
        const batch = decodeReadings(Buffer.from(ctx.params.batch, 'base64'));
        for (let i = 0; i < batch.length; i++) {
          const channels = batch.channels(i);
          const values = [...batch.values.view().subarray(batch.start(i), batch.start(i) + channels.length)];
          node.taken.push({ device: batch.deviceKey(i), timeMs: batch.timeMs.data[i]!, channels, values });
        }
        await node.hold;
        return { accepted: batch.length };
      },
      ready: () => node.readiness,
    },
  });
  broker.createService({
    name: 'scorer',
    actions: {
      predict: (ctx: Context<{ data: number[][] }>) => ({
        scores: ctx.params.data.map(() => ({ score: 0, isAnomaly: false, threshold: 0.5 })),
      }),
      explain: async ({ params }: Context<{ tenant: string; device: string }>) => ({
        device: await readSide.device(params.tenant, params.device),
        latest: undefined,
        strange: [],
      }),
    },
  });
  broker.createService({
    name: 'alerting',
    actions: {
      acknowledge: (ctx: Context<AlertCommand>) => change(ctx.params, { status: 'acknowledged' }),
      resolve: (ctx: Context<AlertCommand>) => change(ctx.params, { status: 'resolved' }),
      feedback: (ctx: Context<AlertCommand>) => change(ctx.params, { feedback: ctx.params.verdict ?? 'anomaly' }),
    },
  });
  broker.createService(
    gatewayService(
      {
        settings,
        nodeId,
        storage,
        logger,
        clock,
        metrics: createMetrics(),
        runner: DEFAULT_RUNNER_OPTIONS,
        tracer: NO_TRACER,
      },
      (line) => node.printed.push(line),
      closeGraceMs,
    ),
  );
  await broker.start();
  Object.assign(node, await broker.call<GatewayAddress, object>('gateway.address', {}));
  return node;
}

interface AlertCommand {
  readonly id: string;
  readonly by: string;
  readonly verdict?: 'anomaly' | 'normal';
}
