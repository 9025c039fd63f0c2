import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { Settings } from '../../models/settings.js';

/** The process's logger: one JSON object a line, or in development lines for people. */
export function createLogger(
  settings: Pick<Settings, 'environment' | 'logLevel'>,
  stream: NodeJS.WritableStream & { readonly isTTY?: boolean },
): Logger {
  const options = { level: settings.logLevel };
  if (settings.environment === 'production') return pino(options, stream);
  return pino(
    options,
    pretty({ destination: stream, sync: true, colorize: stream.isTTY === true, ignore: 'pid,hostname' }),
  );
}
