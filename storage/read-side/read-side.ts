/**
 * The read side: what people look at. Everything in it is a projection of the topics `scores` and `alerts`, plus short-lived
 * answers (jobs, idempotency keys, caches). Losing it loses no reading: it is filled again from the log.
 *
 * Adapters: `lmdb-read-side.ts` (embedded). All pass `test/conformance/read-side.conformance.ts`.
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
export type Shelf = 'idempotency' | 'job' | 'cache';

export type ProjectedTopic = 'scores' | 'alerts';

export interface ReadSide {
  /**
   * Shows the records of one chunk at once; may keep them in memory until `flush`. A sequence at or below `position` or one
   * already shown changes nothing. What is kept of `batch` is copied before this returns: the caller uses it again at once.
   *
   * @throws StorageFailedError when more is unflushed than fits; nothing of the chunk is shown.
   */
  writeScores(partition: number, sequence: number, batch: ScoreBatch): Promise<void>;
  writeAlerts(partition: number, sequence: number, batch: AlertBatch): Promise<void>;
  /** Everything up to this sequence is kept for good; deliver again from the next one after a restart. 0: nothing yet. */
  position(topic: ProjectedTopic, partition: number): Promise<number>;
  /** Makes all that was written durable, all of a partition at once together with its position. */
  flush(): Promise<void>;
  /** Rows written since the last flush; the caller flushes before it grows large. */
  readonly unflushedRows: number;
  /**
   * Forgets score rows that arrived (`receivedMs`) before `beforeMs`, and resolved alerts whose last change did. By arrival, since
   * data with old timestamps may be brought in today. A row may stay as long as a later one that is stored with it. One call
   * does a bounded amount, the oldest first. Resolves with how many rows went.
   */
  expire(beforeMs: number): Promise<number>;

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
