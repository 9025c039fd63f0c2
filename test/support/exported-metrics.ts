/** All metrics that processes of ours show, from the very functions that make them. */
import { EventEmitter } from 'node:events';
import type { ServiceBroker } from 'moleculer';
import { pino } from 'pino';
import { busMetrics } from '../../mixins/bus/bus-metrics.js';
import { clockOffsetGauge } from '../../mixins/routing/clock-watch.js';
import { systemClock } from '../../mixins/clock.js';
import { createMetrics } from '../../mixins/metrics.js';
import { createAlertingMetrics } from '../../services/alerting/alerting-metrics.js';
import { gatewayMetrics } from '../../services/gateway/gateway-metrics.js';
import { createIngestMetrics } from '../../services/ingest/ingest-metrics.js';
import { DriftWatch } from '../../services/model-registry/drift-watch.js';
import { createRegistryMetrics } from '../../services/model-registry/registry-metrics.js';
import { nodeMetrics, watchBreakers } from '../../services/node-metrics.js';
import { SERVICE_NAMES } from '../../models/settings.js';
import { createScorerMetrics } from '../../services/scorer/scorer-metrics.js';

export interface ExportedMetric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

export function exportedMetrics(): readonly ExportedMetric[] {
  const { registry } = createMetrics();
  busMetrics(registry);
  createAlertingMetrics(registry);
  gatewayMetrics(registry);
  createIngestMetrics(registry);
  createScorerMetrics(registry);
  clockOffsetGauge(registry);
  createRegistryMetrics(registry, () => []);
  nodeMetrics(registry, { services: SERVICE_NAMES }, { outage: () => undefined, readSideOutage: () => undefined });
  watchBreakers(registry, { localBus: new EventEmitter() } as unknown as ServiceBroker, pino(), systemClock);
  new DriftWatch({} as never, {} as never, registry);
  return registry
    .getMetricsAsArray()
    .map((metric) => {
      const { name, help, type, labelNames = [] } = metric as unknown as ExportedMetric & { labelNames?: string[] };
      return { name, help, type, labels: labelNames };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The series that a metric has: of a histogram three. */
export function seriesOf({ name, type }: ExportedMetric): readonly string[] {
  return type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}
