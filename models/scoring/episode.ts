/**
 * Where an episode begins, by how new or rare each frame is: it speaks once.
 *
 * A frame counts by what it has over half the usual block maximum, and only when it beats the fading peak
 * of the events before. After one alarm, it takes a worse frame or about a day for the next.
 */

export const EPISODE_LENGTH = 5;
const PEAK = 0;
const BLOCK_MAX = 1;
const BLOCK_COUNT = 2;
const BASELINE = 3;
const BLOCKS = 4;

/** By how much an event must beat the peak of those before: a fault that grows slowly begins only once. */
const MARGIN = 0.3;
const MARGIN_SHARE = 0.25;
const BASELINE_SHARE = 0.5;
/** Memory of the baseline, in blocks. */
const BASELINE_BLOCKS = 12;
const DAY_MS = 86_400_000;

/** Frames for which an event stays quiet after another: a day, but no fewer than 24 and no more than 600 frames. */
export function refractoryFrames(intervalMs: number): number {
  return Math.max(24, Math.min(600, Math.round(DAY_MS / intervalMs)));
}

/** Takes a frame's rarity in and returns that of the event that begins here, 0 for none. */
export function stepEvent(state: Float64Array, at: number, rarity: number, refractory: number): number {
  state[at + PEAK]! *= Math.exp(-1 / refractory);
  const excess = rarity - BASELINE_SHARE * state[at + BASELINE]!;
  let event = 0;
  if (excess > (1 + MARGIN_SHARE) * state[at + PEAK]! + MARGIN) {
    event = excess;
    state[at + PEAK] = excess;
  }
  state[at + BLOCK_MAX] = Math.max(state[at + BLOCK_MAX]!, rarity);
  if (++state[at + BLOCK_COUNT]! >= refractory) {
    const blocks = Math.min(state[at + BLOCKS]! + 1, BASELINE_BLOCKS);
    state[at + BASELINE]! += (state[at + BLOCK_MAX]! - state[at + BASELINE]!) / blocks;
    state[at + BLOCKS] = blocks;
    state[at + BLOCK_MAX] = 0;
    state[at + BLOCK_COUNT] = 0;
  }
  return event;
}

/** A person says that all is well: nothing of the episode is left, and the next one may speak at once. */
export function endEpisode(state: Float64Array, at: number): void {
  state[at + PEAK] = 0;
  state[at + BLOCK_MAX] = 0;
}
