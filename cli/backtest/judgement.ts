/** Results and labels together: how good a variant was, data set by data set. */
import { dataSetFigures, type DataSetFigures, type Protocol } from '../../models/evaluation/data-set-figures.js';
import type { LabelledSeries } from '../../models/evaluation/labelled-series.js';
import { rangesFrom, type RowRange } from '../../models/evaluation/row-range.js';
import type { Series } from './catalogue.js';
import { labelledRanges, readLabels, type DataSetLabels } from './labels-file.js';
import { readResult } from './result-file.js';
import { resultPath, type Scoring, type Variant } from './variants.js';

export interface DataSetJudgement extends DataSetFigures {
  readonly dataset: string;
  /** False where there are no labels: then every alert counts as a false alarm. */
  readonly isLabelled: boolean;
}

/** A series with its labels, and its timestamps as written. */
export interface JudgedSeries extends LabelledSeries {
  readonly times: readonly string[];
}

/** Widest tolerance where labels name none, in rows. */
const DEFAULT_VUS_WINDOW = 100;

/** All data sets of a variant, by name. Series that failed, and those that labels exclude or do not know, are left out. */
export async function judge(
  dataDir: string,
  series: readonly Series[],
  variant: Variant,
  scoring: Pick<Scoring, 'failed'>,
): Promise<DataSetJudgement[]> {
  const judgements: DataSetJudgement[] = [];
  for await (const { judgement } of judgeEach(dataDir, series, variant, scoring)) judgements.push(judgement);
  return judgements;
}

/** The same with the columns of each series, one data set after the other: those of all are too much for the memory. */
export async function* judgeEach(
  dataDir: string,
  series: readonly Series[],
  variant: Variant,
  { failed }: Pick<Scoring, 'failed'>,
): AsyncGenerator<{ judgement: DataSetJudgement; judged: readonly JudgedSeries[] }> {
  const failedPaths = new Set(failed.map(({ outPath }) => outPath));
  for (const dataset of [...new Set(series.map((one) => one.dataset))].sort()) {
    const { labels, protocol, judged } = await readJudged(
      dataDir,
      dataset,
      series.filter((one) => one.dataset === dataset && !failedPaths.has(resultPath(variant.outDir, one))),
      variant,
    );
    if (judged.length === 0) continue;
    const judgement = { dataset, isLabelled: labels !== undefined, ...dataSetFigures(protocol, judged) };
    yield { judgement, judged };
  }
}

/** The series of one data set with results and labels, in the order of their names. */
export async function readJudged(
  dataDir: string,
  dataset: string,
  series: readonly Series[],
  { outDir, dropRows = 0 }: Variant,
): Promise<{ labels: DataSetLabels | undefined; protocol: Protocol; judged: JudgedSeries[] }> {
  const labels = await readLabels(dataDir, dataset);
  const judged: JudgedSeries[] = [];
  for (const one of series.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const known = labels?.series[`${one.name}.csv`];
    if (labels !== undefined && (known === undefined || known.exclude === true)) continue;
    const result = await readResult(resultPath(outDir, one));
    // Labels count the rows that were dropped, too.
    const times = [...Array<string>(dropRows).fill(''), ...result.times];
    const ranges: readonly RowRange[] =
      known === undefined ? [] : labelledRanges(`${dataset}/${one.name}`, known, times);
    judged.push({
      name: one.name,
      ...result,
      ranges: rangesFrom(ranges, dropRows),
      scoreFrom: Math.max(0, (known?.scoreFrom ?? 0) - dropRows),
      vusWindow: known?.vusWindow ?? DEFAULT_VUS_WINDOW,
      fault: known?.fault,
    });
  }
  return { labels, protocol: labels?.protocol ?? 'vus', judged };
}
