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

const EXIT_BY_TYPE: Readonly<Record<string, ExitCode>> = {
  SETTING_INVALID: ExitCode.usage,
  NOT_FOUND: ExitCode.notFound,
  MODEL_NOT_FOUND: ExitCode.notFound,
};

/** The stable type of an error of Redshank. Errors that crossed a bus have lost their class, so only the type counts. */
export function typeOf(error: unknown): string | undefined {
  return error instanceof Error && 'type' in error && typeof error.type === 'string' ? error.type : undefined;
}

/** The exit code and message of whatever ended a command. */
export function failureOf(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error;
  const type = typeOf(error);
  if (error instanceof Error && type !== undefined) {
    return new CommandFailure(EXIT_BY_TYPE[type] ?? ExitCode.failed, error.message, error);
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
