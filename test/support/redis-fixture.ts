/** A redis-server, its connections, and a log for what it has no room for. */
import { ScoreBatch, ScoreKind } from '../../models/domain/score-batch.js';
import { LmdbJournal } from '../../storage/journal/lmdb-journal.js';
import { LmdbEnvironment } from '../../storage/lmdb/lmdb-environment.js';
import { LogHistory, type LogHistoryOptions } from '../../storage/read-side/log-history.js';
import { RedisReadSide, type RedisReadSideOptions } from '../../storage/read-side/redis-read-side.js';
import {
  RedisConnection,
  type RedisAddress,
  type RedisConnectionOptions,
} from '../../storage/redis/redis-connection.js';

export class RedisFixture {
  readonly journal: LmdbJournal;
  readonly #environment: LmdbEnvironment;
  readonly #connections: RedisConnection[] = [];

  constructor(folder: string) {
    this.#environment = LmdbEnvironment.open(folder);
    this.journal = new LmdbJournal(this.#environment);
  }

  async connect(address: RedisAddress, options?: RedisConnectionOptions): Promise<RedisConnection> {
    const redis = await RedisConnection.open(address, options);
    this.#connections.push(redis);
    return redis;
  }

  /** As another process would have it: with a connection of its own. */
  async readSide(
    address: RedisAddress,
    options: Partial<RedisReadSideOptions> & { readonly log?: LogHistoryOptions } = {},
  ): Promise<RedisReadSide> {
    const history = new LogHistory(this.journal, options.log);
    return new RedisReadSide(await this.connect(address, { commandTimeoutMs: 1_000 }), {
      partitions: 1,
      history,
      ...options,
    });
  }

  async close(): Promise<void> {
    for (const redis of this.#connections) redis.close();
    await this.journal.close();
    await this.#environment.close();
  }
}

/** A chunk of rows of one device: scored at these times, arrived at once. */
export function chunkAt(times: readonly number[], device = 'default/pump', channels = ['temp']): ScoreBatch {
  const batch = ScoreBatch.create();
  for (const timeMs of times) batch.add(ScoreKind.score, 0, device, timeMs, timeMs, 'standard', 'v1', channels);
  return batch;
}

export const upTo = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
