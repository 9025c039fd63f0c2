/** Leases for one process: who holds what is kept in memory, only the epochs outlive it. */
import type { EpochCounter } from './epoch-counter.js';
import type { Lease, LeasedWork, LeaseId, Leases } from './leases.js';

export interface InProcessLeasesOptions {
  /** Default 10,000. */
  readonly ttlMs?: number;
  /** A monotonic clock in ms. Default `performance.now`. */
  readonly nowMs?: () => number;
}

interface Held {
  readonly lease: Lease;
  /** By `nowMs`; Infinity while the acquisition is being written down. */
  untilMs: number;
}

export class InProcessLeases implements Leases {
  readonly ttlMs: number;
  readonly #nowMs: () => number;
  readonly #epochs: EpochCounter;
  readonly #held = new Map<string, Held>();
  readonly #listeners = new Set<() => void>();

  constructor(epochs: EpochCounter, options: InProcessLeasesOptions = {}) {
    this.#epochs = epochs;
    this.ttlMs = options.ttlMs ?? 10_000;
    if (!(this.ttlMs > 0)) throw new RangeError(`ttlMs must be > 0, got ${this.ttlMs}`);
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  async acquire(id: LeaseId, holder: string): Promise<Lease | undefined> {
    const name = leaseName(id);
    if (this.#current(name) !== undefined) return undefined;
    // Reserved before the first await, so that of two who ask at once only one is told yes.
    const reserved: Held = { lease: { id, holder, epoch: 0 }, untilMs: Infinity };
    this.#held.set(name, reserved);
    try {
      const lease: Lease = { id, holder, epoch: await this.#epochs.next(id) };
      this.#held.set(name, { lease, untilMs: this.#nowMs() + this.ttlMs });
      this.#changed();
      return lease;
    } catch (error) {
      this.#held.delete(name);
      throw error;
    }
  }

  renew(lease: Lease): Promise<boolean> {
    const held = this.#current(leaseName(lease.id));
    if (held?.lease.epoch !== lease.epoch) return Promise.resolve(false);
    held.untilMs = this.#nowMs() + this.ttlMs;
    return Promise.resolve(true);
  }

  release(lease: Lease): Promise<void> {
    const name = leaseName(lease.id);
    if (this.#current(name)?.lease.epoch === lease.epoch) this.#forget(name);
    return Promise.resolve();
  }

  holder(id: LeaseId): Promise<string | undefined> {
    return Promise.resolve(this.#current(leaseName(id))?.lease.holder);
  }

  holders(stage: LeasedWork): ReadonlyMap<number, string> {
    const holders = new Map<number, string>();
    for (const name of this.#held.keys()) {
      const held = this.#current(name);
      if (held?.lease.id.stage === stage) holders.set(held.lease.id.partition, held.lease.holder);
    }
    return holders;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#listeners.clear();
    this.#held.clear();
    return Promise.resolve();
  }

  #current(name: string): Held | undefined {
    const held = this.#held.get(name);
    if (held === undefined || held.untilMs > this.#nowMs()) return held;
    this.#forget(name);
    return undefined;
  }

  #forget(name: string): void {
    this.#held.delete(name);
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function leaseName({ stage, partition }: LeaseId): string {
  return `${stage}.${partition}`;
}
