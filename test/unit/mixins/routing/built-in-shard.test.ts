import assert from 'node:assert/strict';
import { ServiceBroker, Strategies, type Context, type Endpoint } from 'moleculer';
import { partitionOf } from '../../../../models/routing/partition.js';
import { place } from '../../../../models/routing/placement.js';

const PARTITIONS = 32;
const DEVICES = Array.from({ length: 5_000 }, (_, i) => `default/device-${i}`);
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `scorer.host-${i}`);

/** Share of devices that another node is called for once one of `after` has joined, as multiples of the ideal, 1 / `after`. */
function movedBy(ownersOf: (members: readonly string[]) => readonly string[], after: number): number {
  const [old, now] = [ownersOf(names(after - 1)), ownersOf(names(after))];
  return (old.filter((owner, i) => owner !== now[i]).length / old.length) * after;
}

/** Why the framework's own strategy is not used: the same question, asked to both. */
describe("Moleculer's Shard beside our placement", () => {
  const broker = new ServiceBroker({ logger: false });

  function shard(members: readonly string[]): readonly string[] {
    const strategy = new Strategies.Shard(broker.registry, broker, { shardKey: 'device' });
    const endpoints = members.map((id) => ({ id })) as unknown as Endpoint[];
    return DEVICES.map((device) => strategy.select(endpoints, { params: { device } } as unknown as Context).id);
  }

  /** Joins come one by one: what a replica has it keeps. */
  function placement(members: readonly string[]): readonly string[] {
    let owners: readonly string[] = [];
    for (let n = 1; n <= members.length; n++) {
      const holders = new Map(owners.map((owner, partition) => [partition, owner]));
      owners = place(PARTITIONS, members.slice(0, n), holders);
    }
    return DEVICES.map((device) => owners[partitionOf(device, PARTITIONS)]!);
  }

  for (const after of [2, 4, 9, 17]) {
    it(`from ${after - 1} to ${after} replicas`, () => {
      const [ours, theirs] = [movedBy(placement, after), movedBy(shard, after)];
      console.log(`    moved, as multiples of the ideal: ours ${ours.toFixed(2)}, Shard ${theirs.toFixed(2)}`);
      assert.ok(ours <= 1.2);
      if (after > 2) assert.ok(theirs > 1.5);
    });
  }
});
