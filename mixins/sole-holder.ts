/** Does a work in one process of the cluster at a time: in the one that holds its lease. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lease, LeaseId, Leases } from '../storage/leases/leases.js';
import type { Clock } from './clock.js';
import { widelyHeard } from './widely-heard.js';

export interface SoleHolderOptions {
  readonly leases: Leases;
  readonly id: LeaseId;
  /** Name of this process. */
  readonly holder: string;
  readonly clock: Clock;
  /** Until `signal` is aborted: the lease is lost, or this process stops. May end before; then it begins again. */
  readonly work: (signal: AbortSignal) => Promise<void>;
  /** Neither ends the work of others nor this one for good. */
  readonly failed: (error: unknown) => void;
}

/** As for partitions: a holder stops itself when so much of its lease has passed without a renewal. */
const SAFE_SHARE_OF_TTL = 0.7;
const RENEWALS_A_TTL = 3.3;
const TRY_AGAIN_MS = 1_000;

export class SoleHolder {
  readonly #options: SoleHolderOptions;
  readonly #stopping = widelyHeard();
  #done: Promise<void> = Promise.resolve();

  constructor(options: SoleHolderOptions) {
    this.#options = options;
  }

  start(): void {
    this.#done = this.#run();
  }

  /** Resolves when the work has ended and the lease is given back. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { leases, id, holder, clock, failed } = this.#options;
    while (!this.#stopping.signal.aborted) {
      try {
        const askedMs = clock.monotonicMs();
        const lease = await leases.acquire(id, holder);
        if (lease !== undefined) await this.#hold(lease, askedMs);
      } catch (error) {
        failed(error);
      }
      await sleep(TRY_AGAIN_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
  }

  async #hold(lease: Lease, askedMs: number): Promise<void> {
    const { leases, clock, work, failed } = this.#options;
    const lost = widelyHeard();
    const safeMs = leases.ttlMs * SAFE_SHARE_OF_TTL;
    let safeUntilMs = askedMs + safeMs;
    const renewal = setInterval(() => {
      // Also after a pause of this process, before anything else is done.
      if (clock.monotonicMs() >= safeUntilMs) {
        lost.abort();
        return;
      }
      const sentMs = clock.monotonicMs();
      leases.renew(lease).then((isOurs) => {
        if (isOurs) safeUntilMs = sentMs + safeMs;
        else lost.abort();
      }, failed);
    }, leases.ttlMs / RENEWALS_A_TTL);
    try {
      await work(AbortSignal.any([this.#stopping.signal, lost.signal]));
    } finally {
      clearInterval(renewal);
      await leases.release(lease);
    }
  }
}
