/** What the bus counts. Labels come from our own tables: an action or event that a stranger names is never one. */
import { Counter, type Registry } from 'prom-client';

export interface BusMetrics {
  readonly retries: Counter<'reason'>;
  readonly refusedCalls: Counter<'reason'>;
  readonly refusedEvents: Counter;
}

export function busMetrics(registry: Registry): BusMetrics {
  const registers = [registry];
  return {
    retries: new Counter({
      name: 'redshank_bus_retries_total',
      help: 'Calls made again: at another owner, or after a wait',
      labelNames: ['reason'],
      registers,
    }),
    refusedCalls: new Counter({
      name: 'redshank_bus_refused_calls_total',
      help: 'Calls of other processes refused for want of a credential that allows them',
      labelNames: ['reason'],
      registers,
    }),
    refusedEvents: new Counter({
      name: 'redshank_bus_refused_events_total',
      help: 'Events of other processes dropped for want of a ticket',
      registers,
    }),
  };
}
