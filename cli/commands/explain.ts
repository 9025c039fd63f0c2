import type { Command } from 'commander';
import type { ScoreView } from '../../models/domain/score-view.js';
import { clock, type DeviceView } from '../events/views.js';
import { clientFor, wholeNumber, type GlobalOptions } from '../options.js';
import { formatValue } from '../terminal/amounts.js';
import { printable, printJson, printLine, type Terminal } from '../terminal/terminal.js';

interface ExplainOptions extends GlobalOptions {
  readonly last: number;
  readonly within: number;
}

const CHANNELS_SHOWN = 5;

export function addExplainCommand(program: Command, terminal: Terminal): void {
  program
    .command('explain')
    .description('say in words why the latest strange scores of a device are strange')
    .argument('<device>', 'device')
    .option('--last <n>', 'most scores to explain', wholeNumber(1, 1_000), 5)
    .option('--within <n>', 'how many of the latest scores to look through', wholeNumber(1, 100_000), 10_000)
    .action(async (id: string, _options: unknown, command: Command) => {
      await explain(terminal, id, command.optsWithGlobals<ExplainOptions>());
    });
}

async function explain(terminal: Terminal, id: string, options: ExplainOptions): Promise<void> {
  const client = clientFor(terminal, options);
  const path = `/v1/devices/${encodeURIComponent(id)}`;
  const device = await client.get<DeviceView>(path);
  const { scores } = await client.get<{ scores: ScoreView[] }>(`${path}/scores`, { query: { limit: options.within } });
  const strange = scores.filter((score) => score.isAnomaly).slice(-options.last);
  if (options.json === true) {
    printJson(terminal, { device: id, phase: device.phase, progress: device.progress, looked: scores.length, strange });
    return;
  }
  if (device.phase === 'warming') {
    printLine(
      terminal,
      `${printable(id)} is still learning what is usual: ${Math.floor(100 * device.progress)}% of its warm-up`,
    );
  }
  if (strange.length === 0) {
    const last = `the latest is ${formatValue(device.lastScore)}, the threshold ${formatValue(device.threshold)}`;
    printLine(
      terminal,
      `none of the latest ${scores.length} scores of ${printable(id)} is over its threshold; ${last}`,
    );
    return;
  }
  for (const score of strange) explainScore(terminal, score);
}

function explainScore(terminal: Terminal, score: ScoreView): void {
  const { colors } = terminal;
  const numbers = `score ${formatValue(score.score)}, threshold ${formatValue(score.threshold)}`;
  printLine(terminal, colors.bold(`${clock(score.ts)}  ${numbers}`));
  for (const reason of score.reasons) printLine(terminal, `  ${printable(reason)}`);
  const channels = Object.entries(score.channels).sort(([, a], [, b]) => b.contribution - a.contribution);
  for (const [name, channel] of channels.slice(0, CHANNELS_SHOWN)) {
    const band = `usual ${formatValue(channel.lower)} to ${formatValue(channel.upper)}`;
    const share = `${Math.round(100 * channel.contribution)}%`;
    const actual = `${formatValue(channel.actual)}${channel.imputed ? ' (no measured value)' : ''}`;
    printLine(terminal, colors.dim(`    ${printable(name)} ${actual}, ${band}, share ${share}`));
  }
}
