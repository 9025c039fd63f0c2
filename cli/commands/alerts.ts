import { Option, type Command } from 'commander';
import { ALERT_STATUSES } from '../../models/domain/alert.js';
import { clock, type AlertView } from '../events/views.js';
import { clientFor, wholeNumber, type GlobalOptions } from '../options.js';
import { formatValue } from '../terminal/amounts.js';
import { tableLines } from '../terminal/table.js';
import { printable, printJson, printLine, type Terminal } from '../terminal/terminal.js';

interface ListOptions extends GlobalOptions {
  readonly status?: string;
  readonly device?: string;
  readonly limit: number;
}

interface NoteOptions extends GlobalOptions {
  readonly note?: string;
}

export const VERDICTS = ['anomaly', 'normal'] as const;
export type Verdict = (typeof VERDICTS)[number];

export function addAlertsCommand(program: Command, terminal: Terminal): void {
  const alerts = program.command('alerts').description('list alerts and answer them');
  alerts
    .command('list', { isDefault: true })
    .description('newest first')
    .addOption(new Option('--status <status>', 'only these').choices(ALERT_STATUSES))
    .option('--device <id>', 'only of this device')
    .option('--limit <n>', 'most alerts to list', wholeNumber(1, 1_000), 50)
    .action(async (_options: unknown, command: Command) => {
      await list(terminal, command.optsWithGlobals<ListOptions>());
    });
  for (const [action, description] of [
    ['ack', 'say that somebody is looking at it'],
    ['resolve', 'close it'],
  ] as const) {
    alerts
      .command(action)
      .description(description)
      .argument('<id>', 'alert')
      .option('--note <text>', 'kept in the history of the alert')
      .action(async (id: string, _options: unknown, command: Command) => {
        await answerAlert(terminal, id, action, {}, command.optsWithGlobals<NoteOptions>());
      });
  }
  addVerdict(alerts, terminal);
}

/** `feedback ALERT VERDICT`, below `alerts` and on its own. */
export function addVerdict(parent: Command, terminal: Terminal): void {
  parent
    .command('feedback')
    .description('say whether an alert was right; `normal` teaches the detectors')
    .argument('<id>', 'alert')
    .addArgument(parent.createArgument('<verdict>', 'your verdict').choices(VERDICTS))
    .option('--note <text>', 'kept in the history of the alert')
    .action(async (id: string, verdict: Verdict, _options: unknown, command: Command) => {
      await answerAlert(terminal, id, 'feedback', { verdict }, command.optsWithGlobals<NoteOptions>());
    });
}

async function answerAlert(
  terminal: Terminal,
  id: string,
  action: 'ack' | 'resolve' | 'feedback',
  members: { readonly verdict?: Verdict },
  options: NoteOptions,
): Promise<void> {
  const body = { ...members, ...(options.note === undefined ? {} : { note: options.note }) };
  const path = `/v1/alerts/${encodeURIComponent(id)}/${action}`;
  const answer = await clientFor(terminal, options).post<AlertView>(path, { body });
  if (options.json === true) printJson(terminal, answer.body);
  else printLine(terminal, `${printable(id)}: ${action === 'feedback' ? 'thank you, noted' : 'done'}`);
}

async function list(terminal: Terminal, options: ListOptions): Promise<void> {
  const query = { limit: options.limit, status: options.status, device: options.device };
  const page = await clientFor(terminal, options).get<{ alerts: AlertView[]; next?: string }>('/v1/alerts', { query });
  if (options.json === true) {
    printJson(terminal, page);
    return;
  }
  if (page.alerts.length === 0) {
    printLine(terminal, 'no such alerts');
    return;
  }
  const rows = page.alerts.map((alert) => [
    alert.id,
    alert.status,
    alert.severity,
    alert.device,
    clock(alert.raised),
    formatValue(alert.peakScore),
    alert.reasons[0] ?? '',
  ]);
  for (const line of tableLines(['alert', 'status', 'severity', 'device', 'raised', 'peak', 'reason'], rows)) {
    printLine(terminal, line);
  }
}
