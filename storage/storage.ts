/** The ports of a running system, opened together. Who uses them does not see which adapters stand behind. */
import type { Blobs } from './blobs/blobs.js';
import type { Journal } from './journal/journal.js';
import type { Leases } from './leases/leases.js';
import type { OpenLimiter } from './limits/limiters.js';
import type { OpenMqttFeeds } from './nats/mqtt-feeds.js';
import type { ReadSide } from './read-side/read-side.js';

/** What the log takes, and what it may still take. */
export interface LogSpace {
  readonly usedBytes: number;
  /** Undefined where nobody has set a limit that we could be told of. */
  readonly freeBytes: number | undefined;
  /** With less than this free no reading is taken. Default 0. */
  readonly neededBytes?: number;
}

export interface Storage {
  readonly mode: 'embedded' | 'cluster';
  readonly journal: Journal;
  readonly leases: Leases;
  readonly blobs: Blobs;
  /** Trained models, named by their content. Apart from the other blobs: others may write them. */
  readonly models: Blobs;
  readonly readSide: ReadSide;
  /** What MQTT clients publish; undefined where there is no broker for them. */
  readonly mqtt: OpenMqttFeeds | undefined;
  /** Counting limits, of all processes together. */
  readonly limiter: OpenLimiter;
  /** Why the log cannot be reached at this moment, in words for people; undefined while it can. */
  outage(): string | undefined;
  /** Why people would be shown old scores and alerts, or none, at this moment; undefined while the read side can be reached. */
  readSideOutage(): string | undefined;
  /** @throws StorageFailedError while the log cannot be reached */
  logSpace(): Promise<LogSpace>;
  /** Whether a backup is being taken: nothing may be trimmed then. */
  isBackupRunning(): Promise<boolean>;
  /** Flushes, closes every port and gives the data directory or the connections free. Idempotent. */
  close(): Promise<void>;
}
