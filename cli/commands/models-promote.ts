import type { Command } from 'commander';
import { gateObjections } from '../../models/backtest/promotion-gate.js';
import type { Model } from '../../services/gateway/schemas/model.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { clientFor, positiveNumber, type GlobalOptions } from '../options.js';
import { addRecordedOptions, compareRecorded, type RecordedOptions } from '../shadow/compare-recorded.js';
import { printJson, printLine, type Terminal } from '../terminal/terminal.js';
import { printComparison } from './models-shadow.js';

interface PromoteOptions extends RecordedOptions {
  readonly note?: string;
  readonly compared?: boolean;
  readonly moreAlerts: number;
}

const HELP = `
With --compared it comes into force only if, over what the server has recorded, it finds every confirmed anomaly that the champion finds,
raises no more rejected alerts again, and few more alerts at all. If another champion came meanwhile, nothing is changed.

  redshank models promote pump challenger --compared --since 14d --note "two quiet weeks"`;

const MORE_ALERTS = 0.1;

export function addPromoteCommands(models: Command, terminal: Terminal): void {
  models
    .command('challenge')
    .description('name the version that is to be compared with the champion')
    .argument('<name>')
    .argument('<version>')
    .option('--note <words>', 'why')
    .action(async (name: string, version: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { readonly note?: string }>();
      const { body: model } = await clientFor(terminal, options).post<Model>(pathOf(name, 'challenge'), {
        body: { version, ...noteOf(options) },
      });
      if (options.json === true) printJson(terminal, model);
      else printLine(terminal, `${name}: ${model.aliases.challenger ?? 'nothing'} is the challenger`);
    });
  const promote = models
    .command('promote')
    .description('bring a version into force, for all devices of the profile, at one point of their logs')
    .argument('<name>')
    .argument('<version>', 'a version, or challenger')
    .option('--note <words>', 'why')
    .option('--compared', 'only if it does no worse than the champion on what the server has recorded')
    .option(
      '--more-alerts <share>',
      'with --compared: alerts more than the champion’s that are allowed',
      positiveNumber(100),
      MORE_ALERTS,
    );
  addRecordedOptions(promote)
    .addHelpText('after', HELP)
    .action(async (name: string, version: string, _options: unknown, command: Command) => {
      await promoteVersion(terminal, name, version, command.optsWithGlobals<PromoteOptions>());
    });
}

async function promoteVersion(
  terminal: Terminal,
  name: string,
  wanted: string,
  options: PromoteOptions,
): Promise<void> {
  let decided: { version: string; champion?: string } = { version: wanted };
  if (options.compared === true) {
    const compared = await compareRecorded(terminal, name, wanted === 'challenger' ? undefined : wanted, options);
    if (options.json !== true) printComparison(terminal, compared);
    const objections = gateObjections(
      compared.devices.map(({ comparison }) => comparison),
      options,
    );
    if (objections.length > 0) {
      const reasons = objections.map((objection) => `\n  - ${objection}`).join('');
      throw new CommandFailure(ExitCode.failed, `${compared.challenger.version} was not promoted:${reasons}`);
    }
    decided = { version: compared.challenger.version, champion: compared.champion.version };
  }
  const { body: model } = await clientFor(terminal, options).post<Model>(pathOf(name, 'promote'), {
    body: { ...decided, ...noteOf(options) },
  });
  if (options.json === true) printJson(terminal, model);
  else printLine(terminal, `${model.name}: ${model.aliases.champion ?? 'nothing'} is in force`);
}

const pathOf = (name: string, verb: string): string => `/v1/models/${encodeURIComponent(name)}/${verb}`;
const noteOf = ({ note }: { readonly note?: string }): { note?: string } => (note === undefined ? {} : { note });
