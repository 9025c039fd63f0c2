import assert from 'node:assert/strict';
import { FencedError, StorageFailedError } from '../../models/errors.js';
import { MESSAGE_ID_WINDOW, type Journal, type StreamId } from '../../storage/journal/journal.js';

export interface OpenJournal {
  readonly journal: Journal;
  /** Closes and opens the same storage again, as a restart does. */
  reopen(): Promise<Journal>;
  dispose(): Promise<void>;
}

const STREAM: StreamId = { topic: 'readings', partition: 3 };
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const text = (payload: Uint8Array | undefined): string | undefined =>
  payload === undefined ? undefined : Buffer.from(payload).toString();

/** What every journal does. */
export function describeJournal(name: string, open: () => Promise<OpenJournal>): void {
  describe(`journal: ${name}`, () => {
    let storage: OpenJournal;
    let journal: Journal;

    const texts = async (from: number, stream = STREAM): Promise<(string | undefined)[]> => {
      const reader = journal.read(stream, from);
      const all: (string | undefined)[] = [];
      for (;;) {
        const records = await reader.next(100, 1e9, 0);
        if (records.length === 0) return all;
        all.push(...records.map((record) => text(record.payload)));
      }
    };

    beforeEach(async () => {
      storage = await open();
      journal = storage.journal;
    });
    afterEach(() => storage.dispose());

    async function bounds(): Promise<{ first: number; last: number }> {
      const { first, last } = await journal.state(STREAM);
      return { first, last };
    }

    it('numbers records from 1 without holes', async () => {
      const sequences = await Promise.all(['a', 'b', 'c'].map((letter) => journal.append(STREAM, bytes(letter))));
      assert.deepEqual(sequences, [1, 2, 3]);
      assert.deepEqual(await texts(1), ['a', 'b', 'c']);
    });

    it('keeps streams apart', async () => {
      await journal.append(STREAM, bytes('here'));
      await journal.append({ topic: 'readings', partition: 4 }, bytes('there'));
      await journal.append({ topic: 'frames', partition: 3 }, bytes('elsewhere'));
      assert.deepEqual(await texts(1), ['here']);
      assert.deepEqual(await texts(1, { topic: 'frames', partition: 3 }), ['elsewhere']);
    });

    it('says that a new stream is empty', async () => {
      assert.deepEqual(await bounds(), { first: 1, last: 0 });
      assert.equal(await journal.lastRecord(STREAM), undefined);
    });

    it('keeps the trace of a record beside its payload', async () => {
      const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;
      await journal.append(STREAM, bytes('traced'), { traceparent });
      await journal.append(STREAM, bytes('not'));
      journal = await storage.reopen();
      const reader = journal.read(STREAM, 1);
      const records = await reader.next(2, 1e9, 1_000);
      reader.close();
      assert.deepEqual(
        records.map(({ payload, traceparent }) => [text(payload), traceparent]),
        [
          ['traced', traceparent],
          ['not', undefined],
        ],
      );
      assert.equal((await journal.lastRecord(STREAM))?.traceparent, undefined);
    });

    it('copies the payload: the caller may use its buffer again', async () => {
      const buffer = bytes('before');
      const appended = journal.append(STREAM, buffer);
      buffer.fill(0);
      await appended;
      assert.deepEqual(await texts(1), ['before']);
    });

    it('stores empty and large payloads', async () => {
      const large = new Uint8Array(3_000_000).fill(7);
      await journal.append(STREAM, new Uint8Array(0));
      await journal.append(STREAM, large);
      const records = await journal.read(STREAM, 1).next(10, 1e9, 0);
      assert.deepEqual(
        records.map((record) => record.payload),
        [new Uint8Array(0), large],
      );
    });

    it('keeps records and goes on counting after a restart', async () => {
      await journal.append(STREAM, bytes('a'));
      journal = await storage.reopen();
      assert.equal(await journal.append(STREAM, bytes('b')), 2);
      assert.deepEqual(await texts(1), ['a', 'b']);
      assert.equal(text((await journal.lastRecord(STREAM))?.payload), 'b');
    });

    describe('expectedLast', () => {
      it('lets the right one in and refuses the others, naming the last sequence', async () => {
        await journal.append(STREAM, bytes('a'), { expectedLast: 0 });
        await assert.rejects(
          journal.append(STREAM, bytes('b'), { expectedLast: 0 }),
          (error) => error instanceof FencedError && error.data['last'] === 1,
        );
        assert.equal(await journal.append(STREAM, bytes('b'), { expectedLast: 1 }), 2);
        assert.deepEqual(await texts(1), ['a', 'b']);
      });

      it('lets one of two in that ask at once', async () => {
        const results = await Promise.allSettled([
          journal.append(STREAM, bytes('a'), { expectedLast: 0 }),
          journal.append(STREAM, bytes('b'), { expectedLast: 0 }),
        ]);
        assert.deepEqual(
          results.map((result) => result.status),
          ['fulfilled', 'rejected'],
        );
        assert.deepEqual(await texts(1), ['a']);
      });

      it('counts trimmed records', async () => {
        await journal.append(STREAM, bytes('a'));
        await journal.trim(STREAM, 2);
        await assert.rejects(journal.append(STREAM, bytes('b'), { expectedLast: 0 }), FencedError);
        assert.equal(await journal.append(STREAM, bytes('b'), { expectedLast: 1 }), 2);
      });
    });

    describe('messageId', () => {
      it('writes once, at once and later and after a restart', async () => {
        const both = [1, 2].map(() => journal.append(STREAM, bytes('a'), { messageId: 'm1' }));
        assert.deepEqual(await Promise.all(both), [1, 1]);
        await journal.append(STREAM, bytes('b'), { messageId: 'm2' });
        assert.equal(await journal.append(STREAM, bytes('a'), { messageId: 'm1' }), 1);
        journal = await storage.reopen();
        assert.equal(await journal.append(STREAM, bytes('a'), { messageId: 'm1', expectedLast: 0 }), 1);
        assert.deepEqual(await texts(1), ['a', 'b']);
      });

      it('means something in its own stream only', async () => {
        await journal.append(STREAM, bytes('x'));
        assert.equal(await journal.append(STREAM, bytes('a'), { messageId: 'm' }), 2);
        assert.equal(await journal.append({ topic: 'readings', partition: 4 }, bytes('a'), { messageId: 'm' }), 1);
      });

      it('remembers as many names as it promises', async () => {
        const append = (i: number) => journal.append(STREAM, bytes('a'), { messageId: `m${i}` });
        await Promise.all(Array.from({ length: MESSAGE_ID_WINDOW + 1 }, (_, i) => append(i)));
        journal = await storage.reopen();
        assert.equal(await append(1), 2);
        assert.equal(await append(MESSAGE_ID_WINDOW), MESSAGE_ID_WINDOW + 1);
      });
    });

    describe('reader', () => {
      it('starts anywhere and gives at most so many records', async () => {
        for (const letter of 'abcd') await journal.append(STREAM, bytes(letter));
        const reader = journal.read(STREAM, 2);
        const first = await reader.next(2, 1e9, 0);
        assert.deepEqual(
          first.map((record) => [record.sequence, text(record.payload)]),
          [
            [2, 'b'],
            [3, 'c'],
          ],
        );
        assert.equal((await reader.next(2, 1e9, 0))[0]?.sequence, 4);
        assert.deepEqual(await reader.next(2, 1e9, 0), []);
      });

      it('stops at about so many bytes, but gives one record at least', async () => {
        for (let i = 0; i < 4; i++) await journal.append(STREAM, new Uint8Array(100));
        const reader = journal.read(STREAM, 1);
        assert.equal((await reader.next(10, 1, 0)).length, 1);
        assert.equal((await reader.next(10, 150, 0)).length, 2);
      });

      it('gives payloads that typed arrays can look into', async () => {
        await journal.append(STREAM, new Uint8Array(64));
        await journal.append(STREAM, new Uint8Array(100_000));
        for (const { payload } of await journal.read(STREAM, 1).next(10, 1e9, 0)) {
          assert.equal(payload.byteOffset % 8, 0);
        }
      });

      it('waits for the next record', async () => {
        const next = journal.read(STREAM, 1).next(1, 1e9, 20_000);
        await journal.append(STREAM, bytes('a'));
        assert.equal(text((await next)[0]?.payload), 'a');
      });

      it('waits for a record that lies ahead', async () => {
        const next = journal.read(STREAM, 3).next(1, 1e9, 20_000);
        for (const letter of 'abc') await journal.append(STREAM, bytes(letter));
        assert.equal(text((await next)[0]?.payload), 'c');
      });

      it('ends empty when the time is over', async () => {
        assert.deepEqual(await journal.read(STREAM, 1).next(1, 1e9, 5), []);
      });

      it('ends empty when it is closed', async () => {
        const reader = journal.read(STREAM, 1);
        const next = reader.next(1, 1e9, 20_000);
        reader.close();
        reader.close();
        assert.deepEqual(await next, []);
        assert.deepEqual(await reader.next(1, 1e9, 20_000), []);
      });

      it('does not step over records that were trimmed away', async () => {
        for (const letter of 'abc') await journal.append(STREAM, bytes(letter));
        const reader = journal.read(STREAM, 2);
        await journal.trim(STREAM, 3);
        await assert.rejects(reader.next(1, 1e9, 0), StorageFailedError);
      });

      it('refuses a start below 1', () => {
        assert.throws(() => journal.read(STREAM, 0), RangeError);
      });
    });

    describe('trim', () => {
      beforeEach(async () => {
        for (const letter of 'abcd') await journal.append(STREAM, bytes(letter));
      });

      it('forgets what is below, and only that', async () => {
        await journal.trim(STREAM, 3);
        assert.deepEqual(await bounds(), { first: 3, last: 4 });
        assert.deepEqual(await texts(3), ['c', 'd']);
      });

      it('never brings anything back', async () => {
        await journal.trim(STREAM, 3);
        await journal.trim(STREAM, 1);
        assert.deepEqual(await bounds(), { first: 3, last: 4 });
      });

      it('keeps the last sequence when everything goes, also over a restart', async () => {
        await journal.trim(STREAM, 1_000);
        assert.deepEqual(await bounds(), { first: 5, last: 4 });
        assert.equal(await journal.lastRecord(STREAM), undefined);
        journal = await storage.reopen();
        assert.deepEqual(await bounds(), { first: 5, last: 4 });
        assert.equal(await journal.append(STREAM, bytes('e')), 5);
        assert.deepEqual(await texts(5), ['e']);
      });
    });

    it('answers after close that it is closed', async () => {
      const next = journal.read(STREAM, 1).next(1, 1e9, 20_000);
      await journal.close();
      await next.catch(() => {});
      await assert.rejects(journal.append(STREAM, bytes('a')), StorageFailedError);
    });
  });
}
