/** What every process shows of itself, whichever services it runs. */
import { totalmem } from 'node:os';
import { Gauge, type Registry } from 'prom-client';
import type { ServiceBroker } from 'moleculer';
import type { Logger } from 'pino';
import type { Clock } from '../mixins/clock.js';
import { RecurringFault } from '../mixins/recurring-fault.js';
import { roleOf, type Settings } from '../models/settings.js';
import type { Storage } from '../storage/storage.js';
import { packageVersion } from './package-version.js';

export function nodeMetrics(
  registry: Registry,
  settings: Pick<Settings, 'services'>,
  storage: Pick<Storage, 'outage' | 'readSideOutage'>,
): void {
  const registers = [registry];
  new Gauge({
    name: 'redshank_build_info',
    help: 'Always 1; the labels say which release this is and what it runs',
    labelNames: ['version', 'role'],
    registers,
  }).set({ version: packageVersion(), role: roleOf(settings) }, 1);
  const running = new Gauge({
    name: 'redshank_service_running',
    help: 'Always 1, a service that this process runs',
    labelNames: ['service'],
    registers,
  });
  for (const service of settings.services) running.set({ service }, 1);
  new Gauge({
    name: 'redshank_memory_limit_bytes',
    help: 'Memory that this process may use: the limit of its container, or what the machine has',
    registers,
  }).set(memoryLimit());
  new Gauge({
    name: 'redshank_log_up',
    help: '1 while the log can be reached: NATS, or the disk',
    registers,
    collect() {
      this.set(storage.outage() === undefined ? 1 : 0);
    },
  });
  new Gauge({
    name: 'redshank_read_side_up',
    help: '1 while what people are shown can be reached: Redis, or the disk',
    registers,
    collect() {
      this.set(storage.readSideOutage() === undefined ? 1 : 0);
    },
  });
}

/** A container without a limit is told of one beyond all memory, or of none. */
function memoryLimit(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 && constrained < totalmem() ? constrained : totalmem();
}

/** Payload of the broker's local events about a breaker. */
interface BreakerEvent {
  readonly nodeID: string;
  readonly action: string;
  readonly failures?: number;
  readonly count?: number;
}

/**
 * Breakers that keep calls of this process from others. Of actions at nodes: their names are many, so they are only counted, and the log
 * says which. One that opens again after each trial is told once a minute.
 */
export function watchBreakers(registry: Registry, broker: ServiceBroker, logger: Logger, clock: Clock): void {
  const open = new Map<string, RecurringFault>();
  const nameOf = ({ nodeID, action }: BreakerEvent): string => `${action} ${nodeID}`;
  broker.localBus.on('$circuit-breaker.opened', (event: BreakerEvent) => {
    const { nodeID: node, action, failures, count } = event;
    const name = nameOf(event);
    const fault =
      open.get(name) ?? new RecurringFault(logger, 'warn', 'a circuit breaker has opened', clock.monotonicMs);
    open.set(name, fault);
    fault.happened(undefined, { node, action, failures, count });
  });
  broker.localBus.on('$circuit-breaker.closed', (event: BreakerEvent) => {
    open.delete(nameOf(event));
    logger.info({ node: event.nodeID, action: event.action }, 'a circuit breaker has closed');
  });
  broker.localBus.on('$node.disconnected', ({ node }: { readonly node: { readonly id: string } }) => {
    for (const name of open.keys()) if (name.endsWith(` ${node.id}`)) open.delete(name);
  });
  new Gauge({
    name: 'redshank_bus_open_breakers',
    help: 'Circuit breakers of this process that are open, one an action and node',
    registers: [registry],
    collect() {
      this.set(open.size);
    },
  });
}
