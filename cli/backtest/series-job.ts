/** One series of a backtest, from file to file. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isDeviceId } from '../../models/domain/identity.js';
import { PictureCollector, type SeriesPicture } from '../../models/backtest/series-picture.js';
import { SeriesRun, type ScoredRow, type WatchRow } from '../../models/backtest/series-run.js';
import type { Artifact } from '../../models/neural/artifact.js';
import type { ProfileDefinition } from '../../models/profiles/profile.js';
import { makeFolder } from '../../storage/make-folder.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { openByteSource } from '../ingest/byte-source.js';
import { readModelFile } from '../model-file.js';
import { parseCell, recordProblem } from '../../models/formats/csv-cells.js';
import { headerOf, layoutOf } from '../ingest/csv-header.js';
import { csvRecords, type CsvRecord } from '../ingest/csv-records.js';
import { parseSourceTime } from '../../models/formats/source-time.js';

export interface SeriesJob {
  /** For messages and as device id: `NAB/realKnownCause/nyc_taxi`. */
  readonly id: string;
  readonly path: string;
  /** Fed first, without output; undefined: a cold start. */
  readonly trainPath: string | undefined;
  readonly outPath: string;
  /** Undefined: the standard profile. */
  readonly profile: ProfileDefinition | undefined;
  /** File of the trained model that the profile names. */
  readonly modelFile?: string | undefined;
  /** Rows at the beginning of the series that are left out, as if it had been recorded from later on. Default: 0. */
  readonly dropRows?: number;
  /** Default: false. */
  readonly withPicture?: boolean;
}

export interface SeriesResult {
  /** Rows written. */
  readonly rows: number;
  /** Rows fed, with those of the training file. */
  readonly fed: number;
  /** Where one was asked for. */
  readonly picture: SeriesPicture | undefined;
}

/** Rows handed from reading to writing at once. */
const SLICE = 1_000;

/**
 * Reads, scores and writes one series. The output appears whole or not at all.
 *
 * @param onProgress told the bytes of `path` that have been read.
 */
export async function runSeriesJob(job: SeriesJob, onProgress: (readBytes: number) => void): Promise<SeriesResult> {
  const model = job.modelFile === undefined ? undefined : await readModelFile(job.modelFile);
  const scorer = new FileScorer(job, await channelsOf(job.path), model);
  if (job.trainPath !== undefined) for await (const slice of scorer.rows(job.trainPath)) slice.length = 0;
  scorer.skipWaiting();

  const temporary = `${job.outPath}.tmp`;
  makeFolder(dirname(job.outPath));
  let rows = 0;
  async function* text(): AsyncGenerator<string> {
    yield 'timestamp,score,event,alert\n';
    for await (const slice of scorer.rows(job.path, onProgress, job.dropRows)) {
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
  return { rows, fed: scorer.fed, picture: scorer.picture() };
}

/** Feeds files to one run and pairs what comes out with the timestamps that went in. */
class FileScorer {
  readonly #run: SeriesRun;
  /** Those of the series itself. Its training file may have others. */
  readonly #channels: readonly string[];
  /** Timestamps as written, of rows that have not come out. */
  #times: string[] = [];
  #toSkip = 0;
  /** Rows before it are of the training file. */
  #firstRow = Infinity;
  readonly #collector: PictureCollector | undefined;
  fed = 0;

  constructor(
    { id, profile, withPicture = false }: SeriesJob,
    channels: readonly string[],
    model: Artifact | undefined,
  ) {
    this.#channels = channels;
    const device = isDeviceId(id) ? id : 'series';
    const collector = withPicture ? new PictureCollector(channels) : undefined;
    this.#collector = collector;
    const watch: WatchRow = (row, scores, i) => {
      if (row >= this.#firstRow) collector?.add(scores, i);
    };
    this.#run = new SeriesRun({
      device,
      channels,
      ...(profile === undefined ? {} : { profile }),
      ...(model === undefined ? {} : { models: new Map([[model.version, model]]) }),
      ...(collector === undefined ? {} : { watch }),
    });
  }

  /** Rows that were fed and have not come out yet warmed up only: they are no output. */
  skipWaiting(): void {
    this.#toSkip = this.#times.length;
    this.#firstRow = this.fed;
  }

  /** Feeds a file; yields lines of output as rows are decided. */
  async *rows(
    path: string,
    onProgress: (readBytes: number) => void = () => undefined,
    dropRows = 0,
  ): AsyncGenerator<string[]> {
    const source = await openByteSource(path, process.stdin);
    let columns: Columns | undefined;
    const values = new Float64Array(this.#channels.length);
    let sinceSlice = 0;
    let toDrop = dropRows;
    for await (const record of csvRecords(source.bytes, path)) {
      if (columns === undefined) {
        columns = columnsFor(headerOf(record, path), this.#channels);
        continue;
      }
      if (toDrop > 0) {
        toDrop--;
        continue;
      }
      this.#add(record, columns, values);
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
    this.#run.finish();
    return this.#lines();
  }

  picture(): SeriesPicture | undefined {
    return this.#collector?.picture();
  }

  #add(record: CsvRecord, columns: Columns, values: Float64Array): void {
    const written = record?.[columns.time] ?? '';
    this.#times.push(written);
    this.fed++;
    const timeMs = parseSourceTime(written);
    let isReading = typeof timeMs === 'number' && recordProblem(record ?? [], columns.count) === undefined;
    for (let c = 0; c < values.length; c++) {
      const index = columns.channels[c];
      const value = index === undefined ? NaN : parseCell(record?.[index] ?? '');
      if (value === undefined) isReading = false;
      else values[c] = value;
    }
    if (isReading) this.#run.add(timeMs as number, values);
    else this.#run.addInvalid();
  }

  #lines(): string[] {
    const rows = this.#run.take();
    const skipped = Math.min(this.#toSkip, rows.length);
    this.#toSkip -= skipped;
    const lines = rows.slice(skipped).map((row, i) => line(this.#times[skipped + i]!, row));
    this.#times = this.#times.slice(rows.length);
    return lines;
  }
}

/** Where a file has what the series needs. */
interface Columns {
  readonly count: number;
  readonly time: number;
  /** One a channel of the series; undefined where this file does not have it. */
  readonly channels: readonly (number | undefined)[];
}

function columnsFor(header: readonly string[], channels: readonly string[]): Columns {
  const layout = layoutOf(header, {});
  const indexes = new Map(layout.channels.map(({ name, index }) => [name, index]));
  return { count: header.length, time: layout.timeIndex, channels: channels.map((name) => indexes.get(name)) };
}

/** Names of the channels of a file. @throws CommandFailure when the file has no header, or one without time or channels. */
export async function channelsOf(path: string): Promise<readonly string[]> {
  const source = await openByteSource(path, process.stdin);
  for await (const record of csvRecords(source.bytes, path)) {
    return layoutOf(headerOf(record, path), {}).channels.map(({ name }) => name);
  }
  throw new CommandFailure(ExitCode.failed, `${path} is empty: a header row was expected`);
}

function line(time: string, { score, event, alert }: ScoredRow): string {
  const cell = /[",\n\r]/.test(time) ? `"${time.replaceAll('"', '""')}"` : time;
  return `${cell},${digits(score)},${digits(event)},${alert}\n`;
}

/** Scores are float32: more than 7 digits are noise. */
const digits = (value: number): number => Number(value.toPrecision(7));
