import type { Command } from 'commander';
import { eventStream } from '../events/event-stream.js';
import { alertLine, scoreLine, type AlertChange, type DeviceScore } from '../events/views.js';
import { clientFor, type GlobalOptions } from '../options.js';
import { printJson, printLine, printNote, type Terminal } from '../terminal/terminal.js';

interface TailOptions extends GlobalOptions {
  readonly device?: string;
  readonly anomalies?: boolean;
}

export function addTailCommand(program: Command, terminal: Terminal): void {
  program
    .command('tail')
    .description('show scores and alerts as they come')
    .option('--device <id>', 'only this device')
    .option('--anomalies', 'only scores over the threshold, and alerts')
    .action(async (_options: unknown, command: Command) => {
      await tail(terminal, command.optsWithGlobals<TailOptions>());
    });
}

async function tail(terminal: Terminal, options: TailOptions): Promise<void> {
  const events = eventStream(clientFor(terminal, options), {
    device: options.device,
    signal: terminal.signal,
    onLost: (reason) => printNote(terminal, `connection lost (${reason}), connecting again`),
  });
  for await (const { event, data } of events) {
    if (event === 'score') {
      const score = data as DeviceScore;
      if (options.anomalies === true && !score.isAnomaly) continue;
      if (options.json === true) printJson(terminal, { event, score });
      else printLine(terminal, scoreLine(terminal, score));
    } else if (event === 'alert') {
      if (options.json === true) printJson(terminal, { event, ...(data as object) });
      else printLine(terminal, alertLine(terminal, data as AlertChange));
    }
  }
}
