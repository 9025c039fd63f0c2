/**
 * Whether a frame is an alarm, and how strong it is: the strongest of its signs against the device's caution. On devices of few
 * channels the few are heard alone; with many, some channel is always doing something for the first time, so that they need the
 * references to agree, or a plain fact.
 */
import { lastingSign, onsetSign, raritySign, strengthSign } from './alarm-signs.js';
import { ALARM_STRENGTH } from './score-scale.js';
import { LEAST_VOTE } from './strength.js';

/** Devices of so few channels hear the few alone. */
const FEW_CHANNELS = 4;
/** With more, the frame must be rarer by so many decades and, but for plain facts, also this strong … */
const CONFIRMED_EXCESS = 1;
const CONFIRMED_STRENGTH = 0.3;
/** … or, before the references speak, still rarer, and its score stays below. */
const UNCONFIRMED_EXCESS = 6;
const COARSE_STRENGTH = 0.9;

/** What is known of a frame. Used again for the next one, like the judgement on it. */
export interface Signs {
  /** Of the levelled detectors, the latest three frames. */
  strength: number;
  /** Of the latest twelve. */
  lasting: number;
  onset: number;
  /** How rare the few find it, and from where on that is worth an operator's while, in decades. */
  few: number;
  rare: number;
  /** What the device owes for its alarms. */
  caution: number;
  /** Whether some levelled detector has something to say. */
  hasVotes: boolean;
  /** Whether the loudest of the few states a plain fact. */
  isFact: boolean;
}

export interface Judgement {
  /** Strength that the score shows. */
  level: number;
  /** Strength that would be an alarm. */
  alarm: number;
  isStrange: boolean;
}

/** What of a device matters here. */
export interface Jury {
  readonly isNarrow: boolean;
  readonly hasLevelled: boolean;
  readonly hasNovelty: boolean;
}

export function createSigns(): Signs {
  return { strength: 0, lasting: 0, onset: 0, few: 0, rare: 0, caution: 0, hasVotes: false, isFact: false };
}

export function juryOf(channels: number, hasLevelled: boolean, hasNovelty: boolean): Jury {
  return { isNarrow: channels <= FEW_CHANNELS || !hasLevelled, hasLevelled, hasNovelty };
}

/** Judges a frame into `out`. */
export function judge(jury: Jury, signs: Signs, out: Judgement): void {
  const { strength, caution, few, rare, hasVotes, isFact } = signs;
  const { isNarrow, hasLevelled, hasNovelty } = jury;
  const excess = few - rare;
  const lasting = lastingSign(signs.lasting);
  const begins = hasLevelled ? onsetSign(signs.onset) : -Infinity;
  const rarity = raritySign(isNarrow ? excess : excess - CONFIRMED_EXCESS);
  const isConfirmed = hasVotes ? strength > CONFIRMED_STRENGTH : excess >= UNCONFIRMED_EXCESS;
  const isHeard = isNarrow || isFact || isConfirmed;
  const sign = Math.max(strengthSign(strength), lasting, begins, isHeard ? rarity : -Infinity);
  const alarm = ALARM_STRENGTH + caution;

  let level = strength;
  if (lasting >= caution) level = Math.max(level, alarm);
  if (isNarrow) level = Math.max(level, strengthOfRarity(few, rare));
  else if (isFact && rarity >= caution) level = Math.max(level, ALARM_STRENGTH + rarity);
  else if (!hasVotes && isHeard && rarity >= caution) level = Math.max(level, COARSE_STRENGTH);
  // On a device of few channels something that begins may be seen by its novelty alone.
  if (begins >= caution && hasNovelty) level = Math.max(level, alarm);

  out.level = level;
  out.isStrange = sign >= caution;
  out.alarm = out.isStrange ? Math.min(alarm, level) : alarm;
}

/** Rarity on the scale of strength, for devices whose references have nothing to say of it. */
function strengthOfRarity(rarity: number, rare: number): number {
  if (rarity >= rare) return ALARM_STRENGTH + raritySign(rarity - rare);
  return LEAST_VOTE + ((ALARM_STRENGTH - LEAST_VOTE) * rarity) / rare;
}
