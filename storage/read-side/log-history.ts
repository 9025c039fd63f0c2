/**
 * Score rows of one device, read from the topic `scores`: what the read side has no room for is still in the log.
 *
 * Chunks of a partition hold rows of all of its devices, so this costs by the chunk, not by the row. Each call is bounded, by
 * chunks and by bytes; one chunk is always looked at. Where rows lie is found by binary search over the chunks' log time,
 * which is arrival time and never goes back within a partition.
 */
import { chunkTimeMs } from '../../models/domain/chunk.js';
import { isForget } from '../../models/domain/command.js';
import type { DeviceKey } from '../../models/domain/identity.js';
import { ScoreBatch, ScoreKind } from '../../models/domain/score-batch.js';
import { StorageCorruptError, StorageFailedError } from '../../models/errors.js';
import { EventLoopSlices } from '../event-loop-slices.js';
import type { Journal, JournalRecord } from '../journal/journal.js';
import { RowList } from './row-list.js';

export interface LogHistoryOptions {
  /** Chunks that one call looks at. Default 4,096. */
  readonly maxChunks?: number;
  /** Bytes of them. Default 32 MiB, some 100 ms. */
  readonly maxBytes?: number;
  /** How much later than its arrival a reading may say it is, in ms. Default 15 minutes; rows of outcome `future` beyond it are
   * not found here. */
  readonly futureSkewMs?: number;
  /** Told of chunks that cannot be read and are left out. Default: nobody. */
  readonly onDamage?: (message: string) => void;
}

/** Sequences, both inclusive. */
export interface ChunkRange {
  readonly from: number;
  readonly to: number;
  /** Of the chunk `to` so many rows of the device, its first ones. Default: all. */
  readonly rowsOfLast?: number;
}

const READ_RECORDS = 256;
const READ_BYTES = 1_048_576;
const LONGEST_WAIT_MS = 2_000;
/** Backwards the log is read piece by piece, each forwards. */
const PIECE_CHUNKS = 64;
const DEFAULT_SKEW_MS = 900_000;

interface Budget {
  chunks: number;
  bytes: number;
}

export class LogHistory {
  readonly futureSkewMs: number;
  readonly #journal: Journal;
  readonly #maxChunks: number;
  readonly #maxBytes: number;
  readonly #onDamage: (message: string) => void;

  constructor(journal: Journal, options: LogHistoryOptions = {}) {
    this.#journal = journal;
    this.#maxChunks = options.maxChunks ?? 4_096;
    this.#maxBytes = options.maxBytes ?? 33_554_432;
    this.futureSkewMs = options.futureSkewMs ?? DEFAULT_SKEW_MS;
    this.#onDamage = options.onDamage ?? (() => undefined);
  }

