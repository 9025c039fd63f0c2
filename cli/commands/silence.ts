import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { Silence } from '../../services/gateway/schemas/silence.js';
import { CommandFailure } from '../command-failure.js';
import { clock } from '../events/views.js';
import { ExitCode } from '../exit-codes.js';
import { clientFor, type GlobalOptions } from '../options.js';
import { tableLines } from '../terminal/table.js';
import { printable, printJson, printLine, type Terminal } from '../terminal/terminal.js';

interface SetOptions extends GlobalOptions {
  readonly for?: number;
  readonly from?: string;
  readonly until?: string;
  readonly note?: string;
}

const PATH = '/v1/silences';
const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

const HELP = `
For a while devices raise no alert; their detectors go on. What is still strange when it is over raises an alert then.

  redshank silence set "pump-*" --for 2h --note "seals are changed"
  redshank silence end si_3f2a91c04b7d1a2298c1`;

export function addSilenceCommand(program: Command, terminal: Terminal): void {
  const silence = program
    .command('silence')
    .description('times in which devices raise no alert')
    .addHelpText('after', HELP);
  silence
    .command('set')
    .description('let devices raise no alert for a while')
    .argument('<patterns...>', 'device ids; * is any text, ? one character')
    .option('--for <time>', 'how long, as 90m, 2h, 1d', duration)
    .option('--until <time>', 'RFC 3339')
    .option('--from <time>', 'RFC 3339 (default now)')
    .option('--note <words>', 'why')
    .action(async (devices: string[], _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<SetOptions>();
      const body = { devices, until: untilOf(options), ...definedOf({ from: options.from, note: options.note }) };
      const { body: made } = await clientFor(terminal, options).post<Silence>(PATH, { body });
      if (options.json === true) printJson(terminal, made);
      else
        printLine(
          terminal,
          `${made.id}: ${printable(made.devices.join(', '))} raise no alert until ${clock(made.until)}`,
        );
    });
  silence
    .command('list')
    .description('silences, with those that ended in the last 30 days')
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const { silences } = await clientFor(terminal, options).get<{ silences: Silence[] }>(PATH);
      if (options.json === true) {
        printJson(terminal, { silences });
        return;
      }
      const rows = silences.map(({ id, state, devices, from, until, by, note }) => [
        id,
        state,
        printable(devices.join(', ')),
        clock(from),
        clock(until),
        printable(by),
        printable(note ?? ''),
      ]);
      for (const line of tableLines(['silence', 'state', 'devices', 'from', 'until', 'by', 'why'], rows)) {
        printLine(terminal, line);
      }
    });
  silence
    .command('end')
    .description('end a silence before its time')
    .argument('<id>')
    .action(async (id: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const { body: ended } = await clientFor(terminal, options).send<Silence>(
        'DELETE',
        `${PATH}/${encodeURIComponent(id)}`,
        {},
      );
      if (options.json === true) printJson(terminal, ended);
      else printLine(terminal, `${ended.id} has ended: ${printable(ended.devices.join(', '))} raise alerts again`);
    });
}

function untilOf(options: SetOptions): string {
  const fromMs = options.from === undefined ? Date.now() : Date.parse(options.from);
  if (options.until !== undefined && options.for === undefined) return options.until;
  if (options.for !== undefined && options.until === undefined && Number.isFinite(fromMs)) {
    return new Date(fromMs + options.for).toISOString();
  }
  throw new CommandFailure(ExitCode.usage, 'say how long: either --for TIME or --until TIME');
}

function duration(text: string): number {
  const [, count, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('It must be like 90m, 2h or 1d.');
  return Number(count) * UNITS[unit!]!;
}

function definedOf(options: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
