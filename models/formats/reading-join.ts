/** Values, one by one as a request holds them, become readings: all values of a device at one time are one reading. */
import { CHANNEL_NAME_WORDS, isChannelName } from '../domain/identity.js';
import { quoteValue } from '../domain/quote-value.js';
import { MAX_READING_CHANNELS } from '../domain/reading-parser.js';
import { END_TIME_MS, formatTimestamp, MIN_TIME_MS } from '../domain/timestamp.js';
import { PayloadTooLargeError } from '../errors.js';

/** A reading as a `ReadingBatch` takes it. */
export interface DecodedReading {
  readonly device: string;
  /** Unix ms in [0, year 10000), with a fraction where the sender gave µs. */
  readonly timeMs: number;
  /** 1 to 256 names, none twice. Readings in a row with the same names share one list, which the batch looks up faster. */
  readonly channels: readonly string[];
  /** One a channel, finite. */
  readonly values: readonly number[];
}

/** A point that is refused. What a point is (line, sample, data point, metric) and how it is counted, each format says. */
export interface PointRejection {
  /** Which point of the request, from 0. */
  readonly index: number;
  readonly reason: string;
}

export interface DecodedReadings {
  /** In the order in which device and time first appear. */
  readonly readings: readonly DecodedReading[];
  /** The first `MAX_LISTED_REJECTIONS`, in the order of the request. */
  readonly rejected: readonly PointRejection[];
  readonly rejectedCount: number;
  /** Points that are sound and hold nothing to score: text, markers of staleness, commands. They are no fault of the sender. */
  readonly ignoredCount: number;
}

export const MAX_LISTED_REJECTIONS = 100;

export interface DecodeLimits {
  /** Most readings that one request may make. Default 100,000, as many as JSON may carry. */
  readonly maxReadings: number;
  /** Most points of one request, taken or not, and most values. Default 1,000,000. */
  readonly maxPoints: number;
}

export const DECODE_LIMITS: DecodeLimits = { maxReadings: 100_000, maxPoints: 1_000_000 };

interface OpenReading {
  readonly device: string;
  readonly timeMs: number;
  channels: string[];
  readonly values: number[];
}

/** Of one request. Its memory is bounded by `DecodeLimits`: an offence is the request's, not the point's. */
export class ReadingJoin {
  readonly #limits: DecodeLimits;
  readonly #devices = new Map<string, Map<number, OpenReading>>();
  readonly #readings: OpenReading[] = [];
  readonly #rejected: PointRejection[] = [];
  #rejectedCount = 0;
  #ignoredCount = 0;
  #points = 0;
  #values = 0;
  /** The reading met last: the next point most often belongs to it. */
  #recent: OpenReading | undefined;

  constructor(limits: DecodeLimits = DECODE_LIMITS) {
    this.#limits = limits;
  }

  /**
   * One point: all its values, or none and a rejection. A value that is there already is taken again only if it is equal: which
   * of two is right, nobody here can know.
   *
   * @param index position of the point in its request. @param device an id that is allowed. @param timeMs any number.
   * @param channels at least one, @param values one a channel: any texts and numbers, and not kept.
   * @throws PayloadTooLargeError beyond the limits.
   */
  add(index: number, device: string, timeMs: number, channels: readonly string[], values: readonly number[]): void {
    this.#countPoint();
    if (!(timeMs >= MIN_TIME_MS && timeMs < END_TIME_MS)) {
      this.#refuse(index, `the time must lie in the years 1970 to 9999, got ${timeMs} ms`);
      return;
    }
    // Before anything is compared: the work below grows with the square of this.
    if (channels.length > MAX_READING_CHANNELS) {
      this.#refuse(index, `a point must have at most ${MAX_READING_CHANNELS} values, got more`);
      return;
    }
    const known = this.#find(device, timeMs);
    let added = 0;
    for (let c = 0; c < channels.length; c++) {
      const state = this.#judge(known, channels, values, c);
      if (typeof state === 'string') {
        this.#refuse(index, state);
        return;
      }
      if (state) added++;
    }
    const count = (known?.channels.length ?? 0) + added;
    if (count > MAX_READING_CHANNELS) {
      this.#refuse(
        index,
        `a reading must have at most ${MAX_READING_CHANNELS} channels, with this point ${quoteValue(device)} has ${count} at one time`,
      );
      return;
    }
    const reading = known ?? this.#open(device, timeMs);
    for (let c = 0; c < channels.length; c++) {
      if (reading.channels.includes(channels[c]!)) continue;
      if (++this.#values > this.#limits.maxPoints) throw tooMany('values', this.#limits.maxPoints);
      reading.channels.push(channels[c]!);
      // Adding 0 turns -0 into 0: equal values, so equal bytes, and no conflict between them.
      reading.values.push(values[c]! + 0);
    }
  }

