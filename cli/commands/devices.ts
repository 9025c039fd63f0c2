import type { Command } from 'commander';
import type { ApiClient } from '../client.js';
import { clock, type DeviceView } from '../events/views.js';
import { clientFor, wholeNumber, type GlobalOptions } from '../options.js';
import { formatCount, formatValue } from '../terminal/amounts.js';
import { tableLines } from '../terminal/table.js';
import { printable, printJson, printLine, type Terminal } from '../terminal/terminal.js';

interface DevicesOptions extends GlobalOptions {
  readonly limit: number;
}

/** Most devices that one request lists. */
const PAGE = 1_000;

export function addDevicesCommand(program: Command, terminal: Terminal): void {
  program
    .command('devices')
    .description('list devices, or show one')
    .argument('[id]', 'device')
    .option('--limit <n>', 'most devices to list', wholeNumber(1, 1_000_000), 1_000)
    .action(async (id: string | undefined, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<DevicesOptions>();
      const client = clientFor(terminal, options);
      if (id === undefined) await list(terminal, client, options);
      else await show(terminal, client, id, options);
    });
}

async function list(terminal: Terminal, client: ApiClient, options: DevicesOptions): Promise<void> {
  const devices: DeviceView[] = [];
  let cursor: string | undefined;
  do {
    const limit = Math.min(PAGE, options.limit - devices.length);
    const page: { devices: DeviceView[]; next?: string } = await client.get('/v1/devices', {
      query: { limit, cursor },
    });
    devices.push(...page.devices);
    cursor = page.next;
  } while (cursor !== undefined && devices.length < options.limit);
  if (options.json === true) {
    printJson(terminal, { devices, isComplete: cursor === undefined });
    return;
  }
  if (devices.length === 0) {
    printLine(terminal, 'no devices yet: send readings with `redshank ingest FILE --device ID` or `redshank simulate`');
    return;
  }
  const rows = devices.map((device) => [
    device.device,
    stateOf(device),
    formatValue(device.lastScore),
    device.openAlerts.length,
    device.channels.length,
    device.outcomes['scored'] ?? 0,
    device.lastReading === undefined ? '–' : clock(device.lastReading),
  ]);
  const header = ['device', 'state', 'score', 'alerts', 'channels', 'scored', 'last reading'];
  for (const line of tableLines(header, rows)) printLine(terminal, line);
  if (cursor !== undefined) printLine(terminal, `… and more; raise --limit above ${options.limit}`);
}

async function show(terminal: Terminal, client: ApiClient, id: string, options: GlobalOptions): Promise<void> {
  const device = await client.get<DeviceView>(`/v1/devices/${encodeURIComponent(id)}`);
  if (options.json === true) {
    printJson(terminal, device);
    return;
  }
  const outcomes = Object.entries(device.outcomes).filter(([, count]) => count > 0);
  const rows: readonly (readonly [string, string])[] = [
    ['device', device.device],
    ['state', stateOf(device)],
    ['score', `${formatValue(device.lastScore)} (threshold ${formatValue(device.threshold)})`],
    ['channels', device.channels.join(', ')],
    ['last reading', device.lastReading === undefined ? '–' : clock(device.lastReading)],
    ['outcomes', outcomes.map(([outcome, count]) => `${outcome} ${formatCount(count)}`).join(', ')],
    ['open alerts', device.openAlerts.length === 0 ? 'none' : device.openAlerts.join(', ')],
    ['profile', `${device.profile} (${device.model})`],
  ];
  for (const [name, value] of rows) printLine(terminal, `${name.padEnd(14)}${printable(value)}`);
}

function stateOf(device: DeviceView): string {
  if (device.isSilent) return 'silent';
  if (device.phase === 'warming') return `warming ${Math.floor(100 * device.progress)}%`;
  return device.isAnomaly ? 'anomaly' : 'ready';
}
