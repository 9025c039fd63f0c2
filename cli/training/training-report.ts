/** What came out of a training, for programs (JSON) and for people (a page). */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact } from '../../models/neural/artifact.js';
import { reportPage } from '../report-page.js';

export interface TrainingReport {
  readonly profile: string;
  readonly version: string;
  readonly architecture: string;
  readonly channels: readonly string[];
  /** Rows of a window. */
  readonly steps: number;
  readonly weights: number;
  readonly training: Artifact['header']['training'];
  /** By channel: what the devices of the training had, and the usual error in units of the spread. */
  readonly mean: readonly number[];
  readonly spread: readonly number[];
  readonly errorSpread: readonly number[];
  /** What 98 % of the errors on validation windows stay below. */
  readonly level: number;
  /** On validation windows, ascending. */
  readonly errors: readonly number[];
}

export function trainingReport(
  profile: string,
  { version, header, network }: Artifact,
  errors: Float64Array,
): TrainingReport {
  return {
    profile,
    version,
    architecture: header.architecture,
    channels: header.channels,
    steps: header.topology.steps,
    weights: network.weights.length,
    training: header.training,
    mean: header.normaliser.mean,
    spread: header.normaliser.spread,
    errorSpread: header.errors.spread,
    level: header.errors.level,
    errors: Array.from(errors, (error) => Number(error.toPrecision(5))),
  };
}

/** Writes `report.json` and `report.html` into an existing folder. @returns the path of the page */
export async function writeTrainingReport(folder: string, report: TrainingReport): Promise<string> {
  const page = join(folder, 'report.html');
  await writeFile(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(page, await reportPage('training', report));
  return page;
}
