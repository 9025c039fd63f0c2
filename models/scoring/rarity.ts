/**
 * Rarity: −log10 of a tail probability. 3 means "once in a thousand frames".
 */

const WEEK_MS = 604_800_000;
/** Rarer than this nothing needs to be, however fast a device samples: nothing so rare was ever measured. */
const MAX_THRESHOLD = 8;
/** However slowly a device samples: one frame in a hundred is not yet strange. */
const MIN_THRESHOLD = 2;

/**
 * A young device's threshold is lower: what it has seen supports no claim of "once in a million". Over n frames that costs
 * 10^-MARGIN · ln n false alarms, less than 0.1 in all.
 */
const YOUNG_MARGIN = 2;

/**
 * How rare a frame must be so that ordinary data reach it `falseAlarmsPerWeek` times in the frames of a week.
 *
 * @param intervalMs interval between frames, > 0
 * @param frames how many frames the device has shown
 */
export function thresholdRarity(falseAlarmsPerWeek: number, intervalMs: number, frames: number): number {
  const wanted = -Math.log10((falseAlarmsPerWeek * intervalMs) / WEEK_MS);
  const rarity = Math.min(wanted, Math.log10(frames + 1) + YOUNG_MARGIN);
  return Math.max(MIN_THRESHOLD, Math.min(MAX_THRESHOLD, rarity));
}
