import type { Logger } from 'pino';
import type { Clock } from '../mixins/clock.js';
import type { Metrics } from '../mixins/metrics.js';
import type { RunnerOptions } from '../mixins/stage-host/partition-runner.js';
import type { Tracer } from '../mixins/tracing/tracer.js';
import type { Settings } from '../models/settings.js';
import type { Storage } from '../storage/storage.js';

/** What every service of one process is given. */
export interface NodeContext {
  readonly settings: Settings;
  /** Name of this process in the cluster, new at every start. */
  readonly nodeId: string;
  readonly storage: Storage;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly tracer: Tracer;
  /** How the stages run their partitions. */
  readonly runner: RunnerOptions;
}
