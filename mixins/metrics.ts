/** The Prometheus registry of one process, with what all services share. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { createStageMetrics, type StageMetrics } from './stage-host/stage-metrics.js';

export interface Metrics {
  readonly registry: Registry;
  readonly stage: StageMetrics;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return { registry, stage: createStageMetrics(registry) };
}
