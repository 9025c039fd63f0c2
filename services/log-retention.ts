/**
 * How much of each log is kept beyond what its stage needs for a replay.
 *
 * `readings` and `frames`: nothing. `scores` and `alerts` fill the read side. Embedded, they go once it has them on disk. In a
 * cluster they stay for as long as people may look at them, since Redis keeps only the latest rows and may lose those. While Redis is
 * away time and size still bound them: what is trimmed then before it was shown is gone from what people see, but from no result.
 */
import { StorageFailedError } from '../models/errors.js';
import type { Topic } from '../models/stages/stage.js';
import { firstAt } from '../storage/journal/first-at.js';
import { scoreLogFloor } from '../storage/read-side/log-floor.js';
import type { ProjectedTopic } from '../storage/read-side/read-side.js';
import type { Storage } from '../storage/storage.js';

/**
 * The highest sequence of a topic that may be trimmed; 0: none.
 *
 * @param done input at or before it is needed by no replay of the stage that reads `topic`; Infinity where none reads it.
 */
export type Trimmable = (topic: Topic, partition: number, done: number) => Promise<number>;

export interface RetentionOptions {
  /** How long arrivals stay, in ms. */
  readonly keepMs: number;
  /** Most bytes of one partition of a topic. */
  readonly maxBytes: number;
  /** Unix ms */
  readonly wallMs: () => number;
}

export function logRetention(storage: Storage, options: RetentionOptions): Trimmable {
  const { journal, readSide, mode } = storage;

  async function keptFloor(topic: ProjectedTopic, partition: number, done: number): Promise<number> {
    const stream = { topic, partition };
    const state = await journal.state(stream);
    if (mode === 'embedded') {
      return Math.min(done, await readSide.position(topic, partition), state.last - 1);
    }
    const readersDone = Math.min(done, await shown(topic, partition));
    const range = { from: state.first, to: Math.min(readersDone, state.last) };
    const firstInTime = await firstAt(journal, stream, options.wallMs() - options.keepMs, range);
    return scoreLogFloor({ state, readersDone, firstInTime, maxBytes: options.maxBytes }) - 1;
  }

  async function shown(topic: ProjectedTopic, partition: number): Promise<number> {
    try {
      return await readSide.position(topic, partition);
    } catch (error) {
      if (!(error instanceof StorageFailedError)) throw error;
      return Infinity;
    }
  }

  return (topic, partition, done) =>
    topic === 'scores' || topic === 'alerts' ? keptFloor(topic, partition, done) : Promise.resolve(done);
}
