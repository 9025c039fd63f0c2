/** Moleculer's log lines, through our pino logger: one format, one level, one place. */
import { Loggers } from 'moleculer';
import type { Logger } from 'pino';

/**
 * What Moleculer says of a failure that its caller meets too, and reports where it can be told in full, if it matters: asking a
 * node that has just left is part of how partitions move.
 */
const REPORTED_ELSEWHERE = [/^Unable to start all services/, /^ {3}Request error!/, /^Service '[^']*' is not /];

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
      // Each call has a line at `debug`: what nobody reads is not written.
      if (!child.isLevelEnabled(type === 'info' ? 'debug' : type)) return;
      const [first, ...rest] = args;
      const isReportedElsewhere = typeof first === 'string' && REPORTED_ELSEWHERE.some((form) => form.test(first));
      // The framework tells at `info` what only its own developers want to read.
      const level = type === 'info' || isReportedElsewhere ? 'debug' : type;
      if (first instanceof Error) child[level]({ err: first }, first.message);
      else
        child[level](
          [first, ...rest].map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join(' '),
        );
    };
  }
}
