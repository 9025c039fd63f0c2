/** What the read side shows but has not yet written down, partition by partition. */
import type { DeviceKey } from '../../models/domain/identity.js';
import { ScoreBatch } from '../../models/domain/score-batch.js';
import type { DeviceRecord } from './device-record.js';
import { RowList } from './row-list.js';

/** What one flush of a partition writes in one transaction, together with `position`. */
export class Generation {
  /** All rows, of all devices, in log order: copies, since a caller's batch is used again at once. */
  readonly batch = ScoreBatch.create();
  /** Per device, where its rows are in `batch`. */
  readonly rows = new Map<DeviceKey, RowList>();
  /** Null: the device was forgotten here, and has not come back since. */
  readonly records = new Map<DeviceKey, DeviceRecord | null>();
  /** Devices of which nothing before this generation's rows is known any more. */
  readonly forgotten = new Set<DeviceKey>();
  /** The numbers that they had. */
  readonly forgottenNumbers: number[] = [];
  rowCount = 0;
  /** Last sequence of `scores` in it. */
  position: number;

  constructor(position: number) {
    this.position = position;
  }

  rowsOf(key: DeviceKey): RowList {
    let rows = this.rows.get(key);
    if (rows === undefined) this.rows.set(key, (rows = new RowList()));
    return rows;
  }
}

/** A partition's generations, oldest first. The last one grows; those before it are being written, or could not be. */
export class UnflushedPartition {
  readonly generations: Generation[];
  /** Last sequence of `scores` that is shown. */
  shown: number;
  /** Last sequence of `scores` that is on the disk. */
  flushed: number;

  constructor(position: number) {
    this.generations = [new Generation(position)];
    this.shown = position;
    this.flushed = position;
  }

  get growing(): Generation {
    return this.generations.at(-1)!;
  }

  /** Ends the growing generation, if there is anything in it, and begins another. */
  freeze(): void {
    const { position } = this.growing;
    if (position > (this.generations.at(-2)?.position ?? this.flushed)) this.generations.push(new Generation(position));
  }

  /** The newest record of a device here; null: it was forgotten; undefined: nothing is said of it. */
  record(key: DeviceKey): DeviceRecord | null | undefined {
    for (let i = this.generations.length - 1; i >= 0; i--) {
      const record = this.generations[i]!.records.get(key);
      if (record !== undefined) return record;
    }
    return undefined;
  }
}
