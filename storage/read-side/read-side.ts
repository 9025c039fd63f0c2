/**
 * The read side: what people look at. Everything in it is a projection of the topics `scores` and `alerts`, plus short-lived
 * answers (jobs, idempotency keys, caches). Losing it loses no reading: it is filled again from the log.
 *
 * While it is filled it shows each partition as it was at an earlier moment of its log, as it does whenever it is behind: never
 * a mixture of two moments. Counts of a device begin where the log that is left begins.
 *
 * A command `device.forget` among the scores forgets the device and its rows up to there, a record `forgotten` among the alerts its
 * alerts: at once for those who look, while what is stored of it may go bit by bit.
 *
 * Adapters: `lmdb-read-side.ts` (embedded), `redis-read-side.ts` (cluster). All pass `test/conformance/read-side.conformance.ts`.
 */
import type { Alert, AlertBatch, AlertStatus } from '../../models/domain/alert.js';
import type { Outcome } from '../../models/domain/outcome.js';
import type { ScoreBatch } from '../../models/domain/score-batch.js';

export interface DeviceSummary {
  readonly tenant: string;
  readonly device: string;
  readonly profile: string;
  /** Version of the definition that scored last. */
  readonly model: string;
  readonly phase: 'warming' | 'ready';
  /** 0 to 1. */
  readonly progress: number;
  readonly channels: readonly string[];
  /** Unix ms at which the device came up, or came back after it was forgotten; undefined: it was known before that was kept. */
  readonly firstSeenMs: number | undefined;
  /** Unix ms at which the latest reading of any outcome arrived. */
  readonly lastSeenMs: number;
  /** Unix ms, event time of the latest scored reading; undefined before the first. */
  readonly lastReadingMs: number | undefined;
  readonly lastScore: number | undefined;
  readonly threshold: number | undefined;
  readonly isAnomaly: boolean;
  /** True from a silence record until the next scored reading. */
  readonly isSilent: boolean;
  /** Readings by outcome, since the device was first seen. Filled steps are counted under `filled`. */
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** Ids of alerts that are not resolved. */
  readonly openAlerts: readonly string[];
}

export interface ScoreQuery {
  /** Unix ms, inclusive. Without it: the latest `limit` rows before `toMs`. */
  readonly fromMs?: number;
  /** Unix ms, inclusive. */
  readonly toMs?: number;
  /** 1 to 100,000 rows; else `scores` rejects with RequestInvalidError, as for a cursor that is not ours. */
  readonly limit: number;
  /** `next` of the page before. Only with the same `fromMs`/`toMs`. */
  readonly cursor?: string;
}

export interface ScorePage {
  /** Rows of one device, by event time, equal times in log order: scored, filled, silence, and refused readings. No commands. */
  readonly batch: ScoreBatch;
  /** Give it back for the rows after these; undefined at the end. Always undefined without `fromMs`. */
  readonly next: string | undefined;
  /** True where older rows are missing because they could not be read. */
  readonly isOlderUnread?: boolean;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

export interface AlertQuery {
  readonly status?: AlertStatus;
  readonly device?: string;
  /** 1 to 1,000. */
  readonly limit: number;
  readonly cursor?: string;
}

/** What `put` and `get` keep apart. */
export type Shelf = 'idempotency' | 'job' | 'cache' | 'key-use' | 'birth';

export type ProjectedTopic = 'scores' | 'alerts';

export interface ReadSide {
  /**
   * Shows the records of one chunk when it resolves; may keep them in memory until `flush`. A sequence at or below `position` or
   * one already shown changes nothing, whoever wrote it. What is kept of `batch` is copied before this returns: the caller uses it
   * again at once, and need not wait before it writes the next chunk.
   *
   * @param partition the one to which the devices in it belong (`partitionOf`).
   * @param after what the caller takes to be shown. Default 0: no matter what.
   * @returns the position that is kept now: `sequence` at once where nothing waits for `flush`.
   * @throws StorageFailedError nothing of the chunk is shown (but a write whose answer was lost may show later): less is shown
   *   than `after`, so that rows in between would be missing; more is unflushed than fits; the store is away.
   */
  writeScores(partition: number, sequence: number, batch: ScoreBatch, after?: number): Promise<number>;
  writeAlerts(partition: number, sequence: number, batch: AlertBatch, after?: number): Promise<number>;
  /**
   * Everything up to this sequence is kept; deliver again from the next one after a restart. 0: nothing yet. It goes back when the
   * store was emptied, replaced or restored, or after `forget`: what is missing then has to be delivered again.
   *
   * @throws StorageFailedError the store is away.
   */
  position(topic: ProjectedTopic, partition: number): Promise<number>;
  /** Makes all that was written durable, all of a partition at once together with its position. */
  flush(): Promise<void>;
  /** Rows written since the last flush; the caller flushes before it grows large. */
  readonly unflushedRows: number;
  /**
   * Forgets score rows that arrived (`receivedMs`) before `beforeMs`, and resolved alerts whose last change did. By arrival, since
   * data with old timestamps may be brought in today. A row may stay as long as a later one that is stored with it. One call
   * does a bounded amount, the oldest first. Resolves with how many rows went; of those that are read from the log none are counted.
   */
  expire(beforeMs: number): Promise<number>;
  /** Forgets the projections of both topics, all at once or partition by partition, so that they are filled again. Shelves stay. */
  forget(): Promise<void>;

  /**
   * Where only the latest rows of a device are kept beside the log, older ones are read from it, a bounded amount a call. So
   *
   * - without `fromMs` there may be fewer rows than `limit` and than there are: those that could be found. While the log does not
   *   answer these are the latest that are kept, with `isOlderUnread`; where none of them is wanted, it rejects;
   * - with it a page may have fewer rows than `limit`, or none, and a `next` all the same; and in a range that is too long for one
   *   call, rows that came late stand behind those that came before them.
   */
  scores(tenant: string, device: string, query: ScoreQuery): Promise<ScorePage>;
  device(tenant: string, device: string): Promise<DeviceSummary | undefined>;
  /** By device id, ascending. `limit` 1 to 1,000. */
  devices(tenant: string, query: { readonly limit: number; readonly cursor?: string }): Promise<Page<DeviceSummary>>;
  alert(tenant: string, id: string): Promise<Alert | undefined>;
  /** Newest `raisedMs` first. */
  alerts(tenant: string, query: AlertQuery): Promise<Page<Alert>>;

  /** `key` is any text; it is hashed before it becomes part of a key. Durable when it resolves. */
  put(shelf: Shelf, tenant: string, key: string, value: Uint8Array, ttlMs: number, nowMs: number): Promise<void>;
  get(shelf: Shelf, tenant: string, key: string, nowMs: number): Promise<Uint8Array | undefined>;

  close(): Promise<void>;
}
