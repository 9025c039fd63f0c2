/**
 * Scores: strength squeezed into [0, 1), alike for all devices. In words of the levelled detectors, whose strengths are mean
 * logarithms: 0 is a frame that all find ordinary, 0.5 one that is 3.3 times beyond its level in their geometric mean.
 */
import { LEAST_VOTE } from './strength.js';

/** Strength at which a device is strange that has raised no false alarms yet; its score is 0.5. */
export const ALARM_STRENGTH = 1.2;
/** Beyond it scores are alike. */
const MOST_STRENGTH = 4;
/** Of detectors that say how something begins: what is an alarm there, and scores 0.5 as an event. */
export const ALARM_ONSET = 1.7;

const ORDINARY = Math.exp(LEAST_VOTE);
const ALARM = Math.exp(ALARM_STRENGTH) - ORDINARY;

/** @returns in [0, 0.96) */
export function scoreOf(strength: number): number {
  const beyond = Math.exp(Math.max(LEAST_VOTE, Math.min(MOST_STRENGTH, strength))) - ORDINARY;
  return beyond / (beyond + ALARM);
}

/** @param onset >= 0. @returns in [0, 1) */
export function eventOf(onset: number): number {
  return onset / (onset + ALARM_ONSET);
}
