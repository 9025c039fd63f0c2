import { DEFAULT_RUNNER_OPTIONS, type RunnerOptions } from '../mixins/stage-host/partition-runner.js';
import type { NodeContext } from './node-context.js';

/** What all stage hosts of one process have in common. */
export function stageHostOptions(node: NodeContext, runner: RunnerOptions = DEFAULT_RUNNER_OPTIONS) {
  const { settings, storage, clock, logger, metrics } = node;
  return {
    partitions: settings.partitions,
    storage,
    clock,
    holder: `process-${process.pid}`,
    logger,
    metrics: metrics.stage,
    runner,
    otherReadersFloor: () => Promise.resolve(Infinity),
  };
}
