/**
 * Which device has the earliest deadline; equal deadlines by device key, so that a rebuilt heap gives the same order.
 *
 * A binary heap with at most one entry a device. Deadlines mostly move later, with every reading; such a move does not
 * touch the heap: an entry may be earlier than the device's true deadline and is put right when it comes to the top.
 */
import type { DeviceState } from './device-state.js';

export class DeadlineHeap {
  readonly #devices: DeviceState[] = [];
  #times = new Float64Array(64);

  /** @returns undefined when empty. */
  top(): DeviceState | undefined {
    return this.#devices[0];
  }

  topTime(): number {
    return this.#devices.length === 0 ? Infinity : this.#times[0]!;
  }

  /** Makes sure that the device comes to the top no later than `timeMs`. O(1) when it already does. */
  lower(device: DeviceState, timeMs: number): void {
    if (device.heapIndex >= 0) {
      if (timeMs < this.#times[device.heapIndex]!) this.#siftUp(device.heapIndex, device, timeMs);
      return;
    }
    if (timeMs === Infinity) return;
    const last = this.#devices.length;
    if (last === this.#times.length) {
      const times = new Float64Array(last * 2);
      times.set(this.#times);
      this.#times = times;
    }
    this.#devices.push(device);
    this.#siftUp(last, device, timeMs);
  }

  /** Moves the top to `timeMs`, which is not before its entry; Infinity removes it. */
  raiseTop(timeMs: number): void {
    const top = this.#devices[0]!;
    if (timeMs < Infinity) {
      this.#siftDown(top, timeMs);
      return;
    }
    top.heapIndex = -1;
    const lastTime = this.#times[this.#devices.length - 1]!;
    const last = this.#devices.pop()!;
    if (last !== top) this.#siftDown(last, lastTime);
  }

  /** Takes a device out, wherever it is. Without effect when it is not in the heap. */
  remove(device: DeviceState): void {
    const at = device.heapIndex;
    if (at < 0) return;
    this.#siftUp(at, device, -Infinity);
    this.raiseTop(Infinity);
  }

  #siftUp(from: number, device: DeviceState, timeMs: number): void {
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#isBefore(timeMs, device, parent)) break;
      this.#place(i, this.#devices[parent]!, this.#times[parent]!);
      i = parent;
    }
    this.#place(i, device, timeMs);
  }

  #siftDown(device: DeviceState, timeMs: number): void {
    const count = this.#devices.length;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= count) break;
      const right = child + 1;
      if (right < count && this.#isBefore(this.#times[right]!, this.#devices[right]!, child)) child = right;
      if (this.#isBefore(timeMs, device, child)) break;
      this.#place(i, this.#devices[child]!, this.#times[child]!);
      i = child;
    }
    this.#place(i, device, timeMs);
  }

  #isBefore(timeMs: number, device: DeviceState, other: number): boolean {
    const otherTime = this.#times[other]!;
    return timeMs < otherTime || (timeMs === otherTime && device.key < this.#devices[other]!.key);
  }

  #place(i: number, device: DeviceState, timeMs: number): void {
    this.#devices[i] = device;
    this.#times[i] = timeMs;
    device.heapIndex = i;
  }
}
