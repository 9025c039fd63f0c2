/** The catalogue of device kinds. To add one: write its file, add it here. */
import { airHandler } from './air-handler.js';
import type { DeviceKind } from './device-kind.js';
import { freezer } from './freezer.js';
import { meter } from './meter.js';
import { pump } from './pump.js';

export const DEVICE_KINDS: readonly DeviceKind[] = [pump, freezer, airHandler, meter];

export function deviceKind(name: string): DeviceKind | undefined {
  return DEVICE_KINDS.find((kind) => kind.name === name);
}
