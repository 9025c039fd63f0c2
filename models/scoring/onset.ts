/**
 * Where an episode begins, by what the levelled detectors say: the vote of this frame together with those just before, against
 * what has become usual of late. It is quiet while a fault lasts, for then that is usual.
 */

export const ONSET_LENGTH = 5;
/** Mean votes of the three frames before, the usual one, frames so far. */
const LAST = 0;
const BEFORE = 1;
const FIRST = 2;
const USUAL = 3;
const COUNT = 4;

/** Memory of the usual vote, in frames, and how much of it is taken off. */
const USUAL_MEMORY = 100;
const USUAL_SHARE = 0.7;

/** Takes a frame's mean vote in. @returns how strongly an episode begins, >= 0 */
export function stepOnset(state: Float64Array, at: number, vote: number): number {
  const last = state[at + LAST]!;
  const before = state[at + BEFORE]!;
  const two = (vote + last) / 2;
  const four = (vote + last + before + state[at + FIRST]!) / 4;
  // Looked at over one, two and four frames: a jump and a swell both show.
  const onset = (vote + two + four) / 3 - USUAL_SHARE * state[at + USUAL]!;
  state[at + FIRST] = before;
  state[at + BEFORE] = last;
  state[at + LAST] = vote;
  state[at + COUNT] = Math.min(state[at + COUNT]! + 1, USUAL_MEMORY);
  state[at + USUAL]! += (vote - state[at + USUAL]!) / state[at + COUNT]!;
  return Math.max(0, onset);
}
