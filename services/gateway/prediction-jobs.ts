/**
 * Predictions that are too large for one answer. Everything a job needs lies on the read side; the gateway that took it works it off, one
 * series after the other. If that gateway dies, the next one that is asked how far the job is takes it up: what has a result is not
 * done again, and a series that is scored twice has the same scores.
 */
import { randomBytes } from 'node:crypto';
import type { Gauge } from 'prom-client';
import type { Logger } from 'pino';
import type { Clock } from '../../mixins/clock.js';
import { OverloadedError } from '../../models/errors.js';
import type { ReadSide } from '../../storage/read-side/read-side.js';
import { isJobId, jobKey, resultKey, seriesKey, type PredictionJob } from '../prediction-job.js';
import { toProblem } from './problem.js';
import type { Exchange } from './route.js';

/** Jobs that run or wait in one gateway. */
const MOST_JOBS = 64;
/** Without a sign for so long, whoever worked on it has died: longer than one series may take. */
const ABANDONED_MS = 90_000;
const RETRY_AFTER_MS = 5_000;
/** A part that is away may come back: each series is tried so often. */
const ATTEMPTS = 3;
const ID_BYTES = 16;

export interface JobWish extends Pick<PredictionJob, 'windowSize' | 'method'> {
  readonly model?: string;
  readonly series: readonly { readonly id: string; readonly data: readonly (readonly number[])[] }[];
}

type Call = Exchange['call'];

export interface PredictionJobsOptions {
  readonly readSide: ReadSide;
  readonly clock: Clock;
  readonly ttlMs: number;
  readonly logger: Logger;
  readonly running: Gauge;
  /** Calls an action of the scorer, on nobody's behalf. */
  readonly call: Call;
}

export class PredictionJobs {
  readonly #options: PredictionJobsOptions;
  /** Ids of jobs that run or wait here. */
  readonly #here = new Set<string>();
  /** One job at a time: the scorers have other work. */
  #turn: Promise<void> = Promise.resolve();
  #isStopping = false;

  constructor(options: PredictionJobsOptions) {
    this.#options = options;
  }

  /** Kept when it resolves. @throws OverloadedError while 64 jobs wait here. @throws StorageFailedError */
  async start(tenant: string, wish: JobWish): Promise<PredictionJob> {
    if (this.#here.size >= MOST_JOBS) throw new OverloadedError(`${MOST_JOBS} jobs wait already`, RETRY_AFTER_MS);
    const id = randomBytes(ID_BYTES).toString('base64url');
    // It counts from now on: others may come while it is being kept.
    this.#here.add(id);
    try {
      return await this.#keep(tenant, id, wish);
    } catch (error) {
      this.#here.delete(id);
      throw error;
    }
  }

  async #keep(tenant: string, id: string, { series, ...rest }: JobWish): Promise<PredictionJob> {
    const nowMs = this.#options.clock.wallMs();
    const job: PredictionJob = {
      ...rest,
      id,
      createdMs: nowMs,
      beatMs: nowMs,
      state: 'running',
      series: series.map((one) => ({ id: one.id, rows: one.data.length })),
      done: 0,
    };
    for (const [index, { data }] of series.entries()) await this.#put(tenant, seriesKey(id, index), data);
    await this.#put(tenant, jobKey(id), job);
    this.#enqueue(tenant, job);
    return job;
  }

  /** As it is now; undefined: there is none, or it is over and forgotten. Takes it up where its worker has died. */
  async find(tenant: string, id: string): Promise<PredictionJob | undefined> {
    const job = isJobId(id) ? await this.#get<PredictionJob>(tenant, jobKey(id)) : undefined;
    if (job?.state !== 'running' || this.#here.has(id) || this.#here.size >= MOST_JOBS) return job;
    if (this.#options.clock.wallMs() - job.beatMs > ABANDONED_MS) this.#enqueue(tenant, job);
    return job;
  }

  /** Bytes of JSON: a `SeriesResult`. */
  result(tenant: string, id: string, index: number): Promise<Uint8Array | undefined> {
    const { readSide, clock } = this.#options;
    return readSide.get('job', tenant, resultKey(id, index), clock.wallMs());
  }

  /** Begins no further series. What is not done is taken up by another gateway, or after the next start: nobody waits for it. */
  stop(): void {
    this.#isStopping = true;
  }

  #enqueue(tenant: string, job: PredictionJob): void {
    const { logger, running } = this.#options;
    this.#here.add(job.id);
    running.set(this.#here.size);
    this.#turn = this.#turn
      .then(() => this.#work(tenant, job))
      .catch((error: unknown) => {
        logger[this.#isStopping ? 'debug' : 'warn']({ err: error, job: job.id }, 'a job was left for later');
      })
      .finally(() => {
        this.#here.delete(job.id);
        running.set(this.#here.size);
      });
  }

  async #work(tenant: string, job: PredictionJob): Promise<void> {
    const { clock } = this.#options;
    let now = job;
    const note = async (change: Partial<PredictionJob>): Promise<void> => {
      now = { ...now, ...change, beatMs: clock.wallMs() };
      await this.#put(tenant, jobKey(job.id), now);
    };
    for (let index = job.done; index < job.series.length; index++) {
      if (this.#isStopping) return;
      await note({ done: index });
      const failure = await this.#scoreSeries(tenant, now, index);
      if (failure !== undefined) {
        await note({ state: 'failed', reason: failure, endedMs: clock.wallMs() });
        await this.#dropSeries(tenant, job);
        return;
      }
    }
    await note({ done: job.series.length, state: 'done', endedMs: clock.wallMs() });
    await this.#dropSeries(tenant, job);
  }

  /** Nobody asks for them again: results are kept, what they were made of is not. */
  async #dropSeries(tenant: string, { id, series }: PredictionJob): Promise<void> {
    const { readSide, clock } = this.#options;
    for (const index of series.keys()) {
      await readSide.put('job', tenant, seriesKey(id, index), new Uint8Array(0), 1, clock.wallMs());
    }
  }

  /** @returns why it cannot be done, where trying again was no help */
  async #scoreSeries(tenant: string, job: PredictionJob, index: number): Promise<string | undefined> {
    const { id, windowSize, method, model } = job;
    const params = { tenant, job: id, index, windowSize, method, ...(model !== undefined && { model }) };
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#options.call('scorer.predictSeries', params);
        return undefined;
      } catch (error) {
        const { status, body } = toProblem(error, undefined);
        if (this.#isStopping || (status < 500 && attempt > 0) || attempt === ATTEMPTS) {
          return `series ${index}: ${String(body['detail'])}`;
        }
      }
    }
  }

  async #put(tenant: string, key: string, value: unknown): Promise<void> {
    const { readSide, ttlMs, clock } = this.#options;
    await readSide.put('job', tenant, key, Buffer.from(JSON.stringify(value)), ttlMs, clock.wallMs());
  }

  async #get<T>(tenant: string, key: string): Promise<T | undefined> {
    const bytes = await this.#options.readSide.get('job', tenant, key, this.#options.clock.wallMs());
    return bytes && (JSON.parse(Buffer.from(bytes).toString()) as T);
  }
}
