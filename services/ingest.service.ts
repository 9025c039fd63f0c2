/** The door of the log: checks readings, then appends them to `readings`. Answers when they are durable. */
import { Type } from '@sinclair/typebox';
import type { Context, ServiceSchema } from 'moleculer';
import { action, ASK, type ActionPolicy } from '../mixins/bus/action-policy.js';
import { callerOf } from '../mixins/bus/caller.js';
import { checkParams } from '../mixins/params.js';
import { SoleHolder } from '../mixins/sole-holder.js';
import { RecurringFault } from '../mixins/recurring-fault.js';
import { inSpan } from '../mixins/tracing/tracer.js';
import type { Command } from '../models/domain/command.js';
import { deviceKey, PARTITION_SCOPE_KEY } from '../models/domain/identity.js';
import { ReadingBatch } from '../models/domain/reading-batch.js';
import { parseReading } from '../models/domain/reading-parser.js';
import { notOwnDevice, ownsDevice } from '../models/security/own-devices.js';
import { partitionOf } from '../models/routing/partition.js';
import type { OpenMqttFeeds } from '../storage/nats/mqtt-feeds.js';
import { PartitionWriter } from '../storage/journal/partition-writer.js';
import { BackPressure } from './ingest/back-pressure.js';
import { decodeReadings } from './ingest/decode-readings.js';
import { LogSpaceWatch } from './ingest/log-space.js';
import { MqttBridge } from './ingest/mqtt-bridge.js';
import { SparkplugHost } from './ingest/sparkplug-host.js';
import { StorageFailedError } from '../models/errors.js';
import { createIngestMetrics } from './ingest/ingest-metrics.js';
import type { NodeContext } from './node-context.js';

export const PushParams = Type.Object({
  tenant: Type.String(),
  readings: Type.Array(Type.Unknown(), { minItems: 1, maxItems: 100_000 }),
  /** Index of the first reading in what the client sent, for its list of rejected ones. */
  firstIndex: Type.Optional(Type.Integer({ minimum: 0 })),
});

/** The base64 of a message of 1 MB, which is as much as NATS carries by default. */
const LARGEST_BATCH_TEXT = 1_398_104;

const AppendParams = Type.Object({ tenant: Type.String(), batch: Type.String({ maxLength: LARGEST_BATCH_TEXT }) });

const CommandParams = Type.Object({
  tenant: Type.String(),
  device: Type.String(),
  command: Type.Object({ type: Type.String() }),
});

/** `StageProgress`, as told by owners of partitions. */
export const ProgressParams = Type.Object({
  stage: Type.String(),
  partitions: Type.Array(Type.Tuple([Type.Integer(), Type.Integer(), Type.Integer()]), { maxItems: 1_024 }),
});

const BroadcastParams = Type.Object({ command: Type.Object({ type: Type.String() }) });

/** Chunks that may wait in memory for one partition; each holds up to 1,000 readings. 32 partitions hold 50 MB at the most. */
const MOST_WAITING_CHUNKS = 16;

/**
 * Of calls that bring readings, each of 1 MB at the most. Not repeated by themselves: after a timeout the readings may be in the
 * log, and the copies would be counted as duplicates; whoever sends decides.
 */
const TAKE: ActionPolicy = { timeoutMs: 30_000, mostConcurrent: 64, mostQueued: 256 };
/** One append to each log, behind what waits there. */
const COMMAND_MS = 10_000;

export interface Rejection {
  readonly index: number;
  readonly reason: string;
}

export interface AppendAnswer {
  readonly accepted: number;
}

export interface PushAnswer {
  readonly accepted: number;
  readonly rejected: readonly Rejection[];
}

