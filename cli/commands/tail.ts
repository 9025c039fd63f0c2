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
  const client = clientFor(terminal, options);
  const events = eventStream(client, {
    device: options.device,
    signal: terminal.signal,
    // Without readings there is nothing to show, and silence looks like a fault.
    onOpen: () =>
      options.json !== true && printNote(terminal, `connected to ${client.url}, waiting for scores and alerts`),
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
