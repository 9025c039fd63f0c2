/** Broker options of one process, each with its reason. Built from validated settings; nothing here reads the environment. */
import { randomBytes, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { BrokerOptions } from 'moleculer';
import type { Logger } from 'pino';
import { BrokerLogger } from './mixins/broker-logger.js';
import type { BusBrokerOptions } from './mixins/bus/bus.js';
import { countsAgainstNode } from './mixins/bus/bus-errors.js';
import { HEARTBEAT_SEC, SILENT_AFTER_SEC } from './mixins/routing/live-nodes.js';
import { PARTITION_STRATEGY } from './mixins/routing/partition-strategy.js';
import { roleOf, type Settings } from './models/settings.js';

/** Longest time a graceful stop may take: commit, snapshot and hand over of all partitions. */
export const SHUTDOWN_MS = 20_000;

/**
 * A name that no other process has or had: leases and fences tell owners apart by it. It begins with the service, as a token of
 * its own, since it is part of the subject on which the node takes calls: so a NATS user can be allowed to call one service
 * and not another (`k8s/nats/`).
 */
export function newNodeId(settings: Pick<Settings, 'services'>): string {
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9_-]/g, '-')
    .slice(0, 63);
  return `${roleOf(settings)}.${host}-${process.pid}-${randomBytes(4).toString('hex')}`;
}

/**
 * @param transporter undefined: this process is alone.
 * @param bus what makes calls trustworthy (`mixins/bus/bus.ts`).
 */
export function brokerOptions(
  settings: Settings,
  nodeId: string,
  logger: Logger,
  transporter: BrokerOptions['transporter'],
  bus: BusBrokerOptions,
): BrokerOptions {
  return {
    // Time limits, retries of what may be done twice, errors that keep their type, places for calls, and who may call.
    ...bus,
    namespace: settings.namespace,
    nodeID: nodeId,
    ...(transporter !== undefined && { transporter }),
    // The framework's 10 and 30 s leave a dead node alive for up to a minute, since it looks only once per timeout.
    heartbeatInterval: HEARTBEAT_SEC,
    heartbeatTimeout: SILENT_AFTER_SEC,
    logger: new BrokerLogger(logger),
    // The framework's default lets SIGTERM drop the calls in flight.
    tracking: { enabled: true, shutdownTimeout: SHUTDOWN_MS },
    registry: {
      // A call for a device must reach its owner, also when this process has the service too.
      preferLocal: false,
      strategy: PARTITION_STRATEGY,
      stopDelay: 0,
    },
    circuitBreaker: {
      enabled: true,
      threshold: 0.5,
      windowTime: 30,
      minRequestCount: 20,
      halfOpenTime: 5_000,
      check: countsAgainstNode,
    },
    // An answer is taken for that of the node that was called by this id alone: the framework's own ids come from `Math.random`,
    // which can be foretold from a few of them.
    uidGenerator: () => randomUUID(),
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