export function ingestService(node: NodeContext): ServiceSchema {
  const { settings, storage, clock, tracer } = node;
  const metrics = createIngestMetrics(node.metrics.registry);
  const { invalidReadings } = node.metrics;
  const backPressure = new BackPressure(storage.journal, settings.partitions, settings.maxQueueSize, clock.monotonicMs);
  const notLooked = new RecurringFault(node.logger, 'warn', 'the room in the log is not known', clock.monotonicMs);
  const notWritten = new RecurringFault(node.logger, 'error', 'readings could not be written', clock.monotonicMs);
  const logSpace = new LogSpaceWatch(
    () => storage.logSpace(),
    metrics,
    (error) => notLooked.happened(error),
  );
  const writers = Array.from(
    { length: settings.partitions },
    (_, partition) => new PartitionWriter(storage.journal, partition, clock.wallMs, MOST_WAITING_CHUNKS),
  );

  /**
   * Appends the readings of a batch; its devices are named without their tenant. All or nothing: what a partition that is behind
   * would refuse, is refused before any of it is written.
   */
  async function take(ctx: Context, tenant: string, batch: ReadingBatch): Promise<void> {
    const span = tracer.follow('ingest', (ctx.headers as Record<string, unknown>)['traceparent']);
    await inSpan(span, (traceparent) => write(tenant, batch, traceparent));
  }

  async function write(tenant: string, batch: ReadingBatch, traceparent: string | undefined): Promise<void> {
    const keys = batch.devices.list.map((device) => deviceKey(tenant, device));
    const partitions = keys.map((key) => partitionOf(key, settings.partitions));
    for (const partition of new Set(partitions)) {
      backPressure.check(partition);
      writers[partition]!.check();
    }
    const acknowledged = new Set<Promise<void>>();
    for (let i = 0; i < batch.length; i++) {
      const device = batch.device.data[i]!;
      acknowledged.add(writers[partitions[device]!]!.addReading(batch, i, keys[device]!, traceparent));
    }
    await Promise.all(acknowledged).catch((error: unknown) => {
      if (error instanceof StorageFailedError) notWritten.happened(error);
      throw error;
    });
    metrics.accepted.inc(batch.length);
  }

  async function push(
    ctx: Context,
    tenant: string,
    readings: readonly unknown[],
    firstIndex: number,
  ): Promise<PushAnswer> {
    const batch = ReadingBatch.create();
    const rejected: Rejection[] = [];
    const { devices } = callerOf(ctx);
    readings.forEach((value, i) => {
      const reading = parseReading(value);
      if (typeof reading === 'string') rejected.push({ index: firstIndex + i, reason: reading });
      else if (!ownsDevice(devices, reading.device))
        rejected.push({ index: firstIndex + i, reason: notOwnDevice(reading.device) });
      else batch.addReading(reading.device, reading.timeMs, reading.channels, reading.values);
    });
    invalidReadings.inc(rejected.length);
    await take(ctx, tenant, batch);
    return { accepted: batch.length, rejected };
  }

  const mqtt = storage.mqtt === undefined || !settings.mqtt ? undefined : mqttReader(storage.mqtt);

  /** One of all processes reads: messages of a device must stay in order. */
  function mqttReader(open: OpenMqttFeeds): SoleHolder {
    const bridge = new MqttBridge({
      open,
      sparkplug: new SparkplugHost(storage.readSide, clock, node.logger),
      take: (tenant, batch) => write(tenant, batch, undefined),
      refused: (count) => invalidReadings.inc(count),
      metrics,
      clock,
      logger: node.logger,
    });
    const notLeased = new RecurringFault(
      node.logger,
      'warn',
      'the lease of reading from MQTT was not had',
      clock.monotonicMs,
    );
    return new SoleHolder({
      leases: storage.leases,
      id: { stage: 'mqtt', partition: 0 },
      holder: node.nodeId,
      clock,
      work: (signal) => bridge.run(signal),
      failed: (error) => notLeased.happened(error),
    });
  }

  return {
    name: 'ingest',
    actions: {
      /** What the gateway has checked: a batch of readings in binary, as text in base64. */
      append: action(TAKE, async (ctx: Context): Promise<AppendAnswer> => {
        const { tenant, batch: text } = checkParams(AppendParams, ctx.params);
        const batch = decodeReadings(Buffer.from(text, 'base64'));
        await take(ctx, tenant, batch);
        return { accepted: batch.length };
      }),
      push: action({ ...TAKE, publicFor: 'write' }, (ctx: Context): Promise<PushAnswer> => {
        const { tenant, readings, firstIndex } = checkParams(PushParams, ctx.params);
        return push(ctx, tenant, readings, firstIndex ?? 0);
      }),
      /** Puts a command for one device into the log, behind the readings that are there. */
      command: action({ timeoutMs: COMMAND_MS }, async (ctx: Context): Promise<void> => {
        const { tenant, device, command } = checkParams(CommandParams, ctx.params);
        const key = deviceKey(tenant, device);
        const writer = writers[partitionOf(key, settings.partitions)]!;
        await writer.add((batch) => batch.addCommand(key, clock.wallMs(), command as Command));
      }),
      /** Puts a command into the log of every partition. */
      broadcast: action({ timeoutMs: COMMAND_MS }, async (ctx: Context): Promise<void> => {
        const { command } = checkParams(BroadcastParams, ctx.params);
        const nowMs = clock.wallMs();
        await Promise.all(
          writers.map((writer) =>
            writer.add((batch) => batch.addCommand(PARTITION_SCOPE_KEY, nowMs, command as Command)),
          ),
        );
      }),
      ready: action(ASK, (): { ready: boolean; reason?: string } => {
        const reason = storage.journal.failure ?? logSpace.shortage ?? backPressure.reason();
        return reason === undefined ? { ready: true } : { ready: false, reason };
      }),
    },
    events: {
      'stage.progress'(ctx: Context) {
        const { stage, partitions } = checkParams(ProgressParams, ctx.params);
        for (const [partition, , lag] of partitions) backPressure.report(stage, partition, lag);
      },
    },
    started() {
      const notMeasured = new RecurringFault(node.logger, 'warn', 'lag could not be measured', clock.monotonicMs);
      backPressure.start((error) => notMeasured.happened(error));
      logSpace.start();
      mqtt?.start();
      return Promise.resolve();
    },
    async stopped() {
      await mqtt?.stop();
      logSpace.stop();
      backPressure.stop();
      await Promise.all(writers.map((writer) => writer.settle()));
    },
  };
}
