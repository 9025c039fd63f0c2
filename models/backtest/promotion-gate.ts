/** Whether a challenger may become champion by itself: what it did on recorded readings, beside the champion. */
import type { ShadowComparison } from './shadow-run.js';

/** Rows in which both versions were ready; fewer say nothing. */
const LEAST_ROWS = 1_000;
/** Alerts more than the champion's that are no reason to stop. */
const ALERTS_MORE = 2;

export interface GateLimits {
  /** Share of alerts more than the champion's, >= 0. */
  readonly moreAlerts: number;
}

/** @returns why not, in words; empty: it may */
export function gateObjections(comparisons: readonly ShadowComparison[], { moreAlerts }: GateLimits): string[] {
  const sum = (of: (one: ShadowComparison) => number): number => comparisons.reduce((total, one) => total + of(one), 0);
  const of = (what: 'alerts' | 'confirmed' | 'rejected') => ({
    champion: sum((one) => one[what].champion),
    challenger: sum((one) => one[what].challenger),
  });
  const rows = sum((one) => one.rows);
  const [alerts, confirmed, rejected] = [of('alerts'), of('confirmed'), of('rejected')];
  const objections: string[] = [];
  if (rows < LEAST_ROWS) objections.push(`only ${rows} rows could be compared, at least ${LEAST_ROWS} are needed`);
  if (confirmed.challenger < confirmed.champion) {
    objections.push(`it finds ${confirmed.challenger} of the confirmed anomalies, the champion ${confirmed.champion}`);
  }
  if (rejected.challenger > rejected.champion) {
    objections.push(`it raises ${rejected.challenger} rejected alerts again, the champion ${rejected.champion}`);
  }
  const mostAlerts = alerts.champion + Math.max(ALERTS_MORE, Math.floor(moreAlerts * alerts.champion));
  if (alerts.challenger > mostAlerts) {
    objections.push(`it has ${alerts.challenger} alerts, the champion ${alerts.champion}; allowed are ${mostAlerts}`);
  }
  return objections;
}
