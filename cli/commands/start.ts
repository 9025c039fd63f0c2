import { once } from 'node:events';
import type { Command } from 'commander';
import { settingsFor, type GlobalOptions } from '../options.js';
import { createLogger } from '../terminal/logger.js';
import { startUnlessStopped } from '../start-unless-stopped.js';
import { stopWithin } from '../terminal/stop-within.js';
import { printJson, printNote, type Terminal } from '../terminal/terminal.js';

interface StartOptions extends GlobalOptions {
  readonly config?: string;
  readonly port?: string;
  readonly host?: string;
  readonly dataDir?: string;
  readonly services?: string;
}

export function addStartCommand(program: Command, terminal: Terminal): void {
  program
    .command('start')
    .description('run the services of this process until it is told to stop')
    .option('--config <file>', 'YAML configuration (CONFIG_FILE)')
    .option('--host <address>', 'address to listen on (HOST)')
    .option('--port <port>', 'port of the gateway, 0 for a free one (PORT)')
    .option('--data-dir <folder>', 'where everything is kept (DATA_DIR)')
    .option('--services <names>', 'which services, divided by commas (SERVICES)')
    .action(async (_options: unknown, command: Command) => {
      await start(terminal, command.optsWithGlobals<StartOptions>());
    });
}

async function start(terminal: Terminal, options: StartOptions): Promise<void> {
  const settings = await settingsFor(terminal, options.config, {
    HOST: options.host,
    PORT: options.port,
    DATA_DIR: options.dataDir,
    SERVICES: options.services,
  });
  const { startNode } = await import('../../services/start-node.js');
  const logger = createLogger(settings, terminal.stdout);
  const node = await startUnlessStopped(
    () => startNode(settings, logger, { signal: terminal.signal }),
    terminal.signal,
  );
  if (node === undefined) return;
  const { url, metricsUrl, durability } = node;
  const { services, natsUrl, dataDir, auth } = settings;
  const isCluster = natsUrl !== undefined;
  if (options.json === true) {
    printJson(terminal, { started: { url, metricsUrl, durability, services, ...(isCluster ? {} : { dataDir }) } });
  } else {
    // Beside the log, so that a collector that reads stdout sees nothing but log lines.
    const lines = [
      isCluster ? `Redshank is running: ${services.join(', ')}` : 'Redshank is running',
      ...(url === undefined ? [] : [`  dashboard   ${url}`]),
      ...(metricsUrl === undefined ? [] : [`  metrics     ${metricsUrl}`]),
      `  data        ${isCluster ? 'in NATS JetStream' : dataDir} (an acknowledged reading survives: ${durability})`,
      ...(url !== undefined && auth === 'off' ? ['  access      no key needed, from this machine only'] : []),
      ...(url === undefined ? [] : ['  next        redshank ingest FILE --device ID, or redshank simulate']),
      '  stop        Ctrl-C',
    ];
    for (const line of lines) printNote(terminal, line);
  }
  if (!terminal.signal.aborted) await once(terminal.signal, 'abort');
  await stopWithin(() => node.stop());
}
