/** The door of the log: checks readings, then appends them to `readings`. Answers when they are durable. */
import { Type } from '@sinclair/typebox';
import type { Context, ServiceSchema } from 'moleculer';
import { checkParams } from '../mixins/params.js';
import type { Command } from '../models/domain/command.js';
import { deviceKey, PARTITION_SCOPE_KEY } from '../models/domain/identity.js';
import { parseReading } from '../models/domain/reading-parser.js';
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

const BroadcastParams = Type.Object({ command: Type.Object({ type: Type.String() }) });

/** Chunks that may wait in memory for one partition; each holds up to 1,000 readings. */
const MOST_WAITING_CHUNKS = 64;

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
  const backPressure = new BackPressure(storage.journal, settings.partitions, settings.maxQueueSize);
  const writers = Array.from(
    { length: settings.partitions },
    (_, partition) => new PartitionWriter(storage.journal, partition, clock.wallMs, MOST_WAITING_CHUNKS),
  );

  async function push(tenant: string, readings: readonly unknown[], firstIndex: number): Promise<PushAnswer> {
    backPressure.check();
    const rejected: Rejection[] = [];
    const acknowledged = new Set<Promise<void>>();
    for (let i = 0; i < readings.length; i++) {
      const reading = parseReading(readings[i]);
      if (typeof reading === 'string') {
        rejected.push({ index: firstIndex + i, reason: reading });
        continue;
      }
      const key = deviceKey(tenant, reading.device);
      const writer = writers[partitionOf(key, settings.partitions)]!;
      acknowledged.add(writer.add((batch) => batch.addReading(key, reading.timeMs, reading.channels, reading.values)));
    }
    metrics.invalid.inc(rejected.length);
    await Promise.all(acknowledged);
    const accepted = readings.length - rejected.length;
    metrics.accepted.inc(accepted);
    return { accepted, rejected };
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
