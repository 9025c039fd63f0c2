/** Moleculer's log lines, through our pino logger: one format, one level, one place. */
import { Loggers } from 'moleculer';
import type { Logger } from 'pino';

type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

export class BrokerLogger extends Loggers.Base<Record<string, never>> {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    super({});
    this.#logger = logger;
  }

  override getLogHandler(bindings: { readonly mod: string } | null) {
    const child = this.#logger.child({ module: bindings?.mod ?? 'broker' });
    return (type: Level, args: unknown[]): void => {
      // The framework tells at `info` what only its own developers want to read.
      const level = type === 'info' ? 'debug' : type;
      const [first, ...rest] = args;
      if (first instanceof Error) child[level]({ err: first }, first.message);
      else child[level]([first, ...rest].map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join(' '));
    };
  }
}
