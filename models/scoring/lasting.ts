/**
 * Whether a departure lasts: the votes of the detectors that see how long, over a dozen frames. It rises too slowly to say where
 * something begins, and does not fall while it goes on, however the single frames look.
 */

export const LASTING_LENGTH = 1;

/** Memory in frames. */
const MEMORY = 12;

/** Takes a frame's vote in, of which what is below 0 counts as 0. @returns the mean of late, in [0, 4] */
export function stepLasting(state: Float64Array, at: number, vote: number): number {
  return (state[at]! += (Math.max(0, vote) - state[at]!) / MEMORY);
}
