import type { Command } from 'commander';
import { SettingInvalidError } from '../../models/errors.js';
import { redactUrl, type Settings } from '../../models/settings.js';
import { settingsReference } from '../../models/settings/reference.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { settingsFor, type GlobalOptions } from '../options.js';
import { printJson, printLine, printNote, type Terminal } from '../terminal/terminal.js';

export function addConfigCommand(program: Command, terminal: Terminal): void {
  const config = program.command('config').description('check settings, or describe them');
  config
    .command('validate')
    .description('check the environment and a configuration file; print all problems, or the settings that result')
    .argument('[file]', 'YAML file; else CONFIG_FILE, else none')
    .action(async (file: string | undefined, _options: unknown, command: Command) => {
      await validate(terminal, file, command.optsWithGlobals<GlobalOptions>().json === true);
    });
  config
    .command('reference')
    .description('print docs/configuration.md, as Markdown also with --json')
    .action(() => {
      terminal.stdout.write(settingsReference());
    });
}

async function validate(terminal: Terminal, file: string | undefined, json: boolean): Promise<void> {
  let settings: Settings;
  try {
    settings = await settingsFor(terminal, file);
  } catch (error) {
    if (!(error instanceof SettingInvalidError)) throw error;
    if (json) printJson(terminal, { ok: false, problems: error.problems });
    else for (const problem of error.problems) printNote(terminal, `- ${problem}`);
    throw new CommandFailure(ExitCode.usage, `${error.problems.length} bad setting(s)`, error);
  }
  const effective = withoutSecrets(settings);
  if (json) {
    printJson(terminal, { ok: true, settings: effective });
    return;
  }
  const width = Math.max(...Object.keys(effective).map((key) => key.length));
  for (const [key, value] of Object.entries(effective)) {
    printLine(terminal, `${key.padEnd(width)}  ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  }
}

function withoutSecrets(settings: Settings): Record<string, unknown> {
  const hide = (url: string | undefined): string | null => (url === undefined ? null : redactUrl(url));
  const { natsUrl, redisUrl, clusterSecret } = settings;
  const isSet = clusterSecret !== undefined;
  return { ...settings, natsUrl: hide(natsUrl), redisUrl: hide(redisUrl), clusterSecret: isSet ? '***' : null };
}
