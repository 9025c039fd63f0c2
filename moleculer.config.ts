/** Broker options of one process, each with its reason. Built from validated settings; nothing here reads the environment. */
import { hostname } from 'node:os';
import type { BrokerOptions } from 'moleculer';
import type { Logger } from 'pino';
import { BrokerLogger } from './mixins/broker-logger.js';
import type { Settings } from './models/settings.js';

/** Longest time a graceful stop may take: commit, snapshot and hand over of all partitions. */
export const SHUTDOWN_MS = 20_000;

export function brokerOptions(settings: Settings, logger: Logger): BrokerOptions {
  return {
    namespace: 'redshank',
    nodeID: `${hostname()}-${process.pid}`,
    logger: new BrokerLogger(logger),
    // The framework's default, 0, waits for ever.
    requestTimeout: settings.requestTimeoutMs,
    // Only callers know which of their calls are idempotent: they ask for retries one by one.
    retryPolicy: { enabled: false },
    // The framework's default lets SIGTERM drop the calls in flight.
    tracking: { enabled: true, shutdownTimeout: SHUTDOWN_MS },
    registry: {
      // A call for a device must reach its owner, also when this process has the service too.
      preferLocal: false,
      strategy: 'RoundRobin',
      stopDelay: 0,
    },
    circuitBreaker: {
      enabled: true,
      threshold: 0.5,
      windowTime: 30,
      minRequestCount: 20,
      halfOpenTime: 5_000,
      // Refusals that are the system working as designed (`OVERLOADED`, `NOT_OWNER`) must not open the breaker on top.
      check: (error: Error & { readonly code?: unknown; readonly retryable?: unknown }) =>
        typeof error.code === 'number' && error.code >= 500 && error.retryable !== true,
    },
    // Parameters are checked by the actions themselves, with the schemas that HTTP uses too.
    validator: false,
    internalServices: false,
    metrics: { enabled: false },
    tracing: { enabled: false },
    // Services of one process wait for each other when they start.
    dependencyInterval: 50,
    // Signals are handled by whoever started this process.
    skipProcessEventRegistration: true,
  };
}