  /** Lowest sequence still there; one more than the last when there is none. */
  async first(partition: number): Promise<number> {
    return (await this.#journal.state({ topic: 'scores', partition })).first;
  }

  /**
   * The first chunk of `range` whose log time is at or after `timeMs`; `range.to + 1` when there is none.
   *
   * @throws StorageFailedError the log does not answer, or was trimmed meanwhile.
   */
  async firstAt(partition: number, timeMs: number, { from, to }: ChunkRange): Promise<number> {
    if (from > to || timeMs === -Infinity) return from;
    if (timeMs === Infinity || (await this.#timeOf(partition, to)) < timeMs) return to + 1;
    let [low, high] = [from, to];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((await this.#timeOf(partition, middle)) < timeMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Rows of a device in log order.
   *
   * @param wanted of a row, by its time and arrival.
   * @returns `to`: the last chunk that was looked at, `range.to` when the bound was not reached.
   * @throws StorageFailedError as `firstAt`.
   */
  async forwards(
    partition: number,
    device: DeviceKey,
    range: ChunkRange,
    wanted: (timeMs: number, receivedMs: number) => boolean,
  ): Promise<{ readonly rows: RowList; readonly to: number }> {
    const rows = new RowList();
    const to = await this.#read(partition, range, this.#budget(), (record) =>
      this.#pick(record, device, wanted, rows, record.sequence === range.to ? range.rowsOfLast : undefined),
    );
    return { rows, to };
  }

  /** As `forwards`, from the end on, until there are `enough` rows or the bound is reached. In log order, too. */
  async backwards(
    partition: number,
    device: DeviceKey,
    { from, to, rowsOfLast }: ChunkRange,
    wanted: (timeMs: number, receivedMs: number) => boolean,
    enough: number,
  ): Promise<RowList> {
    const pieces: RowList[] = [];
    const budget = this.#budget();
    let length = 0;
    for (let end = to; end >= from && length < enough && isLeft(budget); end -= PIECE_CHUNKS) {
      const piece = new RowList();
      const range = { from: Math.max(from, end - PIECE_CHUNKS + 1), to: end };
      // A piece is read whole, else its newest rows would be missing.
      await this.#read(partition, range, { chunks: Infinity, bytes: Infinity }, (record) => {
        budget.chunks--;
        budget.bytes -= record.payload.length;
        this.#pick(record, device, wanted, piece, record.sequence === to ? rowsOfLast : undefined);
      });
      pieces.push(piece);
      length += piece.length;
    }
    const rows = new RowList();
    for (const piece of pieces.reverse()) rows.pushFrom(piece, 0, piece.length);
    return rows;
  }

  #budget(): Budget {
    return { chunks: this.#maxChunks, bytes: this.#maxBytes };
  }

  async #timeOf(partition: number, sequence: number): Promise<number> {
    const reader = this.#journal.read({ topic: 'scores', partition }, sequence);
    try {
      const [record] = await reader.next(1, 1, LONGEST_WAIT_MS);
      if (record === undefined) throw this.#silent(partition, sequence);
      return chunkTimeMs(record.payload);
    } finally {
      reader.close();
    }
  }

  async #read(
    partition: number,
    { from, to }: ChunkRange,
    budget: Budget,
    take: (record: JournalRecord) => void,
  ): Promise<number> {
    if (from > to) return to;
    const reader = this.#journal.read({ topic: 'scores', partition }, from);
    const slices = new EventLoopSlices();
    try {
      for (let next = from; next <= to;) {
        const records = await reader.next(Math.min(READ_RECORDS, to - next + 1), READ_BYTES, LONGEST_WAIT_MS);
        if (records.length === 0) throw this.#silent(partition, next);
        for (const record of records) {
          if (record.sequence > to) return to;
          take(record);
          next = record.sequence + 1;
          budget.chunks--;
          budget.bytes -= record.payload.length;
          if (!isLeft(budget)) return record.sequence;
          await slices.pause();
        }
      }
      return to;
    } finally {
      reader.close();
    }
  }

  #pick(
    { payload, sequence }: JournalRecord,
    device: DeviceKey,
    wanted: (timeMs: number, receivedMs: number) => boolean,
    rows: RowList,
    most = Infinity,
  ): void {
    try {
      const batch = ScoreBatch.decode(payload);
      const index = batch.devices.list.indexOf(device);
      if (index === -1) return;
      let seen = 0;
      for (let i = afterForget(batch, index); i < batch.length && seen < most; i++) {
        if (batch.device.data[i] !== index || batch.kind.data[i] === ScoreKind.command) continue;
        seen++;
        if (wanted(batch.timeMs.data[i]!, batch.receivedMs.data[i]!)) rows.push(batch, i);
      }
    } catch (error) {
      if (!(error instanceof StorageCorruptError)) throw error;
      this.#onDamage(`chunk ${sequence} of the scores is left out: ${error.message}`);
    }
  }

  #silent(partition: number, sequence: number): StorageFailedError {
    return new StorageFailedError(`scores.${partition} gave no record ${sequence} within ${LONGEST_WAIT_MS} ms`);
  }
}

/** Where the rows of a device begin that are still to be shown: after the last command to forget it. */
function afterForget(batch: ScoreBatch, device: number): number {
  for (let i = batch.length - 1; i >= 0; i--) {
    const isCommand = batch.kind.data[i] === ScoreKind.command && batch.device.data[i] === device;
    if (isCommand && isForget(batch.commandText(i))) return i + 1;
  }
  return 0;
}

const isLeft = ({ chunks, bytes }: Budget): boolean => chunks > 0 && bytes > 0;
