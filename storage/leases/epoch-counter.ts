import type { LeaseId } from './leases.js';

/** Counts the acquisitions of each lease, over restarts. */
export interface EpochCounter {
  /** The next number of this lease, >= 1 and higher than any before; durable when it resolves. @throws StorageFailedError */
  next(id: LeaseId): Promise<number>;
}
