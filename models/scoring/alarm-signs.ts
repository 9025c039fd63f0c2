/**
 * Signs that a frame is strange, each measured by the caution that it overcomes: 0 where a device without debt alarms, and so much
 * more for each unit of caution (`caution.ts`). So they can be compared, and the strongest decides.
 */
import { ALARM_ONSET, ALARM_STRENGTH } from './score-scale.js';

/** How strong the frame is. A unit of caution is a factor e in the geometric mean. */
export function strengthSign(strength: number): number {
  return strength - ALARM_STRENGTH;
}

const ALARM_LASTING = 0.8;
const LASTING_UNIT = 2;

/** That it lasts: less strength is needed, and with caution much more. However many alarms are allowed, nothing is no sign. */
export function lastingSign(lasting: number): number {
  return (lasting - ALARM_LASTING) / (lasting < ALARM_LASTING ? ALARM_LASTING : LASTING_UNIT);
}

const ONSET_UNIT = 0.4;

/** That something begins. */
export function onsetSign(onset: number): number {
  return (onset - ALARM_ONSET) / ONSET_UNIT;
}

/** Decades of rarity. */
const RARITY_UNIT = 3;

/**
 * That single detectors find it rare, by the tails of this device alone. What the operator allows is in the excess already, so nothing
 * below it is a sign.
 *
 * @param excess rarity over the operator's, in decades
 */
export function raritySign(excess: number): number {
  return excess < 0 ? -Infinity : excess / RARITY_UNIT;
}
