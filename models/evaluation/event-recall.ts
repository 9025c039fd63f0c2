/**
 * Share of the labelled ranges that a score finds while it raises no more than so many false alarms in 10,000 normal rows: one
 * threshold for all series, episodes counted as in `alert-counts.ts`.
 *
 * Thresholds are tried from the highest down, at 401 ranks of all scores together that are equally spaced in the logarithm
 * of their tail share, from 10⁻⁵ to 1. The first that is over the budget ends the search: a lower one that happens to be
 * under it again is luck.
 *
 * Source: our own convention; the operating points of Emmott et al. (2015), arXiv:1503.01158, for episodes.
 */
import { countAlerts, falseAlarmsPer10k, noAlerts } from './alert-counts.js';
import type { RowRange } from './row-range.js';

export interface EventSeries {
  /** One entry a row, higher is stranger; never NaN. */
  readonly event: Float64Array;
  readonly ranges: readonly RowRange[];
}

const RANKS = 400;
const DECADES = 5;

/**
 * @param budgets false alarms in 10,000 normal rows, ascending
 * @returns a recall in [0, 1] a budget; 0 where not even the highest threshold keeps it, NaN without ranges
 */
export function eventRecall(series: readonly EventSeries[], budgets: readonly number[]): number[] {
  const recall = budgets.map(() => 0);
  const isSpent = budgets.map(() => false);
  for (const threshold of thresholds(series)) {
    const counts = noAlerts();
    for (const { event, ranges } of series) countAlerts(counts, event, threshold, ranges);
    const cost = falseAlarmsPer10k(counts);
    budgets.forEach((budget, b) => {
      isSpent[b] ||= cost > budget;
      if (!isSpent[b]) recall[b] = counts.windows === 0 ? NaN : counts.found / counts.windows;
    });
    if (!isSpent.includes(false)) break;
  }
  return recall;
}

/** Descending, each once. */
function thresholds(series: readonly EventSeries[]): number[] {
  const total = series.reduce((sum, { event }) => sum + event.length, 0);
  const all = new Float64Array(total);
  let at = 0;
  for (const { event } of series) {
    all.set(event, at);
    at += event.length;
  }
  all.sort();
  const found = new Set<number>([all[total - 1] ?? 0]);
  for (let k = 0; k <= RANKS; k++) {
    const tail = Math.pow(10, (DECADES * k) / RANKS - DECADES);
    found.add(all[Math.min(total - 1, Math.max(0, Math.floor(total * (1 - tail))))] ?? 0);
  }
  return [...found].sort((a, b) => b - a);
}
