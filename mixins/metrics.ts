/** The Prometheus registry of one process, with what all services share. */
import { collectDefaultMetrics, Counter, Registry } from 'prom-client';
import { createStageMetrics, type StageMetrics } from './stage-host/stage-metrics.js';

export interface Metrics {
  readonly registry: Registry;
  readonly stage: StageMetrics;
  /** Counted where they are refused: by the gateway, or by `ingest` for other teams' services. */
  readonly invalidReadings: Counter;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const invalidReadings = new Counter({
    name: 'redshank_invalid_readings_total',
    help: 'Readings refused at the door',
    registers: [registry],
  });
  return { registry, stage: createStageMetrics(registry), invalidReadings };
}
