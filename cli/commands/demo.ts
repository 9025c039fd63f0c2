import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { RunningNode } from '../../services/start-node.js';
import type { Settings } from '../../models/settings.js';
import { ApiClient } from '../client.js';
import { SettingInvalidError } from '../../models/errors.js';
import { CommandFailure, typeOf } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { positiveNumber, settingsFor, wholeNumber, type GlobalOptions } from '../options.js';
import { playDemo } from '../simulation/play-demo.js';
import { startUnlessStopped } from '../start-unless-stopped.js';
import { formatCount } from '../terminal/amounts.js';
import { createLogger } from '../terminal/logger.js';
import { stopWithin } from '../terminal/stop-within.js';
import { printJson, printLine, type Terminal } from '../terminal/terminal.js';

interface DemoOptions extends GlobalOptions {
  readonly devices: number;
  readonly seed: number;
  readonly duration?: number;
}

export function addDemoCommand(program: Command, terminal: Terminal): void {
  program
    .command('demo')
    .description('a server with a simulated fleet in it: things go wrong, and you see it')
    .option('--devices <n>', 'how many', wholeNumber(1, 1_000), 24)
    .option('--seed <n>', 'the same seed makes the same fleet', wholeNumber(0, 4_294_967_295), 1)
    .option('--duration <sec>', 'end after this time; else at Ctrl-C', positiveNumber(86_400))
    .action(async (_options: unknown, command: Command) => {
      await demo(terminal, command.optsWithGlobals<DemoOptions>());
    });
}

async function demo(terminal: Terminal, options: DemoOptions): Promise<void> {
  const own = terminal.env['DATA_DIR'] ?? '';
  const folder = own === '' ? await temporaryFolder() : own;
  const settings = await settingsFor(terminal, undefined, demoDefaults(terminal, folder));
  const node = await startUnlessStopped(() => startDemoNode(settings, terminal), terminal.signal);
  if (node === undefined) return;
  const signal = AbortSignal.any([
    terminal.signal,
    ...(options.duration === undefined ? [] : [AbortSignal.timeout(options.duration * 1_000)]),
  ]);
  try {
    const { url } = node;
    if (url === undefined) throw new SettingInvalidError(['SERVICES: the demo needs the gateway, unset SERVICES']);
    const key = options.key ?? terminal.env['REDSHANK_API_KEY'];
    announce(terminal, options, url, own === '' ? undefined : folder);
    await playDemo(terminal, (ending) => new ApiClient({ url, key, signal: ending }), signal, options);
  } finally {
    await stopWithin(() => node.stop());
  }
}

/** What the demo wants unless the environment says otherwise. */
function demoDefaults(terminal: Terminal, dataDir: string): Record<string, string> {
  const wanted: Record<string, string> = { AUTH: 'off', METRICS_PORT: '0', LOG_LEVEL: 'warn', DATA_DIR: dataDir };
  const isFree = ([name]: [string, string]): boolean => (terminal.env[name] ?? '').trim() === '';
  return Object.fromEntries(Object.entries(wanted).filter(isFree));
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'redshank-demo-'));
  // However the process ends, short of a kill, the folder goes with it.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function startDemoNode(settings: Settings, terminal: Terminal): Promise<RunningNode> {
  const { startNode } = await import('../../services/start-node.js');
  try {
    return await startNode(settings, createLogger(settings, terminal.stderr));
  } catch (error) {
    const isTaken = error instanceof Error && typeOf(error) === 'SETTING_INVALID' && error.message.includes('in use');
    if (!isTaken || error.message.includes('METRICS_PORT')) throw error;
    const advice = `port ${settings.port} is taken: choose another with PORT, PORT=0 for any free one`;
    throw new CommandFailure(ExitCode.usage, advice, error);
  }
}

function announce(terminal: Terminal, options: DemoOptions, url: string, dataDir: string | undefined): void {
  if (options.json === true) {
    printJson(terminal, { event: 'started', url, devices: options.devices, seed: options.seed });
    return;
  }
  const { colors } = terminal;
  const reading = { device: 'my-sensor', ts: new Date().toISOString(), values: { temp: 21.5 } };
  for (const text of [
    '',
    `${colors.bold('Redshank')} watches ${formatCount(options.devices)} simulated devices. Something goes wrong in a few seconds.`,
    '',
    `  dashboard   ${colors.cyan(url)}`,
    `  readiness   ${url}/ready`,
    `  data        ${dataDir ?? 'a temporary folder, gone at the end'}`,
    '  stop        Ctrl-C',
    '',
    '  Send a reading of your own:',
    '',
    `  curl ${url}/v1/readings -H 'Content-Type: application/json' -d '${JSON.stringify({ readings: [reading] })}'`,
    '',
  ]) {
    printLine(terminal, text);
  }
}
