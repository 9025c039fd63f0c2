/** How urgent an alert is: how far the scores are over the threshold, and how long they stay there. */
import { SEVERITIES, type Severity } from '../../domain/alert.js';

/** Strange scores after which duration alone counts as much as the strongest possible score. */
const LASTING_SCORES = 30;
/**
 * Urgency from which an alert is a warning, and critical. So the strongest score is a warning at once and critical when it lasts
 * for six scores; one just over the threshold is `info`, a warning after 15 scores, and never critical.
 */
const WARNING_URGENCY = 0.5;
const CRITICAL_URGENCY = 1.2;

/** How much of the room between the threshold and 1 a score takes, 0 to 1. */
export function excessOf(score: number, threshold: number): number {
  return threshold < 1 ? Math.min(1, Math.max(0, (score - threshold) / (1 - threshold))) : 0;
}

/**
 * @param peakExcess largest `excessOf` of the episode.
 * @param strangeCount strange scores of the episode, >= 1.
 */
export function severityOf(peakExcess: number, strangeCount: number): Severity {
  const urgency = peakExcess + Math.min(1, strangeCount / LASTING_SCORES);
  if (urgency >= CRITICAL_URGENCY) return 'critical';
  return urgency >= WARNING_URGENCY ? 'warning' : 'info';
}

export function isMoreSevere(a: Severity, b: Severity): boolean {
  return SEVERITIES.indexOf(a) > SEVERITIES.indexOf(b);
}
