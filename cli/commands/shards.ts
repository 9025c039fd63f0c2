import type { Command } from 'commander';
import type { StageView } from '../../models/routing/cluster-view.js';
import {
  mostLag,
  ofStage,
  stageOption,
  stageProblems,
  type ClusterAnswer,
  type StageOption,
} from '../cluster/cluster-answer.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { clientFor, type GlobalOptions } from '../options.js';
import { formatCount } from '../terminal/amounts.js';
import { tableLines } from '../terminal/table.js';
import { printable, printJson, printLine, type Terminal } from '../terminal/terminal.js';

export function addShardsCommand(program: Command, terminal: Terminal): void {
  program
    .command('shards')
    .description('who runs which partition, how far it is, and what waits; fails when nobody runs one')
    .addOption(stageOption())
    .action(async (_options: unknown, command: Command) => {
      await shards(terminal, command.optsWithGlobals<GlobalOptions & StageOption>());
    });
}

async function shards(terminal: Terminal, options: GlobalOptions & StageOption): Promise<void> {
  const answer = await clientFor(terminal, options).get<ClusterAnswer>('/v1/cluster');
  const stages = ofStage(answer.stages, options);
  if (options.json === true) {
    printJson(terminal, { stages });
  } else {
    for (const stage of stages) printLine(terminal, printable(summary(stage)));
    for (const stage of stages) showStage(terminal, stage);
  }
  const problems = stages.flatMap(stageProblems);
  if (problems.length > 0) throw new CommandFailure(ExitCode.failed, printable(problems.join('; ')));
}

function summary(view: StageView): string {
  const { stage, replicas, partitions, silent } = view;
  const owned = partitions.filter(({ owner }) => owner !== null).length;
  const devices = partitions.reduce((sum, partition) => sum + partition.devices, 0);
  return [
    `${stage.padEnd(9)} ${count(replicas.length, 'replica')}`,
    `${owned} of ${count(partitions.length, 'partition')} owned`,
    `most lag ${formatCount(mostLag(view))}`,
    count(devices, 'device'),
    `unowned ${partitions.length - owned}`,
    ...(silent.length === 0 ? [] : [`no answer from ${silent.length}`]),
  ].join(' · ');
}

function showStage(terminal: Terminal, { stage, partitions }: StageView): void {
  if (partitions.length === 0) return;
  printLine(terminal);
  // A column of dashes says nothing.
  const hasFailures = partitions.some(({ failure }) => failure !== undefined);
  const rows = partitions.map(({ partition, owner, epoch, position, lag, devices, failure }) => [
    partition,
    owner ?? 'nobody',
    epoch,
    position,
    lag ?? '–',
    devices,
    ...(hasFailures ? [failure ?? ''] : []),
  ]);
  const header = [stage, 'owner', 'epoch', 'position', 'lag', 'devices', ...(hasFailures ? ['failure'] : [])];
  for (const line of tableLines(header, rows)) printLine(terminal, line);
}

function count(value: number, noun: string): string {
  return `${formatCount(value)} ${noun}${value === 1 ? '' : 's'}`;
}
