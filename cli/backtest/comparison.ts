/** Two profiles side by side. */
import { basename, extname, join } from 'node:path';
import type { SeriesFigures } from '../../models/evaluation/data-set-figures.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import type { DataSetJudgement } from './judgement.js';
import { readProfile } from './profile-file.js';
import type { Variant } from './variants.js';

/** Stands for the profile that this release has. */
export const STANDARD = 'standard';

/** A series on which the second profile was better or worse. */
export interface SeriesChange {
  readonly series: string;
  readonly isBetter: boolean;
  readonly first: SeriesFigures;
  readonly second: SeriesFigures;
}

/** Differences of VUS-PR below this are chance. */
const LEAST_VUS_CHANGE = 0.01;

/** @param files two paths; `standard` for the built-in profile. */
export async function comparedVariants(files: readonly string[], outDir: string): Promise<[Variant, Variant]> {
  const [first, second, ...more] = files;
  if (first === undefined || second === undefined || more.length > 0) {
    throw new CommandFailure(ExitCode.usage, `--compare needs two profiles, got ${files.length}`);
  }
  const names = [nameOf(first), nameOf(second)] as const;
  const [a, b] = names[0] === names[1] ? [`${names[0]}-1`, `${names[1]}-2`] : names;
  const variant = async (file: string, name: string): Promise<Variant> => {
    const given = file === STANDARD ? undefined : await readProfile(file);
    return { name, outDir: join(outDir, name), profile: given?.definition, modelFile: given?.modelFile };
  };
  return [await variant(first, a), await variant(second, b)];
}

/**
 * Series that changed, the largest change first. More anomalies found is better, then fewer false alarms, then a VUS-PR that
 * differs by 0.01 or more.
 */
export function changedSeries(first: readonly DataSetJudgement[], second: readonly DataSetJudgement[]): SeriesChange[] {
  const changes: (SeriesChange & { readonly weight: number })[] = [];
  for (const { dataset, series } of first) {
    const others = second.find((judgement) => judgement.dataset === dataset)?.series ?? [];
    for (const a of series) {
      const b = others.find(({ name }) => name === a.name);
      const weight = b === undefined ? 0 : changeOf(a, b);
      if (b === undefined || weight === 0) continue;
      changes.push({ series: `${dataset}/${a.name}`, isBetter: weight > 0, first: a, second: b, weight });
    }
  }
  return changes
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight))
    .map(({ series, isBetter, first: one, second: other }) => ({ series, isBetter, first: one, second: other }));
}

/** Above 0 where `b` is better. What counts less never outweighs what counts more. */
function changeOf(a: SeriesFigures, b: SeriesFigures): number {
  if (a.found !== b.found) return 1e6 * (b.found - a.found);
  if (a.falseAlarms !== b.falseAlarms) return a.falseAlarms - b.falseAlarms;
  const change = (b.vusPr ?? 0) - (a.vusPr ?? 0);
  return Math.abs(change) < LEAST_VUS_CHANGE ? 0 : change;
}

const nameOf = (file: string): string => basename(file, extname(file));
