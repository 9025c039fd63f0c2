/** The door of the log: checks readings, then appends them to `readings`. Answers when they are durable. */
import { Type } from '@sinclair/typebox';
import type { Context, ServiceSchema } from 'moleculer';
import { checkParams } from '../mixins/params.js';
import type { Command } from '../models/domain/command.js';
import { deviceKey, PARTITION_SCOPE_KEY, type DeviceKey } from '../models/domain/identity.js';
import { parseReading, type ParsedReading } from '../models/domain/reading-parser.js';
import { partitionOf } from '../models/routing/partition.js';
import { PartitionWriter } from '../storage/journal/partition-writer.js';
import { BackPressure } from './ingest/back-pressure.js';
import { createIngestMetrics } from './ingest/ingest-metrics.js';
import type { NodeContext } from './node-context.js';

const PushParams = Type.Object({
  tenant: Type.String(),
  readings: Type.Array(Type.Unknown(), { minItems: 1, maxItems: 100_000 }),
  /** Index of the first reading in what the client sent, for its list of rejected ones. */
  firstIndex: Type.Optional(Type.Integer({ minimum: 0 })),
});

const CommandParams = Type.Object({
  tenant: Type.String(),
  device: Type.String(),
  command: Type.Object({ type: Type.String() }),
});

/** `StageProgress`, as told by owners of partitions. */
const ProgressParams = Type.Object({
  stage: Type.String(),
  partitions: Type.Array(Type.Tuple([Type.Integer(), Type.Integer(), Type.Integer()]), { maxItems: 1_024 }),
});

const BroadcastParams = Type.Object({ command: Type.Object({ type: Type.String() }) });

/** Chunks that may wait in memory for one partition; each holds up to 1,000 readings. 32 partitions hold 50 MB at the most. */
const MOST_WAITING_CHUNKS = 16;

export interface Rejection {
  readonly index: number;
  readonly reason: string;
}

export interface PushAnswer {
  readonly accepted: number;
  readonly rejected: readonly Rejection[];
}

export function ingestService(node: NodeContext): ServiceSchema {
  const { settings, storage, clock } = node;
  const metrics = createIngestMetrics(node.metrics.registry);
  const backPressure = new BackPressure(storage.journal, settings.partitions, settings.maxQueueSize, clock.monotonicMs);
  const writers = Array.from(
    { length: settings.partitions },
    (_, partition) => new PartitionWriter(storage.journal, partition, clock.wallMs, MOST_WAITING_CHUNKS),
  );

  /** All or nothing: what a partition that is behind would refuse, is refused before any of it is written. */
  async function push(tenant: string, readings: readonly unknown[], firstIndex: number): Promise<PushAnswer> {
    const rejected: Rejection[] = [];
    const accepted: { readonly partition: number; readonly key: DeviceKey; readonly reading: ParsedReading }[] = [];
    const partitions = new Set<number>();
    for (let i = 0; i < readings.length; i++) {
      const reading = parseReading(readings[i]);
      if (typeof reading === 'string') {
        rejected.push({ index: firstIndex + i, reason: reading });
        continue;
      }
      const key = deviceKey(tenant, reading.device);
      const partition = partitionOf(key, settings.partitions);
      partitions.add(partition);
      accepted.push({ partition, key, reading });
    }
    for (const partition of partitions) backPressure.check(partition);
    const acknowledged = new Set<Promise<void>>();
    for (const { partition, key, reading } of accepted) {
      const { timeMs, channels, values } = reading;
      acknowledged.add(writers[partition]!.add((batch) => batch.addReading(key, timeMs, channels, values)));
    }
    metrics.invalid.inc(rejected.length);
    await Promise.all(acknowledged);
    metrics.accepted.inc(accepted.length);
    return { accepted: accepted.length, rejected };
  }

  return {
    name: 'ingest',
    actions: {
      push(ctx: Context): Promise<PushAnswer> {
        const { tenant, readings, firstIndex } = checkParams(PushParams, ctx.params);
        return push(tenant, readings, firstIndex ?? 0);
      },
      /** Puts a command for one device into the log, behind the readings that are there. */
      async command(ctx: Context): Promise<void> {
        const { tenant, device, command } = checkParams(CommandParams, ctx.params);
        const key = deviceKey(tenant, device);
        const writer = writers[partitionOf(key, settings.partitions)]!;
        await writer.add((batch) => batch.addCommand(key, clock.wallMs(), command as Command));
      },
      /** Puts a command into the log of every partition. */
      async broadcast(ctx: Context): Promise<void> {
        const { command } = checkParams(BroadcastParams, ctx.params);
        const nowMs = clock.wallMs();
        await Promise.all(
          writers.map((writer) =>
            writer.add((batch) => batch.addCommand(PARTITION_SCOPE_KEY, nowMs, command as Command)),
          ),
        );
      },
      ready(): { ready: boolean; reason?: string } {
        const reason = storage.journal.failure ?? backPressure.reason();
        return reason === undefined ? { ready: true } : { ready: false, reason };
      },
    },
    events: {
      'stage.progress'(ctx: Context) {
        const { stage, partitions } = checkParams(ProgressParams, ctx.params);
        for (const [partition, , lag] of partitions) backPressure.report(stage, partition, lag);
      },
    },
    started() {
      backPressure.start((error) => node.logger.warn({ err: error }, 'lag could not be measured'));
      return Promise.resolve();
    },
    async stopped() {
      backPressure.stop();
      await Promise.all(writers.map((writer) => writer.settle()));
    },
  };
}