  /** @throws PayloadTooLargeError beyond the limits. */
  reject(index: number, reason: string): void {
    this.#countPoint();
    this.#refuse(index, reason);
  }

  /** @throws PayloadTooLargeError beyond the limits. */
  ignore(): void {
    this.#countPoint();
    this.#ignoredCount++;
  }

  /** The end of the request. */
  finish(): DecodedReadings {
    let recent: string[] = [];
    for (const reading of this.#readings) {
      if (isSameList(reading.channels, recent)) reading.channels = recent;
      else recent = reading.channels;
    }
    return {
      readings: this.#readings,
      rejected: this.#rejected,
      rejectedCount: this.#rejectedCount,
      ignoredCount: this.#ignoredCount,
    };
  }

  /** @returns whether the value is new to the reading; or why it is refused. */
  #judge(
    known: OpenReading | undefined,
    channels: readonly string[],
    values: readonly number[],
    c: number,
  ): boolean | string {
    const channel = channels[c]!;
    const value = values[c]!;
    if (!Number.isFinite(value)) return `${quoteValue(channel)} must be a finite number, got ${value}`;
    const earlier = channels.indexOf(channel);
    if (earlier < c) {
      return values[earlier] === value
        ? false
        : `${quoteValue(channel)} must have one value, got ${values[earlier]!} and ${value}`;
    }
    const at = known === undefined ? -1 : known.channels.indexOf(channel);
    if (at >= 0) {
      const kept = known!.values[at]!;
      return kept === value
        ? false
        : `${quoteValue(channel)} must have one value at ${formatTimestamp(known!.timeMs)}, got ${kept} and ${value}`;
    }
    return channelProblem(channel) ?? true;
  }

  #find(device: string, timeMs: number): OpenReading | undefined {
    const recent = this.#recent;
    if (recent?.timeMs === timeMs && recent.device === device) return recent;
    return (this.#recent = this.#devices.get(device)?.get(timeMs));
  }

  #open(device: string, timeMs: number): OpenReading {
    if (this.#readings.length === this.#limits.maxReadings) throw tooMany('readings', this.#limits.maxReadings);
    let times = this.#devices.get(device);
    if (times === undefined) this.#devices.set(device, (times = new Map<number, OpenReading>()));
    const reading: OpenReading = { device, timeMs, channels: [], values: [] };
    times.set(timeMs, reading);
    this.#readings.push(reading);
    return (this.#recent = reading);
  }

  #refuse(index: number, reason: string): void {
    this.#rejectedCount++;
    if (this.#rejected.length < MAX_LISTED_REJECTIONS) this.#rejected.push({ index, reason });
  }

  #countPoint(): void {
    if (++this.#points > this.#limits.maxPoints) throw tooMany('points', this.#limits.maxPoints);
  }
}

/** Why `name` is no channel; undefined: it is one. */
export function channelProblem(name: string): string | undefined {
  return isChannelName(name) ? undefined : `channel name must be ${CHANNEL_NAME_WORDS}, got ${quoteValue(name)}`;
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function tooMany(what: string, limit: number): PayloadTooLargeError {
  return new PayloadTooLargeError(`the body must hold at most ${limit} ${what}, got more: send smaller requests`, {
    data: { limit },
  });
}
