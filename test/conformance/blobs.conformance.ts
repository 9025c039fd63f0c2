import assert from 'node:assert/strict';
import type { Blobs } from '../../storage/blobs/blobs.js';

export interface OpenBlobs {
  readonly blobs: Blobs;
  reopen(): Promise<Blobs>;
  dispose(): Promise<void>;
}

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));

/** What every store of blobs does. */
export function describeBlobs(name: string, open: () => Promise<OpenBlobs>): void {
  describe(`blobs: ${name}`, () => {
    let storage: OpenBlobs;
    let blobs: Blobs;

    beforeEach(async () => {
      storage = await open();
      blobs = storage.blobs;
    });
    afterEach(() => storage.dispose());

    it('gives back what was put, also after a restart', async () => {
      await blobs.put('snapshots/window/3/000000000512', bytes('state'));
      assert.deepEqual(await blobs.get('snapshots/window/3/000000000512'), bytes('state'));
      blobs = await storage.reopen();
      assert.deepEqual(await blobs.get('snapshots/window/3/000000000512'), bytes('state'));
    });

    it('stores empty and large blobs', async () => {
      const large = new Uint8Array(5_000_000).fill(3);
      await blobs.put('empty', new Uint8Array(0));
      await blobs.put('large', large);
      assert.deepEqual(await blobs.get('empty'), new Uint8Array(0));
      assert.deepEqual(await blobs.get('large'), large);
    });

    it('replaces a blob of the same name', async () => {
      await blobs.put('a', bytes('one'));
      await blobs.put('a', bytes('two'));
      assert.deepEqual(await blobs.get('a'), bytes('two'));
    });

    it('knows no blob that was not put, or was deleted', async () => {
      assert.equal(await blobs.get('a/b'), undefined);
      await blobs.put('a/b', bytes('x'));
      await blobs.delete('a/b');
      await blobs.delete('a/b');
      assert.equal(await blobs.get('a/b'), undefined);
      assert.deepEqual(await blobs.list(''), []);
    });

    it('lists names below a prefix, ascending', async () => {
      for (const name of ['s/2', 's/10', 's/1/x', 't/1', 's']) await blobs.put(name, bytes(name));
      assert.deepEqual(await blobs.list('s/'), ['s/1/x', 's/10', 's/2']);
      assert.deepEqual(await blobs.list('s/1/'), ['s/1/x']);
      assert.deepEqual(await blobs.list('u/'), []);
    });

    it('keeps a blob and a folder of one name apart', async () => {
      await blobs.put('a', bytes('blob'));
      await blobs.put('a/b', bytes('below'));
      assert.deepEqual(await blobs.get('a'), bytes('blob'));
      assert.deepEqual(await blobs.get('a/b'), bytes('below'));
    });

    for (const bad of ['', '/a', 'a/', 'a//b', '../a', 'a/..', 'a/./b', 'A', 'a b', 'a\0', 'a~', 'x'.repeat(257)]) {
      it(`refuses the name ${JSON.stringify(bad.slice(0, 20))}`, async () => {
        await assert.rejects(blobs.put(bad, bytes('x')), RangeError);
        await assert.rejects(blobs.get(bad), RangeError);
        await assert.rejects(blobs.delete(bad), RangeError);
      });
    }

    it('refuses a prefix that is half a word', async () => {
      await assert.rejects(blobs.list('a'), RangeError);
      await assert.rejects(blobs.list('../'), RangeError);
    });
  });
}
