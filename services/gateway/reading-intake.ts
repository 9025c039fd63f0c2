/** Takes the readings of one request, in whatever format they came: checks whose they are, sends them on in batches, counts. */
import { setImmediate as giveWay } from 'node:timers/promises';
import type { Counter } from 'prom-client';
import { ReadingBatch } from '../../models/domain/reading-batch.js';
import type { DecodedReadings } from '../../models/formats/index.js';
import { notOwnDevice, ownsDevice } from '../../models/security/own-devices.js';
import { MOST_BATCH_BYTES } from './append-queue.js';
import type { Answer } from './idempotency.js';
import type { Exchange } from './route.js';

/** Which item of the request was refused, from 0, and why. */
export interface Rejection {
  readonly index: number;
  readonly reason: string;
}

/** Rejected readings that an answer lists; `rejectedCount` counts them all. */
const MOST_LISTED = 100;

/** What of a request its readings need. */
export type TakingExchange = Pick<Exchange, 'append' | 'principal' | 'takeReadings'>;

export interface IntakeCounts {
  readonly accepted: number;
  readonly rejected: readonly Rejection[];
  readonly rejectedCount: number;
}

/** Readings that are checked in one go, a few ms of work: so that other requests get their turn between two. */
export const SLICE_READINGS = 2_000;

/**
 * All of a request is checked before any of it is taken, so that a limit that is met leaves nothing half done. Then batch after batch:
 * when one fails, those before it are kept; sent again, their readings are duplicates, which are harmless.
 */
export class ReadingIntake {
  readonly #exchange: TakingExchange;
  readonly #invalid: Pick<Counter, 'inc'>;
  /** Full ones, and the one that fills. */
  readonly #batches = [ReadingBatch.create()];
  #sound = 0;
  readonly #rejected: Rejection[] = [];
  #rejectedCount = 0;
  #accepted = 0;

  /** @param invalid counts readings that are refused */
  constructor(exchange: TakingExchange, invalid: Pick<Counter, 'inc'>) {
    this.#exchange = exchange;
    this.#invalid = invalid;
  }

  /** @param index of it in the request. @param values as many as `channels`; NaN: no value */
  add(index: number, device: string, timeMs: number, channels: readonly string[], values: ArrayLike<number>): void {
    if (!ownsDevice(this.#exchange.principal.devices, device)) {
      this.reject(index, notOwnDevice(device));
      return;
    }
    this.#sound++;
    let batch = this.#batches.at(-1)!;
    if (batch.mostBytes >= MOST_BATCH_BYTES) this.#batches.push((batch = ReadingBatch.create()));
    batch.addReading(device, timeMs, channels, values);
  }

  /** Readings of another format, with what was refused of it. Resolves when all of them are acknowledged. */
  async addDecoded({ readings, rejected, rejectedCount }: DecodedReadings): Promise<void> {
    for (const { index, reason } of rejected) this.reject(index, reason);
    const unlisted = rejectedCount - rejected.length;
    this.#invalid.inc(unlisted);
    this.#rejectedCount += unlisted;
    for (const [index, { device, timeMs, channels, values }] of readings.entries()) {
      this.add(index, device, timeMs, channels, values);
      if ((index + 1) % SLICE_READINGS === 0) await giveWay();
    }
    await this.take();
  }

  /** @param isReading false: it is not even one, and is counted elsewhere */
  reject(index: number, reason: string, isReading = true): void {
    if (isReading) this.#invalid.inc();
    this.#rejectedCount++;
    if (this.#rejected.length < MOST_LISTED) this.#rejected.push({ index, reason });
  }

  /** Resolves when all that was added is acknowledged. @throws RateLimitedError nothing was taken */
  async take(): Promise<void> {
    if (this.#sound === 0) return;
    const { append, takeReadings } = this.#exchange;
    await takeReadings(this.#sound);
    for (const batch of this.#batches) {
      await append(batch);
      this.#accepted += batch.length;
    }
  }

  counts(): IntakeCounts {
    return {
      accepted: this.#accepted,
      rejected: [...this.#rejected].sort((a, b) => a.index - b.index),
      rejectedCount: this.#rejectedCount,
    };
  }

  /** 202 with the counts, or 422 when no reading was accepted. */
  answer(): Answer {
    const counts = this.counts();
    return counts.accepted > 0
      ? { status: 202, body: counts }
      : { status: 422, body: { ...noneAcceptable(counts.rejected), ...counts } };
  }
}

function noneAcceptable(rejected: readonly Rejection[]): object {
  const first = rejected[0];
  return {
    type: 'urn:redshank:problem:reading-invalid',
    title: 'No reading is acceptable',
    status: 422,
    detail: first === undefined ? 'no reading is acceptable' : `reading ${first.index}: ${first.reason}`,
  };
}
