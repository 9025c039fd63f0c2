import { Counter, type Registry } from 'prom-client';
import type { AlertRecord } from '../../models/domain/alert.js';

export interface AlertingMetrics {
  readonly changes: Counter<'change' | 'severity'>;
  readonly verdicts: Counter<'verdict'>;
}

export function createAlertingMetrics(registry: Registry): AlertingMetrics {
  const registers = [registry];
  const metrics: AlertingMetrics = {
    changes: new Counter({
      name: 'redshank_alert_changes_total',
      help: 'Changes of alerts: raised, escalated, worsened, acknowledged, resolved, feedback',
      labelNames: ['change', 'severity'],
      registers,
    }),
    verdicts: new Counter({
      name: 'redshank_alert_verdicts_total',
      help: 'What people said of alerts: anomaly (it was right) or normal (it was not). Their ratio is the precision',
      labelNames: ['verdict'],
      registers,
    }),
  };
  // From 0 on: what grows from nothing has no rate.
  for (const verdict of ['anomaly', 'normal']) metrics.verdicts.inc({ verdict }, 0);
  return metrics;
}

/** Counts what was committed; what another owner committed it has counted itself. */
export function countAlerts({ changes, verdicts }: AlertingMetrics, records: readonly AlertRecord[]): void {
  for (const record of records) {
    if (record.change === 'forgotten') continue;
    changes.inc({ change: record.change, severity: record.alert.severity });
    const { feedback } = record.alert;
    if (record.change === 'feedback' && feedback !== undefined) verdicts.inc({ verdict: feedback });
  }
}
