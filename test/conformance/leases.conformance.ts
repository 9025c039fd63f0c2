import assert from 'node:assert/strict';
import type { LeaseId, Leases } from '../../storage/leases/leases.js';
import { until } from '../support/until.js';

export interface OpenLeases {
  readonly leases: Leases;
  /** Lets `ms` pass by the clock of the leases. */
  pass(ms: number): Promise<void>;
  /** Opens them again on the same storage, as a restart does. Nobody holds anything then, or not for longer than the TTL. */
  reopen(): Promise<Leases>;
  dispose(): Promise<void>;
}

const ID: LeaseId = { stage: 'window', partition: 0 };

/** What all leases do. */
export function describeLeases(name: string, open: () => Promise<OpenLeases>): void {
  describe(`leases: ${name}`, () => {
    let storage: OpenLeases;
    let leases: Leases;

    beforeEach(async () => {
      storage = await open();
      leases = storage.leases;
    });
    afterEach(() => storage.dispose());

    it('gives a lease to one holder', async () => {
      const [a, b] = await Promise.all([leases.acquire(ID, 'a'), leases.acquire(ID, 'b')]);
      assert.equal([a, b].filter((lease) => lease !== undefined).length, 1);
      assert.equal(await leases.holder(ID), (a ?? b)?.holder);
      assert.equal(await leases.acquire(ID, 'a'), undefined);
    });

    it('keeps stages and partitions apart', async () => {
      await leases.acquire(ID, 'a');
      assert.ok(await leases.acquire({ stage: 'window', partition: 1 }, 'b'));
      assert.ok(await leases.acquire({ stage: 'scorer', partition: 0 }, 'c'));
    });

    it('gives a released lease to the next, under a higher epoch', async () => {
      const first = await leases.acquire(ID, 'a');
      await leases.release(first!);
      assert.equal(await leases.holder(ID), undefined);
      const second = await leases.acquire(ID, 'b');
      assert.ok(second!.epoch > first!.epoch);
    });

    it('ends a lease that is not renewed', async () => {
      const lease = await leases.acquire(ID, 'a');
      await storage.pass(leases.ttlMs + 1);
      assert.equal(await leases.holder(ID), undefined);
      assert.equal(await leases.renew(lease!), false);
      assert.ok(await leases.acquire(ID, 'b'));
    });

    it('lasts while it is renewed', async () => {
      const lease = await leases.acquire(ID, 'a');
      for (let i = 0; i < 3; i++) {
        await storage.pass(leases.ttlMs * 0.7);
        assert.equal(await leases.renew(lease!), true);
      }
      assert.equal(await leases.holder(ID), 'a');
    });

    it('does nothing for the holder of an older epoch', async () => {
      const old = await leases.acquire(ID, 'a');
      await storage.pass(leases.ttlMs + 1);
      await leases.acquire(ID, 'a');
      assert.equal(await leases.renew(old!), false);
      await leases.release(old!);
      assert.equal(await leases.holder(ID), 'a');
    });

    it('tells who holds what, stage by stage', async () => {
      await leases.acquire(ID, 'a');
      const lease = await leases.acquire({ stage: 'window', partition: 7 }, 'b');
      await leases.acquire({ stage: 'scorer', partition: 0 }, 'c');
      const holders = () => [...leases.holders('window')].sort(([p], [q]) => p - q);
      await until('both are heard of', () => holders().length === 2);
      assert.deepEqual(holders(), [
        [0, 'a'],
        [7, 'b'],
      ]);
      await leases.release(lease!);
      await until('the release is heard of', () => holders().length === 1);
      await storage.pass(leases.ttlMs + 1);
      await until('the end of the other is seen', () => holders().length === 0);
    });

    it('calls back when a lease is taken or given back, until it is told not to', async () => {
      let calls = 0;
      const end = leases.onChange(() => calls++);
      const lease = await leases.acquire(ID, 'a');
      await until('the acquisition is heard of', () => calls > 0);
      calls = 0;
      await leases.release(lease!);
      await until('the release is heard of', () => calls > 0);
      end();
      calls = 0;
      await leases.acquire(ID, 'a');
      await until('it is heard of', () => leases.holders('window').has(0));
      assert.equal(calls, 0);
    });

    it('counts epochs on over a restart', async () => {
      const before = await leases.acquire(ID, 'a');
      leases = await storage.reopen();
      await storage.pass(leases.ttlMs + 1);
      const after = await leases.acquire(ID, 'a');
      assert.ok(after!.epoch > before!.epoch);
    });
  });
}
