/**
 * How strongly a device departs from its references: the mean of what the levelled detectors say, in logarithms. A frame that
 * all of them find twice beyond its level counts as much as one that a single one finds far beyond.
 */

/** What the latest two frames had. */
export const STRENGTH_LENGTH = 2;

/** A detector that finds a frame ordinary says so, but not ever more strongly; nor does one that finds it strange. */
const LEAST = -0.5;
const MOST = 4;
/** Added to a strangeness: the logarithm of 0 is none. */
const FLOOR = 0.01;

/** @returns the vote of a detector with this strangeness, in [-0.5, 4]; NaN, nothing to say, counts as ordinary */
export function voteOf(strangeness: number): number {
  return strangeness > 0 ? Math.max(LEAST, Math.min(MOST, Math.log(strangeness + FLOOR))) : LEAST;
}

/** Takes a frame's mean vote in. @returns the mean of the latest three: one wild frame is soon over */
export function stepStrength(state: Float64Array, at: number, vote: number): number {
  const strength = (vote + state[at]! + state[at + 1]!) / 3;
  state[at] = state[at + 1]!;
  state[at + 1] = vote;
  return strength;
}
