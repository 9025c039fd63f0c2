import type { Command } from 'commander';
import type { ScalePlan } from '../../models/routing/scale-plan.js';
import { ofStage, stageOption, type StageOption } from '../cluster/cluster-answer.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { clientFor, wholeNumber, type GlobalOptions } from '../options.js';
import { formatCount } from '../terminal/amounts.js';
import { tableLines } from '../terminal/table.js';
import { printJson, printLine, type Terminal } from '../terminal/terminal.js';

/** As many as the server plans for. */
const MOST_REPLICAS = 1_024;

export function addScalePlanCommand(program: Command, terminal: Terminal): void {
  program
    .command('scale-plan')
    .description('what would move if each stage had another number of replicas; changes nothing')
    .argument('<n>', 'replicas of a stage', wholeNumber(1, MOST_REPLICAS))
    .addOption(stageOption())
    .action(async (replicas: number, _options: unknown, command: Command) => {
      await showPlans(terminal, replicas, command.optsWithGlobals<GlobalOptions & StageOption>());
    });
}

async function showPlans(terminal: Terminal, replicas: number, options: GlobalOptions & StageOption): Promise<void> {
  const query = { replicas };
  const answer = await clientFor(terminal, options).get<{ plans: ScalePlan[] }>('/v1/cluster/scale-plan', { query });
  const plans = ofStage(answer.plans, options);
  if (options.json === true) printJson(terminal, { plans });
  else showAll(terminal, plans);
  const unknown = plans.filter(({ partitions }) => partitions === 0).map(({ stage }) => stage);
  if (unknown.length > 0) throw new CommandFailure(ExitCode.failed, `no replica of ${unknown.join(', ')} answered`);
}

function showAll(terminal: Terminal, plans: readonly ScalePlan[]): void {
  plans.forEach((plan, i) => {
    if (i > 0) printLine(terminal);
    printLine(terminal, inWords(plan));
    const members = [...new Set([...Object.keys(plan.before), ...Object.keys(plan.after)])];
    const rows = members.map((member) => [member, plan.before[member] ?? '–', plan.after[member] ?? 'leaves']);
    if (rows.length === 0) return;
    for (const line of tableLines(['replica', 'partitions now', 'then'], rows)) printLine(terminal, `  ${line}`);
  });
}

function inWords(plan: ScalePlan): string {
  const { stage, replicas, wanted, moves, partitions } = plan;
  const from = replicas === wanted ? `stays at ${wanted}` : `from ${replicas} to ${wanted}`;
  const start = `${stage}: ${from} replica${wanted === 1 ? '' : 's'}`;
  if (partitions === 0) return `${start}: nothing is known of its partitions, since no replica answered`;
  if (moves.length === 0) return `${start}: nothing moves`;
  const devices = moves.reduce((sum, move) => sum + move.devices, 0);
  const percent = Math.round(100 * plan.movedShare);
  const idle = Object.values(plan.after).filter((load) => load === 0).length;
  return (
    `${start}: ${moves.length} of ${partitions} partitions move, with ${formatCount(devices)} of ` +
    `${formatCount(plan.devices)} devices (${percent} %); all others stay where they are` +
    (idle === 0 ? '' : `. ${idle} would have nothing to do: there are no more partitions`)
  );
}
