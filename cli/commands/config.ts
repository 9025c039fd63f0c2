import type { Command } from 'commander';
import { SettingInvalidError } from '../../models/errors.js';
import { redactUrl, type Settings } from '../../models/settings.js';
import { FIELDS, type Field, type SimpleKey } from '../../models/settings/fields.js';
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
  if (json) {
    const effective = Object.fromEntries(FIELDS.map((field) => [field.key, withoutSecret(field, settings)]));
    printJson(terminal, { ok: true, settings: { ...settings, ...effective } });
    return;
  }
  for (const line of linesOf(settings)) printLine(terminal, line);
}

/** By the names under which people set them: in the file, and in the environment. */
function linesOf(settings: Settings): string[] {
  const rows = FIELDS.map((field): [string, string, string] => {
    const value = withoutSecret(field, settings);
    const written = field.scale !== undefined && typeof value === 'number' ? value / field.scale : value;
    const text = written === null ? '–' : [written].flat().join(', ');
    return [field.file[0] ?? '', field.env ?? '', text];
  });
  rows.push(['profiles', '', settings.profiles.map(({ name }) => name).join(', ') || '–']);
  const [first, second] = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map(([file, env, text]) => `${file.padEnd(first!)}  ${env.padEnd(second!)}  ${text}`);
}

/** @returns null for what is not set. */
function withoutSecret({ key, isSecret }: Field, settings: Settings): NonNullable<Settings[SimpleKey]> | null {
  const value = settings[key];
  if (value === undefined) return null;
  if (isSecret === true) return '***';
  return typeof value === 'string' ? redactUrl(value) : value;
}
