/** How many devices a partition remembers, and which it forgets for the sake of new ones. */
import { FrameKind, type FrameBatch } from '../../domain/frame-batch.js';
import { OutcomeCode } from '../../domain/outcome.js';
import { DEFAULT_PROFILE } from '../../profiles/profile.js';
import { Slot, type DeviceState } from './device-state.js';
import type { WindowState } from './window-state.js';

/** Only a device without a usable reading for longer than this is forgotten, ms of log time. */
export const FORGET_AFTER_MS = 7 * 86_400_000;

/** To look at all devices costs; it happens at most this often, ms of log time, and frees at most one place in 64 (one chunk of the log then holds them). */
const SWEEP_EVERY_MS = 3_600_000;
const FREED_SHARE = 1 / 64;

/**
 * Whether there is room for a new device at the log time of now. When the state is full, the devices that were quiet for
 * longest, and for more than `FORGET_AFTER_MS`, are forgotten, each with a record of kind `forgotten`.
 */
export function hasRoom(state: WindowState, out: FrameBatch): boolean {
  if (state.devices.size < state.maxDevices) return true;
  if (state.logMs < state.nextSweepMs) return false;
  state.nextSweepMs = state.logMs + SWEEP_EVERY_MS;
  const quiet = [...state.devices.values()].filter((device) => isQuiet(device, state.logMs)).sort(byArrival);
  const most = Math.max(1, Math.ceil(state.maxDevices * FREED_SHARE));
  for (const device of quiet.slice(0, most)) {
    state.forget(device);
    out.add(
      FrameKind.forgotten,
      OutcomeCode.filled,
      device.key,
      state.logMs,
      state.logMs,
      0,
      0,
      // The name may be stale, and looking it up anew could cost: nobody asks a forgotten device for it.
      DEFAULT_PROFILE,
      [],
    );
  }
  return state.devices.size < state.maxDevices;
}

function isQuiet(device: DeviceState, nowMs: number): boolean {
  return nowMs - device.data[Slot.lastArrival]! > FORGET_AFTER_MS && device.pending === undefined;
}

/** A device that never had a usable reading comes first. Keys make the order one order. */
function byArrival(a: DeviceState, b: DeviceState): number {
  const [x, y] = [a.data[Slot.lastArrival]!, b.data[Slot.lastArrival]!];
  if (x !== y) return x < y ? -1 : 1;
  return a.key < b.key ? -1 : 1;
}
