/**
 * How much a frame may teach. Strange frames hardly do: a long incident must not become normal unnoticed. What lasts for
 * longer than the profile's `patienceFrames` does: a real change of level must become normal.
 */

export const TEACHING_LENGTH = 2;
const RUN = 0;
const SHARE = 1;

/** Frames rarer than once in thirty are doubtful: they teach less, and those over the threshold hardly. */
const DOUBT_RARITY = 1.5;
const LEAK = 0.05;
/** Least weight of a frame in the tails: it did happen. */
const LEAST_TAIL_WEIGHT = 0.1;
/**
 * The share of doubtful frames is followed with a memory in which `patienceFrames` doubtful frames in a row make a quarter.
 * Up to a quarter, doubt is an incident and stays strange. A device that is doubtful for half of the time is not faulty: it
 * is not as was thought, and all its frames teach; between, in proportion.
 */
const PATIENCE_SHARE = 0.25;
const ACCEPTED_SHARE = 0.5;
/** Share from which the new behaviour is learned fast: about 3.5 times `patienceFrames` in a row. */
const RELEARN_SHARE = 1 - Math.exp(-1);
const RELEARN = 16;

/** Takes a ready device's frame in. */
export function followDoubt(state: Float64Array, at: number, rarity: number, patienceFrames: number): void {
  const isDoubtful = rarity > DOUBT_RARITY;
  state[at + RUN] = isDoubtful ? state[at + RUN]! + 1 : Math.floor(state[at + RUN]! / 2);
  const gain = -Math.log(1 - PATIENCE_SHARE) / patienceFrames;
  state[at + SHARE]! += gain * ((isDoubtful ? 1 : 0) - state[at + SHARE]!);
}

/** Forgets all doubt. */
export function trustAgain(state: Float64Array, at: number): void {
  state[at + RUN] = 0;
  state[at + SHARE] = 0;
}

/** Weight of a frame for the detectors: 1 in the ordinary case. */
export function detectorWeight(state: Float64Array, at: number, rarity: number, threshold: number): number {
  return state[at + SHARE]! >= RELEARN_SHARE ? RELEARN : Math.max(acceptance(state, at), trust(rarity, threshold));
}

/**
 * Weight of a frame in the tails. It counts by how many so rare frames could be expected by now, so that in a young device
 * the first does not hide the second. What lasts counts by 1/run² besides: about once in all, however long, for it is one event.
 */
export function tailWeight(state: Float64Array, at: number, rarity: number, threshold: number, frames: number): number {
  return Math.max(acceptance(state, at), incidentWeight(state, at, rarity, threshold, frames));
}

/** As `tailWeight`, for what judges a long incident by itself: its frames are none the more ordinary for lasting. */
export function incidentWeight(
  state: Float64Array,
  at: number,
  rarity: number,
  threshold: number,
  frames: number,
): number {
  const expected = Math.min(1, frames / 10 ** Math.min(rarity, threshold));
  const run = Math.max(1, state[at + RUN]!);
  return Math.max(LEAST_TAIL_WEIGHT, expected) / run ** 2;
}

function acceptance(state: Float64Array, at: number): number {
  const share = (state[at + SHARE]! - PATIENCE_SHARE) / (ACCEPTED_SHARE - PATIENCE_SHARE);
  return Math.max(0, Math.min(1, share));
}

function trust(rarity: number, threshold: number): number {
  if (rarity <= DOUBT_RARITY) return 1;
  if (rarity >= threshold) return LEAK;
  return 1 - ((1 - LEAK) * (rarity - DOUBT_RARITY)) / (threshold - DOUBT_RARITY);
}
