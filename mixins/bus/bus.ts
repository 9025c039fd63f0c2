/** Everything that makes calls over the bus trustworthy, as broker options. */
import type { BrokerOptions, Context } from 'moleculer';
import type { Logger } from 'pino';
import type { Clock } from '../clock.js';
import { BusContext } from './bus-context.js';
import type { BusMetrics } from './bus-metrics.js';
import { bulkhead } from './bulkhead.js';
import { BusErrors, errorBoundary } from './bus-errors.js';
import { callPolicy } from './call-policy.js';
import { endOfCalls } from './end-of-calls.js';
import { membership } from './membership.js';
import { createSeal } from './seal.js';
import { tickets, type TicketOptions } from './tickets.js';

export interface BusOptions extends Pick<TicketOptions, 'findKey'> {
  /** The secret of the cluster, at least 32 bytes; see `services/security/cluster-secret.ts`. */
  readonly secret: Uint8Array;
  /** Name of this process in the tickets that it makes for itself, for example `scorer`. */
  readonly process: string;
  /** Names of services that only processes with the secret may have. */
  readonly ownServices: readonly string[];
  /** Time limit of calls for which nobody names one, in ms, > 0. */
  readonly defaultTimeoutMs: number;
  readonly clock: Clock;
  readonly metrics: BusMetrics;
  readonly logger: Logger;
}

/** The part of the broker options that belongs together. Spread it, and add `circuitBreaker.check: countsAgainstNode`. */
export type BusBrokerOptions = Pick<
  BrokerOptions,
  'requestTimeout' | 'ContextFactory' | 'errorRegenerator' | 'retryPolicy' | 'middlewares'
>;

export function busOptions(options: BusOptions): BusBrokerOptions {
  const seal = createSeal(options.secret, options.process, options.clock);
  return {
    // For what does not go through the call policy.
    requestTimeout: options.defaultTimeoutMs,
    // Its contexts are no more generic than they need to be.
    ContextFactory: BusContext as unknown as typeof Context,
    errorRegenerator: new BusErrors(),
    retryPolicy: { enabled: false },
    middlewares: [
      // The first is the innermost.
      endOfCalls(),
      // A call is checked before it takes a place, and what either says passes the boundary.
      bulkhead(),
      tickets({ ...options, seal }),
      errorBoundary(options.logger),
      callPolicy(options),
      membership({ ...options, seal }),
    ],
  };
}
