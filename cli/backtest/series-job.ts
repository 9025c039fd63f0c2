/** One series of a backtest, from file to file. */
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isDeviceId } from '../../models/domain/identity.js';
import { SeriesRun, type ScoredRow } from '../../models/backtest/series-run.js';
import type { ProfileDefinition } from '../../models/profiles/profile.js';
import { openByteSource } from '../ingest/byte-source.js';
import { parseCell } from '../ingest/csv-cells.js';
import { csvLayout, type CsvLayout } from '../ingest/csv-layout.js';
import { csvRecords } from '../ingest/csv-records.js';
import { parseSourceTime } from '../ingest/source-time.js';

export interface SeriesJob {
  /** For messages and as device id: `NAB/realKnownCause/nyc_taxi`. */
  readonly id: string;
  readonly path: string;
  /** Fed first, without output; undefined: a cold start. */
  readonly trainPath: string | undefined;
  readonly outPath: string;
  /** Undefined: the standard profile. */
  readonly profile: ProfileDefinition | undefined;
}

export interface SeriesResult {
  /** Rows written. */
  readonly rows: number;
  /** Rows fed, with those of the training file. */
  readonly fed: number;
}

/** Rows handed from reading to writing at once. */
const SLICE = 1_000;

/**
 * Reads, scores and writes one series. The output appears whole or not at all.
 *
 * @param onProgress told the bytes of `path` that have been read.
 */
export async function runSeriesJob(job: SeriesJob, onProgress: (readBytes: number) => void): Promise<SeriesResult> {
  const scorer = new FileScorer(job);
  if (job.trainPath !== undefined) for await (const slice of scorer.rows(job.trainPath)) slice.length = 0;
  scorer.skipWaiting();

  const temporary = `${job.outPath}.tmp`;
  await mkdir(dirname(job.outPath), { recursive: true });
  let rows = 0;
  async function* text(): AsyncGenerator<string> {
    yield 'timestamp,score,event,alert\n';
    for await (const slice of scorer.rows(job.path, onProgress)) {
      rows += slice.length;
      yield slice.join('');
    }
    const rest = scorer.finish();
    rows += rest.length;
    yield rest.join('');
  }
  try {
    await pipeline(Readable.from(text()), createWriteStream(temporary, { flush: true }));
    await rename(temporary, job.outPath);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return { rows, fed: scorer.fed };
}

/** Feeds files to one run and pairs what comes out with the timestamps that went in. */
class FileScorer {
  readonly #job: SeriesJob;
  #run: SeriesRun | undefined;
  #channels = '';
  /** Timestamps as written, of rows that have not come out. */
  #times: string[] = [];
  #toSkip = 0;
  fed = 0;

  constructor(job: SeriesJob) {
    this.#job = job;
  }

  /** Rows that were fed and have not come out yet warmed up only: they are no output. */
  skipWaiting(): void {
    this.#toSkip = this.#times.length;
  }

  /** Feeds a file; yields lines of output as rows are decided. */
  async *rows(path: string, onProgress: (readBytes: number) => void = () => undefined): AsyncGenerator<string[]> {
    const source = await openByteSource(path, process.stdin);
    let layout: CsvLayout | undefined;
    let values = new Float64Array();
    let sinceSlice = 0;
    for await (const record of csvRecords(source.bytes, path)) {
      if (layout === undefined) {
        layout = csvLayout(record, {});
        values = new Float64Array(layout.channels.length);
        this.#open(layout);
        continue;
      }
      this.#add(record, layout, values);
      if (++sinceSlice === SLICE) {
        sinceSlice = 0;
        onProgress(source.readBytes());
        yield this.#lines();
      }
    }
    onProgress(source.readBytes());
    yield this.#lines();
  }

  finish(): string[] {
    this.#run?.finish();
    return this.#lines();
  }

  #open(layout: CsvLayout): void {
    const channels = layout.channels.map(({ name }) => name);
    const key = channels.join('\n');
    if (this.#run !== undefined && key !== this.#channels) {
      throw new Error(`${this.#job.path} and its training file must have the same columns`);
    }
    if (this.#run !== undefined) return;
    this.#channels = key;
    const { id, profile } = this.#job;
    const device = isDeviceId(id) ? id : 'series';
    this.#run = new SeriesRun({ device, channels, ...(profile === undefined ? {} : { profile }) });
  }

  #add(record: readonly string[], layout: CsvLayout, values: Float64Array): void {
    const written = record[layout.timeIndex] ?? '';
    this.#times.push(written);
    this.fed++;
    const timeMs = parseSourceTime(written);
    let isReading = typeof timeMs === 'number';
    for (let c = 0; c < values.length; c++) {
      const value = parseCell(record[layout.channels[c]!.index] ?? '');
      if (value === undefined) isReading = false;
      else values[c] = value;
    }
    if (isReading) this.#run!.add(timeMs as number, values);
    else this.#run!.addInvalid();
  }

  #lines(): string[] {
    const rows = this.#run?.take() ?? [];
    const skipped = Math.min(this.#toSkip, rows.length);
    this.#toSkip -= skipped;
    const lines = rows.slice(skipped).map((row, i) => line(this.#times[skipped + i]!, row));
    this.#times = this.#times.slice(rows.length);
    return lines;
  }
}

function line(time: string, { score, event, alert }: ScoredRow): string {
  const cell = /[",\n\r]/.test(time) ? `"${time.replaceAll('"', '""')}"` : time;
  return `${cell},${digits(score)},${digits(event)},${alert}\n`;
}

/** Scores are float32: more than 7 digits are noise. */
const digits = (value: number): number => Number(value.toPrecision(7));
