/**
 * Which readings were used lately, so that an old reading that is sent again is told from one that comes late.
 *
 * Each is remembered as one number of 2 × 26 bits: a hash of its time and channels, and a hash of these and the values.
 * The ring knows whole readings: an old reading with only some of the channels of an earlier one counts as late.
 * Two readings are taken for each other once in 2 million (32 / 2^26) late readings; neither would be used.
 */
import { OutcomeCode } from '../../domain/outcome.js';
import type { ChannelSet } from './channel-set.js';
import { RECALLED, Slot } from './device-state.js';

const HALF = 2 ** 26;
const bitsOf = new Float64Array(1);
const words = new Uint32Array(bitsOf.buffer);

/** The finalizer of MurmurHash3 (Appleby, public domain): every input bit moves every output bit. */
function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Order of channels does not matter. `values[from] …` one a channel of the set. */
export function fingerprint(set: ChannelSet, values: Float64Array, from: number, timeMs: number): number {
  bitsOf[0] = timeMs;
  const what = mix(mix(words[0]! ^ set.hash) ^ words[1]!);
  let sum = 0;
  const { hashes } = set;
  for (let c = 0; c < hashes.length; c++) {
    const value = values[from + c]!;
    // NaN has many bit patterns; all of them say "no value".
    bitsOf[0] = value === value ? value : 0;
    sum = (sum + mix(mix(words[0]! ^ hashes[c]!) ^ words[1]! ^ (value === value ? 0 : 1))) | 0;
  }
  return (what >>> 6) * HALF + (mix(what ^ sum) >>> 6);
}

export function remember(data: Float64Array, print: number): void {
  const count = data[Slot.recallCount]!;
  data[Slot.recall + (count % RECALLED)] = print;
  data[Slot.recallCount] = count + 1;
}

/** What a reading older than the watermark is: `duplicate`, `conflict` or `late`. */
export function outcomeOfOld(data: Float64Array, print: number): number {
  const what = Math.floor(print / HALF);
  let outcome: number = OutcomeCode.late;
  for (let i = Slot.recall; i < Slot.recall + RECALLED; i++) {
    const known = data[i]!;
    if (known === print) return OutcomeCode.duplicate;
    if (Math.floor(known / HALF) === what) outcome = OutcomeCode.conflict;
  }
  return outcome;
}
