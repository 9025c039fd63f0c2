import type { Command } from 'commander';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { clientFor, type GlobalOptions } from '../options.js';
import { confirm } from '../terminal/confirm.js';
import { printable, printJson, printLine, printNote, type Terminal } from '../terminal/terminal.js';

interface ForgetOptions extends GlobalOptions {
  readonly yes?: boolean;
}

interface Forgotten {
  readonly device: string;
  readonly state: 'forgotten' | 'asked';
  readonly remains: readonly { readonly what: string; readonly until?: string; readonly note: string }[];
}

export function addForgetCommand(program: Command, terminal: Terminal): void {
  program
    .command('forget')
    .description('forget a device: its state, its history and its alerts')
    .argument('<device>', 'device')
    .option('--yes', 'do not ask')
    .action(async (device: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<ForgetOptions>();
      if (options.yes !== true)
        await confirm(terminal, `All that is known of ${device} will be gone: state, history, alerts.`);
      const path = `/v1/devices/${encodeURIComponent(device)}`;
      const client = clientFor(terminal, options);
      // One that nobody has heard of is forgotten all the same: snapshots and logs may have it. But it may be a slip of the keyboard.
      const isKnown = await client.get(path).then(
        () => true,
        (error: unknown) => !(error instanceof CommandFailure && error.exitCode === ExitCode.notFound),
      );
      if (!isKnown) printNote(terminal, `no device ${printable(device)} is known: is that its name?`);
      const { body: answer } = await client.send<Forgotten>('DELETE', path, {});
      if (options.json === true) printJson(terminal, answer);
      else {
        const isGone = answer.state === 'forgotten';
        printLine(
          terminal,
          isGone ? `${printable(device)} is forgotten. What is still on disks, shown to nobody:` : '',
        );
        for (const { what, until, note } of answer.remains) {
          printLine(terminal, `  ${what}: ${until === undefined ? '' : `until ${until}; `}${note}`);
        }
      }
      if (answer.state === 'asked') {
        throw new CommandFailure(
          ExitCode.failed,
          `the stages have not come so far yet: it is in the log and will take effect; \`redshank doctor\` says what they wait for`,
        );
      }
    });
}
