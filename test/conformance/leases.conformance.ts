import assert from 'node:assert/strict';
import type { LeaseId, Leases } from '../../storage/leases/leases.js';

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

    it('counts epochs on over a restart', async () => {
      const before = await leases.acquire(ID, 'a');
      leases = await storage.reopen();
      await storage.pass(leases.ttlMs + 1);
      const after = await leases.acquire(ID, 'a');
      assert.ok(after!.epoch > before!.epoch);
    });
  });
}
