import assert from 'node:assert/strict';
import fc from 'fast-check';
import { place, rendezvous } from '../../../../models/routing/placement.js';
import { partitionOf } from '../../../../models/routing/partition.js';

const PARTITIONS = 32;

const asHolders = (owners: readonly string[]) => new Map(owners.map((owner, partition) => [partition, owner]));
const moved = (before: readonly string[], after: readonly string[]) => before.filter((owner, i) => owner !== after[i]);
const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9.-]{1,20}$/), { minLength: 1, maxLength: 40 });

/** The table of a cluster that has grown one by one. */
function grown(members: readonly string[]): readonly string[] {
  let owners: readonly string[] = [];
  for (let n = 1; n <= members.length; n++) owners = place(PARTITIONS, members.slice(0, n), asHolders(owners));
  return owners;
}

describe('placement', () => {
  it('has nobody to give to without members', () => {
    assert.deepEqual(place(PARTITIONS, [], new Map([[0, 'gone']])), []);
  });

  it('is the same for every node, in whatever order it knows the others', () => {
    fc.assert(
      fc.property(names, (members) => {
        const holders = asHolders(grown(members));
        assert.deepEqual(place(PARTITIONS, [...members].reverse(), holders), place(PARTITIONS, members, holders));
      }),
    );
  });

  it('gives every member its share, and one more or less to none', () => {
    fc.assert(
      fc.property(names, fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: PARTITIONS }), (members, chosen) => {
        const holders = new Map(chosen.map((member, partition) => [partition, members[member] ?? 'gone']));
        const owners = place(PARTITIONS, members, holders);
        const loads = members.map((member) => owners.filter((owner) => owner === member).length);
        assert.equal(owners.length, PARTITIONS);
        assert.ok(Math.max(...loads) - Math.min(...loads) <= 1);
      }),
    );
  });

  it('changes nothing once all have what they should have', () => {
    fc.assert(
      fc.property(names, (members) => {
        const owners = grown(members);
        assert.deepEqual(place(PARTITIONS, members, asHolders(owners)), owners);
      }),
    );
  });

  it('moves to a newcomer its share and nothing else', () => {
    fc.assert(
      fc.property(names, (members) => {
        const before = grown(members.slice(0, -1).length > 0 ? members.slice(0, -1) : members);
        const after = place(PARTITIONS, members, asHolders(before));
        const to = new Set(after.filter((owner, i) => owner !== before[i]));
        assert.ok([...to].every((owner) => owner === members.at(-1)));
        assert.ok(moved(before, after).length <= Math.floor(PARTITIONS / members.length));
      }),
    );
  });

  it('gives away what a leaver had and nothing else', () => {
    fc.assert(
      fc.property(names, fc.nat(), (members, n) => {
        fc.pre(members.length > 1);
        const before = grown(members);
        const leaver = members[n % members.length]!;
        const after = place(
          PARTITIONS,
          members.filter((member) => member !== leaver),
          asHolders(before),
        );
        assert.ok(moved(before, after).every((owner) => owner === leaver));
      }),
    );
  });

  for (const [before, after] of [
    [1, 2],
    [3, 4],
    [8, 9],
    [16, 17],
  ] as const) {
    it(`moves at most 1.2 times the ideal of all devices from ${before} to ${after} replicas`, () => {
      const devices = Array.from({ length: 20_000 }, (_, i) => partitionOf(`default/device-${i}`, PARTITIONS));
      for (let seed = 0; seed < 20; seed++) {
        const members = Array.from({ length: after }, (_, i) => `scorer.host-${seed}-${i}`);
        const old = grown(members.slice(0, before));
        const now = place(PARTITIONS, members, asHolders(old));
        const share = devices.filter((partition) => old[partition] !== now[partition]).length / devices.length;
        assert.ok(share <= 1.2 / after, `seed ${seed}: ${(share * after).toFixed(2)} times the ideal`);
      }
    });
  }

  it('finds a partition at the same node from everywhere while its holder is not known', () => {
    assert.equal(rendezvous(['a', 'b', 'c'], 7), rendezvous(['c', 'a', 'b'], 7));
    assert.equal(rendezvous([], 7), undefined);
    const spread = new Set(
      Array.from({ length: PARTITIONS }, (_, partition) => rendezvous(['a', 'b', 'c'], partition)),
    );
    assert.equal(spread.size, 3);
  });
});
