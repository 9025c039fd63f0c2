import type { NodeContext } from './node-context.js';

/** What all stage hosts of one process have in common. */
export function stageHostOptions(node: NodeContext) {
  const { settings, storage, clock, logger, metrics, runner } = node;
  return {
    partitions: settings.partitions,
    storage,
    clock,
    holder: node.nodeId,
    logger,
    metrics: metrics.stage,
    runner,
    otherReadersFloor: () => Promise.resolve(Infinity),
  };
}
