/** Epochs in an LMDB environment: table `epochs`, keyed by index of the work and partition. */
import { STAGES } from '../../models/stages/stage.js';
import { openNumbers, sealNumbers } from '../lmdb/checked-value.js';
import type { LmdbEnvironment } from '../lmdb/lmdb-environment.js';
import type { LmdbTable } from '../lmdb/write-set.js';
import type { EpochCounter } from './epoch-counter.js';
import type { LeasedWork, LeaseId } from './leases.js';

/** Only ever grows at its end: what is stored holds the index. */
const WORKS: readonly LeasedWork[] = [...STAGES, 'mqtt', 'backup'];

export class LmdbEpochCounter implements EpochCounter {
  readonly #environment: LmdbEnvironment;
  readonly #table: LmdbTable;
  /** Numbers handed out: a count that could not be stored is skipped, never given twice. */
  readonly #latest = new Map<string, number>();

  constructor(environment: LmdbEnvironment) {
    this.#environment = environment;
    this.#table = environment.table('epochs');
  }

  async next({ stage, partition }: LeaseId): Promise<number> {
    const name = `${stage}.${partition}`;
    const key = [WORKS.indexOf(stage), partition];
    const stored = this.#table.getBinary(key);
    const before = stored === undefined ? 0 : openNumbers(stored, 1, `the epoch of ${name}`)[0]!;
    const epoch = Math.max(before, this.#latest.get(name) ?? 0) + 1;
    this.#latest.set(name, epoch);
    await this.#environment.commit((writes) => writes.put(this.#table, key, sealNumbers(epoch)));
    return epoch;
  }
}
