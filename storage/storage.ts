/** The ports of a running system, opened together. Who uses them does not see which adapters stand behind. */
import type { Blobs } from './blobs/blobs.js';
import type { Journal } from './journal/journal.js';
import type { Leases } from './leases/leases.js';
import type { OpenLimiter } from './limits/limiters.js';
import type { OpenMqttFeeds } from './nats/mqtt-feeds.js';
import type { ReadSide } from './read-side/read-side.js';

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
  /** Whether a backup is being taken: nothing may be trimmed then. */
  isBackupRunning(): Promise<boolean>;
  /** Flushes, closes every port and gives the data directory or the connections free. Idempotent. */
  close(): Promise<void>;
}
