import type { Command } from 'commander';
import { SettingInvalidError } from '../../models/errors.js';
import type { Settings } from '../../models/settings.js';
import { CommandFailure } from '../command-failure.js';
import { fail, ok, warn, type Finding } from '../doctor/check.js';
import { checkCluster } from '../doctor/cluster-checks.js';
import { checkDataDir, checkNode, checkPort } from '../doctor/machine-checks.js';
import { checkModels } from '../doctor/model-checks.js';
import { checkServer } from '../doctor/server-checks.js';
import { ExitCode } from '../exit-codes.js';
import { clientFor, settingsFor, type GlobalOptions } from '../options.js';
import { printable, printJson, printLine, type Terminal } from '../terminal/terminal.js';

interface DoctorOptions extends GlobalOptions {
  readonly config?: string;
}

/** For one request: a server that needs longer to say that it is well is not. */
const REQUEST_TIMEOUT_MS = 10_000;

export function addDoctorCommand(program: Command, terminal: Terminal): void {
  program
    .command('doctor')
    .description('check this machine, the settings and the server, and say what to do')
    .option('--config <file>', 'YAML configuration (CONFIG_FILE)')
    .action(async (_options: unknown, command: Command) => {
      await doctor(terminal, command.optsWithGlobals<DoctorOptions>());
    });
}

async function doctor(terminal: Terminal, options: DoctorOptions): Promise<void> {
  const findings = await examine(terminal, options);
  const failed = findings.filter(({ state }) => state === 'fail').length;
  if (options.json === true) {
    printJson(terminal, { ok: failed === 0, findings });
  } else {
    const { green, yellow, red } = terminal.colors;
    const marks = { ok: green('ok  '), warn: yellow('warn'), fail: red('FAIL') };
    for (const { check, state, message } of findings) {
      printLine(terminal, `${marks[state]}  ${check.padEnd(12)}  ${printable(message)}`);
    }
  }
  if (failed > 0) throw new CommandFailure(ExitCode.failed, `${failed} of ${findings.length} checks failed`);
}

async function examine(terminal: Terminal, options: DoctorOptions): Promise<readonly Finding[]> {
  const findings: Finding[] = [checkNode(process.versions.node)];
  const settings = await checkSettings(terminal, options, findings);
  if (settings !== undefined) findings.push(...(await checkDataDir(settings.dataDir)));
  if (settings?.natsUrl !== undefined) {
    const { checkNats, checkRedis } = await import('../doctor/storage-checks.js');
    findings.push(...(await Promise.all([checkNats(settings), checkRedis(settings)])).flat());
  }

  const isNamed = options.url !== undefined || (terminal.env['REDSHANK_URL'] ?? '') !== '';
  const url = isNamed || settings === undefined ? options.url : `http://${addressOf(settings)}`;
  const client = clientFor(
    terminal,
    { ...options, ...(url === undefined ? {} : { url }) },
    { requestTimeoutMs: REQUEST_TIMEOUT_MS, retryForMs: 0 },
  );
  const server = await checkServer(client);
  // Where the settings cannot be read, that is said already.
  const seesStorage = settings === undefined || settings.natsUrl !== undefined;
  if (server !== undefined) {
    return [...findings, ...server, ...(await checkModels(client)), ...(await checkCluster(client, seesStorage))];
  }
  if (isNamed || settings === undefined) {
    return [...findings, fail('server', `nothing answers at ${client.url}: start it, or name another with --url`)];
  }
  const advice = `nothing answers at ${client.url}; start it with \`redshank start\``;
  return [...findings, await checkPort(settings), warn('server', advice)];
}

async function checkSettings(
  terminal: Terminal,
  options: DoctorOptions,
  findings: Finding[],
): Promise<Settings | undefined> {
  try {
    const settings = await settingsFor(terminal, options.config);
    findings.push(ok('settings', 'all settings are usable'));
    return settings;
  } catch (error) {
    const problems = error instanceof SettingInvalidError ? error.problems : [String(error)];
    findings.push(...problems.map((problem) => fail('settings', problem)));
    return undefined;
  }
}

/** Where a client reaches a server with these settings: an address that means "all" is reached by loopback. */
function addressOf({ host, port }: Settings): string {
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
