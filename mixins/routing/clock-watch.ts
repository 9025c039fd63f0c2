/** Shows how far apart the clocks of the cluster are: readings are stamped with the time of whoever takes them. */
import type { ServiceBroker } from 'moleculer';
import { Gauge, type Registry } from 'prom-client';
import { clockOffsets } from './clock-offsets.js';

const LOOK_EVERY_MS = 30_000;

export class ClockWatch {
  readonly #broker: ServiceBroker;
  readonly #nodes: () => readonly string[];
  readonly #offset: Gauge;
  readonly #failed: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param nodes those that are alive. @param failed told of each time that they could not be asked */
  constructor(
    broker: ServiceBroker,
    nodes: () => readonly string[],
    registry: Registry,
    failed: (error: unknown) => void,
  ) {
    this.#broker = broker;
    this.#nodes = nodes;
    this.#failed = failed;
    this.#offset = clockOffsetGauge(registry);
  }

  start(): void {
    this.#timer = setInterval(() => void this.look().catch(this.#failed), LOOK_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async look(): Promise<void> {
    let widestMs = 0;
    for (const { aheadMs, roundTripMs } of await clockOffsets(this.#broker, this.#nodes())) {
      // An answer that was long on its way says little: only what it cannot explain counts.
      if (aheadMs !== null) widestMs = Math.max(widestMs, Math.abs(aheadMs) - (roundTripMs ?? 0) / 2);
    }
    this.#offset.set(widestMs / 1_000);
  }
}

export function clockOffsetGauge(registry: Registry): Gauge {
  return new Gauge({
    name: 'redshank_clock_offset_seconds',
    help: 'How far the clock of another process is from that of this one, of the one that is farthest',
    registers: [registry],
  });
}
