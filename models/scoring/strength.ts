/**
 * How strongly a device departs from its references: the mean of what the levelled detectors say, in logarithms. A frame that
 * all of them find twice beyond its level counts as much as one that a single one finds far beyond.
 */

/** What the latest two frames had, the later first. */
export const STRENGTH_LENGTH = 2;

/** A detector that finds a frame ordinary says so, but not ever more strongly; nor does one that finds it strange. */
export const LEAST_VOTE = -0.5;
export const MOST_VOTE = 4;
/** Added to a strangeness: the logarithm of 0 is none. */
const FLOOR = 0.01;

/** @returns the vote of a detector with this strangeness, in [-0.5, 4]; NaN, nothing to say, counts as ordinary */
export function voteOf(strangeness: number): number {
  return strangeness > 0 ? Math.max(LEAST_VOTE, Math.min(MOST_VOTE, Math.log(strangeness + FLOOR))) : LEAST_VOTE;
}

/** Nothing strange in the frames before. */
export function initStrength(state: Float64Array, at: number): void {
  state.fill(LEAST_VOTE, at, at + STRENGTH_LENGTH);
}

/** What this frame, the one before and the one before that count for: the frame itself most, so that a single one stands out where it is. */
const SHARES = [0.5, 0.3, 0.2] as const;

/** Takes a frame's mean vote in. @returns a mean of the latest three: one wild frame is soon over */
export function stepStrength(state: Float64Array, at: number, vote: number): number {
  const strength = SHARES[0] * vote + SHARES[1] * state[at]! + SHARES[2] * state[at + 1]!;
  state[at + 1] = state[at]!;
  state[at] = vote;
  return strength;
}
