/** Scores the same series with one or several profiles, under one progress bar. */
import { join } from 'node:path';
import type { SeriesPicture } from '../../models/backtest/series-picture.js';
import type { ProfileDefinition } from '../../models/profiles/profile.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { startProgress } from '../terminal/progress.js';
import type { Terminal } from '../terminal/terminal.js';
import type { Series } from './catalogue.js';
import { runJobs } from './pool.js';
import type { SeriesJob } from './series-job.js';
import { makeResultFolder } from './separate-folders.js';

export interface Variant {
  /** For people; empty where there is only one. */
  readonly name: string;
  /** Undefined: the standard profile. */
  readonly profile: ProfileDefinition | undefined;
  /** File of the trained model that it names. */
  readonly modelFile?: string | undefined;
  /** Folder of its results. */
  readonly outDir: string;
  /** See `SeriesJob`. */
  readonly dropRows?: number;
}

export interface ScoringOptions {
  readonly threads: number;
  /** Whether the training files are fed first. */
  readonly isWarm: boolean;
  readonly withPictures: boolean;
}

export interface SeriesFailure {
  /** For people: data set, series, and the variant where there are several. */
  readonly id: string;
  readonly reason: string;
  /** Where its results are missing. */
  readonly outPath: string;
}

export interface Scoring {
  readonly rows: number;
  readonly fed: number;
  readonly seconds: number;
  /** Series done, over all variants. */
  readonly done: number;
  readonly failed: readonly SeriesFailure[];
  /** By path of the results. */
  readonly pictures: ReadonlyMap<string, SeriesPicture>;
}

/** `OUT/<DATASET>/<series>.csv` */
export function resultPath(outDir: string, { dataset, name }: Pick<Series, 'dataset' | 'name'>): string {
  return join(outDir, dataset, `${name}.csv`);
}

/** A series that fails is told in the result; the others go on. Ends early when the user wants it. */
export async function scoreVariants(
  terminal: Terminal,
  series: readonly Series[],
  variants: readonly Variant[],
  { threads, isWarm, withPictures }: ScoringOptions,
): Promise<Scoring> {
  for (const { outDir } of variants) await makeResultFolder(outDir);
  const variantOf = new Map<string, Variant>();
  const jobs = series.flatMap((one) =>
    variants.map((variant): SeriesJob => {
      const outPath = resultPath(variant.outDir, one);
      variantOf.set(outPath, variant);
      return {
        id: `${one.dataset}/${one.name}`,
        path: one.path,
        trainPath: isWarm ? one.trainPath : undefined,
        outPath,
        profile: variant.profile,
        modelFile: variant.modelFile,
        dropRows: variant.dropRows ?? 0,
        withPicture: withPictures,
      };
    }),
  );
  const startedMs = performance.now();
  let [rows, fed, done] = [0, 0, 0];
  const failed: SeriesFailure[] = [];
  const pictures = new Map<string, SeriesPicture>();
  const readBytes = new Map<string, number>();
  const totalBytes = variants.length * series.reduce((sum, { bytes }) => sum + bytes, 0);
  const progress = startProgress(terminal, 'backtest', totalBytes);
  const show = ({ outPath }: SeriesJob, bytes: number): void => {
    readBytes.set(outPath, bytes);
    const read = [...readBytes.values()].reduce((sum, value) => sum + value, 0);
    progress.update(read, `${done}/${jobs.length} series`);
  };
  await runJobs(jobs, {
    threads,
    signal: terminal.signal,
    onProgress: show,
    onDone: (job, result) => {
      rows += result.rows;
      fed += result.fed;
      done++;
      if (result.picture !== undefined) pictures.set(job.outPath, result.picture);
      show(job, readBytes.get(job.outPath) ?? 0);
    },
    onFailed: ({ id, outPath }, reason) => {
      const name = variantOf.get(outPath)?.name ?? '';
      failed.push({ id: name === '' ? id : `${id} (${name})`, reason, outPath });
    },
  });
  progress.stop();
  return { rows, fed, seconds: (performance.now() - startedMs) / 1_000, done, failed, pictures };
}

/** @throws CommandFailure unless every series was scored. */
export function requireWhole(terminal: Terminal, { done, failed }: Scoring): void {
  if (terminal.signal.aborted) throw new CommandFailure(ExitCode.failed, 'stopped before all series were done');
  if (failed.length === 0) return;
  const exitCode = done === 0 ? ExitCode.failed : ExitCode.partial;
  throw new CommandFailure(exitCode, `${failed.length} of ${done + failed.length} series failed`);
}
