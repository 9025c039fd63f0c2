/** Readings of one device that wait: for those they overtook (`latenessMs`), or for other channels of their step (`joinMs`). */
import type { ChannelSet } from './channel-set.js';

/** Most readings that wait in one device. One more sends the oldest step on its way early. */
export const MAX_PENDING = 1_024;

export interface PendingReading {
  /** Unix ms, event time. */
  readonly timeMs: number;
  /** Log time of its arrival. */
  readonly receivedMs: number;
  /** Log time until which it waits for readings that it overtook. */
  readonly lateUntilMs: number;
  /** Log time until which it waits for the other channels of its step; = `receivedMs` when it does not join. */
  readonly joinUntilMs: number;
  readonly set: ChannelSet;
  readonly values: Float64Array;
}

/** Ordered by event time; equal times by arrival. */
export class PendingReadings {
  readonly #readings: PendingReading[] = [];
  #earliestLateUntilMs = Infinity;

  get length(): number {
    return this.#readings.length;
  }

  get head(): PendingReading {
    return this.#readings[0]!;
  }

  /** The earliest log time at which a reading stops waiting for those it overtook. */
  get lateUntilMs(): number {
    return this.#earliestLateUntilMs;
  }

  [Symbol.iterator](): IterableIterator<PendingReading> {
    return this.#readings.values();
  }

  add(reading: PendingReading): void {
    let i = this.#readings.length;
    while (i > 0 && this.#readings[i - 1]!.timeMs > reading.timeMs) i--;
    this.#readings.splice(i, 0, reading);
    this.#earliestLateUntilMs = Math.min(this.#earliestLateUntilMs, reading.lateUntilMs);
  }

  hasTime(timeMs: number): boolean {
    return this.#readings.some((reading) => reading.timeMs === timeMs);
  }

  /** Event time of the newest reading that no longer waits for those it overtook at log time `nowMs`, or -Infinity. */
  dueTime(nowMs: number): number {
    if (nowMs < this.#earliestLateUntilMs) return -Infinity;
    return this.#readings.findLast((reading) => reading.lateUntilMs <= nowMs)?.timeMs ?? -Infinity;
  }

  /** How many readings have the time of the head. */
  headLength(): number {
    const { timeMs } = this.head;
    let count = 1;
    while (this.#readings[count]?.timeMs === timeMs) count++;
    return count;
  }

  get(i: number): PendingReading {
    return this.#readings[i]!;
  }

  /** Takes the readings of the earliest time out. */
  takeHead(): readonly PendingReading[] {
    const taken = this.#readings.splice(0, this.headLength());
    this.#earliestLateUntilMs = this.#readings.reduce((min, reading) => Math.min(min, reading.lateUntilMs), Infinity);
    return taken;
  }
}
