/** Points that belong to one device and one time become one reading, whatever their order. */
import { MAX_READING_CHANNELS } from '../domain/reading-parser.js';
import { END_TIME_MS, MIN_TIME_MS } from '../domain/timestamp.js';

/** Takes a reading, or says why an item is none. */
export interface PointSink {
  /** @param index of the item in the request, from 0. @param timeMs Unix ms */
  add(index: number, device: string, timeMs: number, channel: string, value: number): void;
  reject(index: number, reason: string): void;
}

export interface JoinedReading {
  /** Of the first item that it came from. */
  readonly index: number;
  readonly device: string;
  readonly timeMs: number;
  readonly channels: string[];
  readonly values: number[];
}

export interface PointRejection {
  readonly index: number;
  readonly reason: string;
}

/** In the order of the first point of each. Holds as much as the request does. */
export class JoinedReadings implements PointSink {
  readonly readings: JoinedReading[] = [];
  readonly rejected: PointRejection[] = [];
  readonly #byTime = new Map<number, Map<string, JoinedReading>>();

  add(index: number, device: string, timeMs: number, channel: string, value: number): void {
    if (!Number.isFinite(value)) {
      this.reject(index, `${channel} must be a finite number, got ${value}`);
      return;
    }
    if (!(timeMs >= MIN_TIME_MS && timeMs < END_TIME_MS)) {
      this.reject(index, `the time must be in the years 1970 to 9999, got ${timeMs} ms`);
      return;
    }
    let devices = this.#byTime.get(timeMs);
    if (devices === undefined) this.#byTime.set(timeMs, (devices = new Map<string, JoinedReading>()));
    let reading = devices.get(device);
    if (reading === undefined || reading.channels.length >= MAX_READING_CHANNELS) {
      reading = { index, device, timeMs, channels: [], values: [] };
      devices.set(device, reading);
      this.readings.push(reading);
    }
    const at = reading.channels.indexOf(channel);
    if (at >= 0) {
      if (reading.values[at] !== value)
        this.reject(index, `${channel} has two values at the same time; the first is kept`);
      return;
    }
    reading.channels.push(channel);
    // Adding 0 turns -0 into 0, as at the door.
    reading.values.push(value + 0);
  }

  reject(index: number, reason: string): void {
    this.rejected.push({ index, reason });
  }
}
