import { logRetention } from './log-retention.js';
import type { NodeContext } from './node-context.js';

const DAY_MS = 86_400_000;

/** What all stage hosts of one process have in common. */
export function stageHostOptions(node: NodeContext) {
  const { settings, storage, clock, logger, metrics, runner, tracer } = node;
  return {
    partitions: settings.partitions,
    storage,
    clock,
    holder: node.nodeId,
    logger,
    metrics: metrics.stage,
    runner,
    tracer,
    trimmable: logRetention(storage, {
      keepMs: settings.historyDays * DAY_MS,
      maxBytes: settings.scoreLogBytes,
      wallMs: clock.wallMs,
    }),
  };
}
