/**
 * Fills a journal until the file may not grow any more (the caller set a limit with `ulimit -f`), makes room, and goes on.
 * Prints what it saw as JSON.
 */
import { StorageFailedError } from '../../../models/errors.js';
import type { StreamId } from '../../../storage/journal/journal.js';
import { LmdbJournal } from '../../../storage/journal/lmdb-journal.js';
import { LmdbEnvironment } from '../../../storage/lmdb/lmdb-environment.js';

const STREAM: StreamId = { topic: 'readings', partition: 0 };
const GROUP = 8;

const environment = LmdbEnvironment.open(process.argv[2]!);
const journal = new LmdbJournal(environment, { stageRoomBytes: 2 ** 20 });
const reader = journal.read(STREAM, 1);
let acknowledged = 0;
let rejected: PromiseSettledResult<number>[] = [];
while (rejected.length === 0) {
  const named = Array.from({ length: GROUP }, (_, i) => ({ messageId: `m${acknowledged + i}` }));
  const group = await Promise.allSettled(
    named.map((options) => journal.append(STREAM, new Uint8Array(16_000), options)),
  );
  rejected = group.filter((result) => result.status === 'rejected');
  acknowledged += GROUP - rejected.length;
}
const { last } = await journal.state(STREAM);
let read = 0;
for (let records = await reader.next(100, 1e7, 0); records.length > 0; records = await reader.next(100, 1e7, 0)) {
  read += records.length;
}
await journal.trim(STREAM, last);
const again = await journal.append(STREAM, new Uint8Array(16_000), {
  expectedLast: last,
  messageId: `m${acknowledged}`,
});
await environment.close();
const errors = rejected.map((result) => (result as PromiseRejectedResult).reason as unknown);
const areStorageFailures = errors.every((error) => error instanceof StorageFailedError);
console.log(JSON.stringify({ acknowledged, rejected: rejected.length, last, read, again, areStorageFailures }));
