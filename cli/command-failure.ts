import { RedshankError } from '../models/errors.js';
import { ExitCode } from './exit-codes.js';

/** Ends a command with a message for people, which says what to do next, and an exit code. Never shown with a stack. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
  }
}

/** The exit code and message of whatever ended a command. */
export function failureOf(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error;
  if (error instanceof RedshankError) {
    const exitCode =
      error.type === 'SETTING_INVALID'
        ? ExitCode.usage
        : error.type === 'NOT_FOUND' || error.type === 'MODEL_NOT_FOUND'
          ? ExitCode.notFound
          : ExitCode.failed;
    return new CommandFailure(exitCode, error.message, error);
  }
  const system = systemFailure(error);
  if (system !== undefined) return system;
  return new CommandFailure(ExitCode.failed, error instanceof Error ? error.message : String(error), error);
}

/** Faults of the operating system in words. */
function systemFailure(error: unknown): CommandFailure | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  const path = 'path' in error && typeof error.path === 'string' ? error.path : '';
  const words: Readonly<Record<string, readonly [ExitCode, string]>> = {
    ENOENT: [ExitCode.notFound, `${path} does not exist`],
    EISDIR: [ExitCode.usage, `${path === '' ? 'that' : path} is a folder, a file was expected`],
    EACCES: [ExitCode.failed, `${path} may not be read or written by this user`],
    EPERM: [ExitCode.failed, `${path} may not be read or written by this user`],
    EROFS: [ExitCode.failed, `${path} is on a read-only disk`],
    ENOSPC: [ExitCode.failed, 'the disk is full: make room, then do the same again'],
  };
  const found = words[error.code];
  return found === undefined ? undefined : new CommandFailure(found[0], found[1], error);
}
