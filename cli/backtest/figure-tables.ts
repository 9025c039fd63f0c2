/** Figures as tables for a terminal. */
import type { Figure } from '../../models/evaluation/data-set-figures.js';
import { formatBytes } from '../terminal/amounts.js';
import { printable } from '../terminal/terminal.js';
import { tableLines } from '../terminal/table.js';
import type { SeriesChange } from './comparison.js';
import type { Estimate } from './estimate.js';
import type { DataSetJudgement } from './judgement.js';

export interface NamedJudgements {
  readonly name: string;
  readonly judgements: readonly DataSetJudgement[];
}

const MOST_CHANGES = 12;

/** What the heads mean; stands under a table. */
export const FIGURE_HELP = `VUS-PR: how well scores tell anomalies apart, at any threshold, 0 to 1. recall@N: anomalies found at the threshold of N false alarms
in 10,000 normal rows. alert recall, FA/10k: anomalies in which an alert was open; false alarms in 10,000 normal rows.`;

/** Stands under tables of differences. */
export const GAIN_HELP = '+ is better and − is worse, also where less is better; · is no change.';

/** One row a figure, one column a data set. */
export function figureTable(judgements: readonly DataSetJudgement[]): readonly string[] {
  const labels = figureLabels(judgements);
  return tableLines(
    ['', ...judgements.map(({ dataset }) => dataset)],
    labels.map((label) => [label, ...judgements.map(({ figures }) => formatFigure(byLabel(figures, label)))]),
  );
}

/** One row a figure of each data set: both profiles, and what the second gained (+) or lost (−). */
export function comparisonTable(first: NamedJudgements, second: NamedJudgements): readonly string[] {
  const rows = first.judgements.flatMap(({ dataset, figures }) => {
    const others = second.judgements.find((judgement) => judgement.dataset === dataset)?.figures ?? [];
    return figures.map((a) => {
      const b = byLabel(others, a.label);
      return [dataset, a.label, formatFigure(a), formatFigure(b), gainWords(a, b)];
    });
  });
  return tableLines(['', '', first.name, second.name, 'change'], rows);
}

export function changeLines(changes: readonly SeriesChange[], second: string): readonly string[] {
  const better = changes.filter(({ isBetter }) => isBetter);
  const worse = changes.filter(({ isBetter }) => !isBetter);
  const list = (words: string, some: readonly SeriesChange[]): string[] => {
    if (some.length === 0) return [];
    const shown = some.slice(0, MOST_CHANGES).map((change) => `  ${printable(change.series)}: ${changeWords(change)}`);
    const rest = some.length - shown.length;
    return [
      `${printable(second)} is ${words} on ${some.length} series:`,
      ...shown,
      ...(rest > 0 ? [`  and ${rest} more`] : []),
    ];
  };
  if (changes.length === 0) return ['No series differs.'];
  return [...list('better', better), ...list('worse', worse)];
}

/** A table a data set. The first variant in full; of the others what is gained (+) or lost (−) by leaving a detector out. */
export function ablationTables(variants: readonly NamedJudgements[]): readonly string[] {
  const [whole, ...others] = variants;
  return (whole?.judgements ?? []).flatMap(({ dataset, figures }) => {
    const rows = others.map(({ name, judgements }) => {
      const own = judgements.find((judgement) => judgement.dataset === dataset)?.figures ?? [];
      return [name, ...figures.map((figure) => gainWords(figure, byLabel(own, figure.label)))];
    });
    const heads = [dataset, ...figures.map(({ label }) => label)];
    return [...tableLines(heads, [[whole!.name, ...figures.map(formatFigure)], ...rows]), ''];
  });
}

export function estimateTable(estimates: readonly Estimate[]): readonly string[] {
  return tableLines(
    ['channels', 'state a device', 'of the detectors', 'state a channel', 'scoring µs/row', 'all stages µs/row'],
    estimates.map(({ channels, stateBytes, scoringBytes, scoringMicros, totalMicros }) => [
      channels,
      formatBytes(stateBytes),
      formatBytes(scoringBytes),
      formatBytes(stateBytes / channels),
      scoringMicros.toFixed(1),
      totalMicros.toFixed(1),
    ]),
  );
}

export function formatFigure(figure: Figure | undefined): string {
  return figure === undefined ? '–' : figure.value.toFixed(figure.digits);
}

/** Labels of all figures, in the order in which they come. */
function figureLabels(judgements: readonly DataSetJudgement[]): string[] {
  const labels: string[] = [];
  for (const { figures } of judgements) {
    let at = 0;
    for (const { label } of figures) {
      const known = labels.indexOf(label);
      if (known < 0) labels.splice(at++, 0, label);
      else at = known + 1;
    }
  }
  return labels;
}

/** In the figure's own unit; + where it is for the better, also where smaller is better. */
function gainWords(a: Figure, b: Figure | undefined): string {
  if (b === undefined) return '–';
  const gain = (b.value - a.value) * (a.isCost ? -1 : 1);
  const size = Math.abs(gain).toFixed(a.digits);
  if (Number(size) === 0) return '·';
  return `${gain > 0 ? '+' : '−'}${size}`;
}

function changeWords({ first, second }: SeriesChange): string {
  const words: string[] = [];
  if (first.windows > 0) words.push(`finds ${first.found} → ${second.found} of ${first.windows}`);
  words.push(`false alarms ${first.falseAlarms} → ${second.falseAlarms}`);
  if (first.vusPr !== undefined && second.vusPr !== undefined) {
    words.push(`VUS-PR ${first.vusPr.toFixed(3)} → ${second.vusPr.toFixed(3)}`);
  }
  return words.join(', ');
}

const byLabel = (figures: readonly Figure[], label: string): Figure | undefined =>
  figures.find((figure) => figure.label === label);
