/** Where in a stream of chunks a moment lies: by binary search, since log time never goes back within a stream. */
import { chunkTimeMs } from '../../models/domain/chunk.js';
import { StorageFailedError } from '../../models/errors.js';
import { streamName, type Journal, type StreamId } from './journal.js';

const LONGEST_WAIT_MS = 2_000;

/**
 * The first of the records `from` to `to` (inclusive) whose log time is at or after `timeMs`; `to + 1` when there is none. Reads
 * about log2(to - from) of them.
 *
 * @throws StorageFailedError the log does not answer, or was trimmed meanwhile.
 */
export async function firstAt(
  journal: Journal,
  stream: StreamId,
  timeMs: number,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<number> {
  if (from > to || timeMs === -Infinity) return from;
  if (timeMs === Infinity) return to + 1;
  // Mostly all there is is wanted, and this is asked after every snapshot.
  if ((await timeOf(journal, stream, from)) >= timeMs) return from;
  if ((await timeOf(journal, stream, to)) < timeMs) return to + 1;
  let [low, high] = [from, to];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((await timeOf(journal, stream, middle)) < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function timeOf(journal: Journal, stream: StreamId, sequence: number): Promise<number> {
  const reader = journal.read(stream, sequence);
  try {
    const [record] = await reader.next(1, 1, LONGEST_WAIT_MS);
    if (record === undefined) {
      throw new StorageFailedError(
        `record ${sequence} of ${streamName(stream)} did not come within ${LONGEST_WAIT_MS} ms`,
      );
    }
    return chunkTimeMs(record.payload);
  } finally {
    reader.close();
  }
}
