import type { Command } from 'commander';
import type { ShadowComparison } from '../../models/backtest/shadow-run.js';
import type { GlobalOptions } from '../options.js';
import {
  addRecordedOptions,
  compareRecorded,
  type RecordedComparison,
  type RecordedOptions,
} from '../shadow/compare-recorded.js';
import { writeShadowPage, type ShadowDevice } from '../shadow/shadow-page.js';
import { formatCount, formatDuration } from '../terminal/amounts.js';
import { tableLines } from '../terminal/table.js';
import { printJson, printLine, type Terminal } from '../terminal/terminal.js';

interface ShadowOptions extends GlobalOptions, RecordedOptions {
  readonly report?: string;
}

const HELP = `
Both versions score the readings that the server has recorded, here and not on the server, each from a cold start. So a challenger
has its weeks behind it at once, and nobody was alarmed by it. With verdicts on alerts, it is told how many each would have raised again.

  redshank models shadow pump --since 14d --report shadow.html
  redshank models promote pump challenger --compared --note "two quiet weeks"`;

export function addShadowCommand(models: Command, terminal: Terminal): void {
  const command = models
    .command('shadow')
    .alias('compare')
    .description('let a version score what the server has recorded, and compare it with the champion')
    .argument('<name>')
    .argument('[version]', 'default: the challenger');
  addRecordedOptions(command)
    .option('--report <file>', 'write a page with pictures')
    .addHelpText('after', HELP)
    .action(async (name: string, version: string | undefined, _options: unknown, command: Command) =>
      shadow(terminal, name, version, command.optsWithGlobals<ShadowOptions>()),
    );
}

async function shadow(
  terminal: Terminal,
  name: string,
  version: string | undefined,
  options: ShadowOptions,
): Promise<void> {
  const compared = await compareRecorded(terminal, name, version, options);
  const names = { model: name, champion: compared.champion.version, challenger: compared.challenger.version };
  if (options.report !== undefined) await writeShadowPage(options.report, names, compared.devices);
  if (options.json === true) {
    const { rows, microsPerRow } = compared;
    const devices = compared.devices.map(({ device, comparison }) => ({ device, ...comparison }));
    printJson(terminal, { ...names, rows, microsPerRow, devices });
    return;
  }
  printComparison(terminal, compared);
  if (options.report !== undefined) printLine(terminal, `Report: ${options.report}`);
}

export function printComparison(
  terminal: Terminal,
  { devices, rows, sinceMs, microsPerRow }: RecordedComparison,
): void {
  for (const line of comparisonTable(devices)) printLine(terminal, line);
  printLine(
    terminal,
    `\n${formatCount(rows)} rows since ${formatDuration(Date.now() - sinceMs)} ago; ` +
      `${microsPerRow.champion} µs a row with the champion, ${microsPerRow.challenger} µs with the challenger`,
  );
}

function comparisonTable(found: readonly ShadowDevice[]): readonly string[] {
  const header = [
    'device',
    'rows',
    'order alike',
    'alerts',
    'challenger’s',
    'in common',
    'confirmed found',
    'rejected again',
  ];
  return tableLines(
    header,
    found.map(({ device, comparison }) => [
      device,
      comparison.rows,
      Number.isNaN(comparison.rankAgreement) ? '–' : comparison.rankAgreement.toFixed(2),
      comparison.alerts.champion,
      comparison.alerts.challenger,
      comparison.alerts.both,
      ofSpans(comparison.confirmed),
      ofSpans(comparison.rejected),
    ]),
  );
}

function ofSpans({ spans, champion, challenger }: ShadowComparison['confirmed']): string {
  return spans === 0 ? '–' : `${champion} → ${challenger} of ${spans}`;
}
