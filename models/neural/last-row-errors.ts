/** Beyond so many usual errors an error grows with the logarithm only: one wild channel is no hundred strange ones. */
const CLIP = 10;

/** @param error in units of the usual one. @returns its square, cut */
export function clippedSquare(error: number): number {
  const size = Math.abs(error);
  const cut = size > CLIP ? CLIP * (1 + Math.log(size / CLIP)) : size;
  return cut * cut;
}

/**
 * How badly the last row of a window was restored.
 *
 * @param errors actual less restored, normalised
 * @param spread usual error a channel
 * @returns the mean of their squares, each in units of the channel's usual error
 */
export function squaredErrors(errors: ArrayLike<number>, spread: ArrayLike<number>): number {
  let sum = 0;
  for (let c = 0; c < errors.length; c++) sum += clippedSquare(errors[c]! / spread[c]!);
  return sum / errors.length;
}
