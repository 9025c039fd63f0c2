/** Which measures belong to a data set, by its protocol, with the words for people. */
import { countAlerts, falseAlarmsPer10k, noAlerts } from './alert-counts.js';
import { eventRecall } from './event-recall.js';
import { faultDetectionRate } from './fault-detection-rate.js';
import { withoutFirst, type LabelledSeries } from './labelled-series.js';
import { nabProbation, nabScore } from './nab-score.js';
import { skabScore } from './skab-score.js';
import { vusPr } from './vus-pr.js';

/** `vus` has the measures that every data set has; the others add those that their field goes by. */
export const PROTOCOLS = ['vus', 'nab', 'skab', 'tep'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

export interface Figure {
  /** Stable name, for machines: `vusPr`. */
  readonly key: string;
  /** For people, short enough for the head of a column: `VUS-PR`, `recall@5`. */
  readonly label: string;
  readonly value: number;
  /** True when smaller is better. */
  readonly isCost: boolean;
  /** Digits behind the point that mean something. */
  readonly digits: number;
}

/** Figures of one series; see `Figure` for the whole set. */
export interface SeriesFigures {
  readonly name: string;
  /** In [0, 1]; undefined without ranges. */
  readonly vusPr: number | undefined;
  readonly windows: number;
  /** Ranges in which the alert column was on. */
  readonly found: number;
  readonly falseAlarms: number;
}

/** False alarms in 10,000 normal rows at which event recall is told. */
export const RECALL_BUDGETS = [1, 5, 10] as const;

export interface DataSetFigures {
  /** Of all series together. */
  readonly figures: readonly Figure[];
  readonly series: readonly SeriesFigures[];
}

/** @param series at least one. */
export function dataSetFigures(protocol: Protocol, series: readonly LabelledSeries[]): DataSetFigures {
  const judged = series.map((one) => judgedPart(protocol, one));
  const each = judged.map(seriesFigures);
  const figures: Figure[] = [];
  const add = (key: string, label: string, value: number, digits: number, isCost = false): void => {
    if (Number.isFinite(value)) figures.push({ key, label, value, isCost, digits });
  };
  const isLabelled = judged.some(({ ranges }) => ranges.length > 0);
  if (protocol === 'nab' && isLabelled) {
    const nab = nabScore(series);
    add('nabStandard', 'NAB standard', nab.standard, 1);
    add('nabLowFp', 'NAB low-FP', nab.lowFp, 1);
    add('nabLowFn', 'NAB low-FN', nab.lowFn, 1);
  }
  if (isLabelled) {
    add('vusPr', 'VUS-PR', mean(each.map((one) => one.vusPr).filter((value) => value !== undefined)), 3);
    const recall = eventRecall(judged, RECALL_BUDGETS);
    RECALL_BUDGETS.forEach((budget, b) => add(`recallAt${budget}`, `recall@${budget}`, recall[b]!, 2));
  }
  if (protocol === 'skab') {
    const { f1, far, mar } = skabScore(judged);
    add('skabF1', 'F1', f1, 3);
    add('skabFar', 'FAR %', far, 1, true);
    add('skabMar', 'MAR %', mar, 1, true);
  }
  if (protocol === 'tep') add('faultDetectionRate', 'FDR@1%', faultDetectionRate(judged), 3);
  const counts = noAlerts();
  for (const { alert, ranges } of judged) countAlerts(counts, alert, 1, ranges);
  if (isLabelled) add('alertRecall', 'alert recall', counts.found / counts.windows, 2);
  add('falseAlarms', 'FA/10k', falseAlarmsPer10k(counts), 1, true);
  return { figures, series: each };
}

function seriesFigures({ name, score, alert, ranges, vusWindow }: LabelledSeries): SeriesFigures {
  const counts = noAlerts();
  countAlerts(counts, alert, 1, ranges);
  const { windows, found, falseAlarms } = counts;
  return { name, vusPr: vusPr(score, ranges, vusWindow), windows, found, falseAlarms };
}

/** Without the rows that are for learning. */
function judgedPart(protocol: Protocol, series: LabelledSeries): LabelledSeries {
  const probation = protocol === 'nab' ? nabProbation(series.score.length) : 0;
  return withoutFirst(series, Math.max(series.scoreFrom, probation));
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
