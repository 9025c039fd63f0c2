import { StorageFailedError, type FencedError } from '../../models/errors.js';
import { streamName, type Journal, type JournalRecord, type StreamId } from './journal.js';

const READ_RECORDS = 256;
const READ_BYTES = 4_194_304;
const READ_WAIT_MS = 1_000;
/** Reads without an answer before it counts as a failure: records that `state` has seen are there. */
const MOST_EMPTY_READS = 5;

/**
 * Everything that is in a stream after record `position`, for logs that are small enough to be read whole.
 *
 * @param position 0: from the beginning.
 * @param refusal of an append: reads up to the record that was in its way too, which may not be durable yet.
 * @throws StorageFailedError, StorageCorruptError
 */
export async function* recordsSince(
  journal: Journal,
  stream: StreamId,
  position: number,
  refusal?: FencedError,
): AsyncGenerator<JournalRecord, void, undefined> {
  const inTheWay = Number(refusal?.data['last'] ?? 0);
  const last = Math.max((await journal.state(stream)).last, inTheWay);
  const reader = journal.read(stream, position + 1);
  let emptyReads = 0;
  try {
    while (position < last) {
      const records = await reader.next(READ_RECORDS, READ_BYTES, READ_WAIT_MS);
      if (records.length === 0 && ++emptyReads === MOST_EMPTY_READS) {
        throw new StorageFailedError(`${streamName(stream)} must give record ${position + 1} of ${last}, and does not`);
      }
      for (const record of records) {
        position = record.sequence;
        yield record;
      }
    }
  } finally {
    reader.close();
  }
}
