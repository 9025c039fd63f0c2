import type { Command } from 'commander';
import type { ScoreView } from '../../models/domain/score-view.js';
import { clock, type DeviceView } from '../events/views.js';
import { clientFor, wholeNumber, type GlobalOptions } from '../options.js';
import { formatValue } from '../terminal/amounts.js';
import { printable, printJson, printLine, type Terminal } from '../terminal/terminal.js';

interface ExplainOptions extends GlobalOptions {
  readonly last: number;
}

/** Answer of `GET /v1/devices/{id}/explain`. */
interface ExplanationView {
  readonly device: DeviceView;
  readonly latest?: ScoreView;
  /** The strangest score of each of the latest episodes, newest first. */
  readonly strange: readonly ScoreView[];
}

const CHANNELS_SHOWN = 5;
/** As many as the server looks for. */
const MOST_EPISODES = 10;

export function addExplainCommand(program: Command, terminal: Terminal): void {
  program
    .command('explain')
    .description('say in words why a device was strange: the worst moment of each of its latest episodes, newest first')
    .argument('<device>', 'device')
    .option('--last <n>', 'most episodes to explain', wholeNumber(1, MOST_EPISODES), 5)
    .action(async (id: string, _options: unknown, command: Command) => {
      await explain(terminal, id, command.optsWithGlobals<ExplainOptions>());
    });
}

async function explain(terminal: Terminal, id: string, options: ExplainOptions): Promise<void> {
  const path = `/v1/devices/${encodeURIComponent(id)}/explain`;
  const { device, latest, ...found } = await clientFor(terminal, options).get<ExplanationView>(path);
  const strange = found.strange.slice(0, options.last);
  if (options.json === true) {
    printJson(terminal, { device, latest, strange });
    return;
  }
  if (device.phase === 'warming') {
    const percent = Math.floor(100 * device.progress);
    printLine(terminal, `${printable(id)} is still learning what is usual: ${percent}% of its warm-up`);
  }
  if (strange.length === 0) {
    printLine(terminal, `none of the latest scores of ${printable(id)} is over its threshold`);
  }
  for (const score of strange) {
    printLine(terminal, terminal.colors.bold(`${clock(score.ts)}  ${numbersOf(score)}`));
    explainScore(terminal, score);
  }
  if (latest === undefined || latest.ts === strange[0]?.ts) return;
  const state = latest.score === null ? latest.outcome : latest.isAnomaly ? 'still strange' : 'calm';
  printLine(terminal, `${clock(latest.ts)}  now ${state}: ${numbersOf(latest)}`);
}

function explainScore(terminal: Terminal, score: ScoreView): void {
  for (const reason of score.reasons) printLine(terminal, `  ${printable(reason)}`);
  const channels = Object.entries(score.channels).sort(([, a], [, b]) => b.contribution - a.contribution);
  for (const [name, channel] of channels.slice(0, CHANNELS_SHOWN)) {
    const band = `usual ${formatValue(channel.lower)} to ${formatValue(channel.upper)}`;
    const share = `${Math.round(100 * channel.contribution)}%`;
    const actual = `${formatValue(channel.actual)}${channel.imputed ? ' (no measured value)' : ''}`;
    printLine(terminal, terminal.colors.dim(`    ${printable(name)} ${actual}, ${band}, share ${share}`));
  }
}

function numbersOf({ score, threshold }: ScoreView): string {
  return `score ${formatValue(score)}, threshold ${formatValue(threshold)}`;
}
