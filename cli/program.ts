/** The command line as a whole: which commands there are, and how their faults are told. */
import { Command, CommanderError } from 'commander';
import { CommandFailure, failureOf } from './command-failure.js';
import { addAlertsCommand } from './commands/alerts.js';
import { addBacktestCommand } from './commands/backtest.js';
import { addClusterCommand } from './commands/cluster.js';
import { addConfigCommand } from './commands/config.js';
import { addDemoCommand } from './commands/demo.js';
import { addDevicesCommand } from './commands/devices.js';
import { addDoctorCommand } from './commands/doctor.js';
import { addExplainCommand } from './commands/explain.js';
import { addFeedbackCommand } from './commands/feedback.js';
import { addIngestCommand } from './commands/ingest.js';
import { addBackupCommand, addRestoreCommand } from './commands/backup.js';
import { addForgetCommand } from './commands/forget.js';
import { addSilenceCommand } from './commands/silence.js';
import { addAuditCommand, addKeysCommand } from './commands/keys.js';
import { addModelsCommand } from './commands/models.js';
import { addRebuildCommand } from './commands/rebuild.js';
import { addScalePlanCommand } from './commands/scale-plan.js';
import { addShardsCommand } from './commands/shards.js';
import { addSimulateCommand } from './commands/simulate.js';
import { addStartCommand } from './commands/start.js';
import { addTailCommand } from './commands/tail.js';
import { addTrainCommand } from './commands/train.js';
import { ExitCode, EXIT_CODE_HELP } from './exit-codes.js';
import { DEFAULT_URL } from './options.js';
import { packageVersion } from '../services/package-version.js';
import { printNote, type Terminal } from './terminal/terminal.js';

const COMMANDS = [
  addDemoCommand,
  addStartCommand,
  addClusterCommand,
  addDoctorCommand,
  addSimulateCommand,
  addIngestCommand,
  addTailCommand,
  addDevicesCommand,
  addExplainCommand,
  addAlertsCommand,
  addFeedbackCommand,
  addBacktestCommand,
  addTrainCommand,
  addModelsCommand,
  addShardsCommand,
  addScalePlanCommand,
  addRebuildCommand,
  addSilenceCommand,
  addForgetCommand,
  addBackupCommand,
  addRestoreCommand,
  addKeysCommand,
  addAuditCommand,
  addConfigCommand,
];

/** @param isJson faults of usage are told by the caller, as JSON. */
function createProgram(terminal: Terminal, isJson: boolean): Command {
  const program = new Command('redshank')
    .description('Finds anomalies in the readings of a fleet of sensors while they arrive.')
    .version(packageVersion())
    .option('--url <url>', `server to talk to (REDSHANK_URL, default ${DEFAULT_URL})`)
    .option('--key <key>', 'API key (REDSHANK_API_KEY)')
    .option('--json', 'answer with JSON')
    .addHelpText('after', EXIT_CODE_HELP)
    .showHelpAfterError('(redshank --help, or redshank COMMAND --help)')
    .configureHelp({ showGlobalOptions: true });
  for (const addCommand of COMMANDS) addCommand(program, terminal);
  settle(program, terminal, isJson);
  return program;
}

/** Errors are thrown, not exited with, and everything goes through the terminal, also for commands in commands. */
function settle(command: Command, terminal: Terminal, isJson: boolean): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => terminal.stdout.write(text),
    writeErr: (text) => isJson || terminal.stderr.write(text),
  });
  for (const inner of command.commands) {
    inner.copyInheritedSettings(command);
    settle(inner, terminal, isJson);
  }
}

/**
 * Runs one command.
 *
 * @param args what follows `redshank`.
 * @returns the exit code; never rejects.
 */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const isJson = args.includes('--json');
  try {
    await createProgram(terminal, isJson).parseAsync(args, { from: 'user' });
    return ExitCode.ok;
  } catch (error) {
    if (error instanceof CommanderError && (error.exitCode === 0 || !isJson)) {
      return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
    }
    const failure = error instanceof CommanderError ? usageFailure(error) : failureOf(error);
    printNote(
      terminal,
      isJson
        ? JSON.stringify({ error: { message: failure.message, exitCode: failure.exitCode } })
        : `redshank: ${failure.message}`,
    );
    return failure.exitCode;
  }
}

function usageFailure(error: CommanderError): CommandFailure {
  const message =
    error.code === 'commander.help'
      ? 'a command is missing'
      : error.message.replace(/^error: /, '').replace(/\s+/g, ' ');
  return new CommandFailure(ExitCode.usage, `${message} (redshank --help)`, error);
}
