/** A read side whose chunks of scores are in a log first, as they are in the system: where older rows are read from. */
import { ScoreBatch } from '../../models/domain/score-batch.js';
import type { Journal } from '../../storage/journal/journal.js';
import type { ReadSide } from '../../storage/read-side/read-side.js';

/** The same read side, but `writeScores` appends the chunk to `journal` as `sequence`, with empty ones where there are none before it. */
export function withLog<T extends ReadSide>(readSide: T, journal: Journal): T {
  const write = readSide.writeScores.bind(readSide);
  readSide.writeScores = async (partition, sequence, batch, after) => {
    const copy = ScoreBatch.decode(batch.encode(chunkHeader(batch)));
    const stream = { topic: 'scores', partition } as const;
    for (let { last } = await journal.state(stream); last < sequence; last++) {
      const chunk = last === sequence - 1 ? copy : ScoreBatch.create();
      await journal.append(stream, chunk.encode(chunkHeader(copy)));
    }
    return write(partition, sequence, copy, after);
  };
  return readSide;
}

function chunkHeader(batch: ScoreBatch): { epoch: number; from: number; to: number; timeMs: number } {
  return { epoch: 1, from: 0, to: 0, timeMs: batch.receivedMs.view().reduce((a, b) => Math.max(a, b), 0) };
}
