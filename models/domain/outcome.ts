/**
 * What became of a reading. Decided from the contents of the log alone, so that a replay decides the same.
 *
 * `invalid` readings are refused at the door and never reach the log. `filled` is no reading: it marks a step that a
 * gap policy made up.
 */
export const OUTCOMES = ['scored', 'duplicate', 'conflict', 'late', 'future', 'invalid', 'filled'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The number of an outcome in a column. */
export const OutcomeCode = {
  /** Became a frame, and the frame a score. */
  scored: 0,
  /** The same channels, time and values came before. */
  duplicate: 1,
  /** The same channels and time came before with other values: the first wins. */
  conflict: 2,
  /** Older than the device's watermark: kept, not scored. */
  late: 3,
  /** Beyond the allowed skew after its arrival: quarantined, and it does not move the watermark. */
  future: 4,
  invalid: 5,
  filled: 6,
} as const;

export function outcomeOf(code: number): Outcome {
  const outcome = OUTCOMES[code];
  if (outcome === undefined) throw new RangeError(`outcome must be 0 to ${OUTCOMES.length - 1}, got ${code}`);
  return outcome;
}
