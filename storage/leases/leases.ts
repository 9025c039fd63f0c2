/**
 * Leases: who may run a stage on a partition, for how long, under which epoch.
 *
 * Adapters: `in-process-leases.ts` (embedded), `kv-leases.ts` (cluster). All pass `test/conformance/leases.conformance.ts`.
 */
import type { StageName } from '../../models/stages/stage.js';

/** What one process at a time does: a stage on each partition, reading from MQTT, or taking a backup. */
export type LeasedWork = StageName | 'mqtt' | 'backup';

export interface LeaseId {
  readonly stage: LeasedWork;
  readonly partition: number;
}

export interface Lease {
  readonly id: LeaseId;
  readonly holder: string;
  /** Grows with every acquisition of this lease by anybody, over restarts of the holder (fencing token). */
  readonly epoch: number;
}

export interface Leases {
  /** How long a lease lasts after its last renewal, in ms. */
  readonly ttlMs: number;
  /**
   * Takes the lease if it is free or has run out; undefined when somebody else holds it. It lasts `ttlMs` from some moment of
   * this call, so count from before it.
   */
  acquire(id: LeaseId, holder: string): Promise<Lease | undefined>;
  /** Extends the lease to `ttlMs` from some moment of this call. False: it is no longer ours; stop at once. */
  renew(lease: Lease): Promise<boolean>;
  /** Gives it back. No error when it is no longer ours, or when nobody can be told: then it runs out. */
  release(lease: Lease): Promise<void>;
  /** Who holds it now, if anybody. */
  holder(id: LeaseId): Promise<string | undefined>;
  /**
   * Partition → holder of all leases of a stage, as last heard: may be late by a moment. For placing and routing, never for
   * safety.
   */
  holders(stage: LeasedWork): ReadonlyMap<number, string>;
  /** Calls back after somebody has taken, given back or lost a lease, as far as it is heard. Returns how to end that. */
  onChange(listener: () => void): () => void;
  close(): Promise<void>;
}
