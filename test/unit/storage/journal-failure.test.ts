import assert from 'node:assert/strict';
import { StorageFailedError } from '../../../models/errors.js';
import type { StreamId } from '../../../storage/journal/journal.js';
import { LmdbJournal } from '../../../storage/journal/lmdb-journal.js';
import { CommitWatch } from '../../../storage/lmdb/commit-watch.js';
import { LmdbEnvironment } from '../../../storage/lmdb/lmdb-environment.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const READINGS: StreamId = { topic: 'readings', partition: 0 };
const FRAMES: StreamId = { topic: 'frames', partition: 0 };
const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('a journal that cannot go on', () => {
  const folder = temporaryFolder();

  it('never overwrites what a second process has written, and says so until a restart', async () => {
    const environment = LmdbEnvironment.open(folder());
    const ours = new LmdbJournal(environment);
    await ours.append(READINGS, bytes('a'));
    // As a second process does that got past the lock: with heads of its own.
    const theirs = new LmdbJournal(environment);
    await theirs.append(READINGS, bytes('theirs'));
    assert.equal(ours.failure, undefined);
    const group = [
      ours.append(FRAMES, bytes('f')),
      ours.append(READINGS, bytes('ours')),
      ours.append(READINGS, bytes('b')),
    ];
    for (const append of group) await assert.rejects(append, StorageFailedError);
    assert.match(ours.failure!, /another process/);
    await assert.rejects(ours.append(FRAMES, bytes('g')), /another process/);
    await environment.close();
    const reopened = LmdbEnvironment.open(environment.directory);
    const journal = new LmdbJournal(reopened);
    assert.equal(journal.failure, undefined);
    assert.deepEqual(Buffer.from((await journal.lastRecord(READINGS))!.payload).toString(), 'theirs');
    assert.deepEqual(await journal.state(READINGS), { first: 1, last: 2 });
    assert.deepEqual(await journal.state(FRAMES), { first: 1, last: 0 });
    await reopened.close();
  });

  it('refuses readings before the room of the stages is gone, and nothing else', async () => {
    const environment = LmdbEnvironment.open(folder());
    const journal = new LmdbJournal(environment, { stageRoomBytes: Number.MAX_SAFE_INTEGER });
    const [reading, frame] = await Promise.allSettled([
      journal.append(READINGS, bytes('r')),
      journal.append(FRAMES, bytes('f')),
    ]);
    assert.equal(frame.status, 'fulfilled');
    assert.ok(reading.status === 'rejected' && reading.reason instanceof StorageFailedError);
    assert.match(reading.reason.message, /disk is full/);
    assert.equal(journal.failure, undefined);
    assert.deepEqual(await journal.state(READINGS), { first: 1, last: 0 });
    await environment.close();
  });
});

describe('CommitWatch', () => {
  const hold = (ms: number): void => {
    for (const untilMs = performance.now() + ms; performance.now() < untilMs;);
  };

  it('does not hold a stall of the event loop against the disk', async () => {
    const watch = new CommitWatch(200);
    let isLate = false;
    watch.late.catch(() => (isLate = true));
    hold(400);
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isLate, false);
    watch.stop();
  });

  it('ends the wait for a commit that does not end', async () => {
    const watch = new CommitWatch(30);
    await assert.rejects(watch.late, (reason) => reason === CommitWatch.late);
    watch.stop();
  });
});
