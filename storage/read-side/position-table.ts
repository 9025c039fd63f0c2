/** How far each topic and partition is projected: table `positions`, key [topic, partition]. */
import { openNumbers, sealNumbers } from '../lmdb/checked-value.js';
import type { LmdbEnvironment } from '../lmdb/lmdb-environment.js';
import type { LmdbTable, WriteSet } from '../lmdb/write-set.js';
import type { ProjectedTopic } from './read-side.js';

const TOPIC_CODE: Readonly<Record<ProjectedTopic, number>> = { scores: 0, alerts: 1 };

export class PositionTable {
  readonly #table: LmdbTable;

  constructor(environment: LmdbEnvironment) {
    this.#table = environment.table('positions');
  }

  get(topic: ProjectedTopic, partition: number): number {
    const value = this.#table.getBinary([TOPIC_CODE[topic], partition]);
    return value === undefined ? 0 : openNumbers(value, 1, `the position in ${topic}.${partition}`)[0]!;
  }

  /** Forgets all. */
  clear(writes: WriteSet): void {
    writes.clear(this.#table);
  }

  put(writes: WriteSet, topic: ProjectedTopic, partition: number, sequence: number): void {
    writes.put(this.#table, [TOPIC_CODE[topic], partition], sealNumbers(sequence));
  }
}
