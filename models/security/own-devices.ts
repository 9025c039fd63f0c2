import { fitsPattern } from '../profiles/device-pattern.js';

/** @param patterns of the devices that a key may write for; undefined: all of its tenant */
export function ownsDevice(patterns: readonly string[] | undefined, device: string): boolean {
  return patterns === undefined || patterns.some((pattern) => fitsPattern(pattern, device));
}

/** Why a reading is refused that is of somebody else's device. */
export function notOwnDevice(device: string): string {
  return `this key may not write for ${device}: it is not among its devices`;
}
