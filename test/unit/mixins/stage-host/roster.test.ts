import assert from 'node:assert/strict';
import { Roster } from '../../../../mixins/stage-host/roster.js';

const PARTITIONS = 8;

describe('Roster', () => {
  let alive: string[];
  let nowMs: number;
  let roster: Roster;
  beforeEach(() => {
    alive = ['a', 'b'];
    nowMs = 0;
    const holders = new Map<number, string>();
    roster = new Roster({
      partitions: PARTITIONS,
      self: 'a',
      alive: () => alive,
      holders: () => holders,
      nowMs: () => nowMs,
    });
    assert.equal(roster.own(), undefined);
    roster.look();
  });
  const ours = () => roster.own()!.length;

  it('shares partitions among those that are alive, this one in any case', () => {
    assert.equal(ours(), PARTITIONS / 2);
    alive = ['b'];
    roster.look();
    assert.equal(ours(), PARTITIONS / 2);
    alive = [];
    roster.look();
    assert.equal(ours(), PARTITIONS);
  });

  it('counts on nobody who has said that it leaves, for a minute or as long as it said', () => {
    roster.leaves('b');
    roster.look();
    assert.equal(ours(), PARTITIONS);
    nowMs = 60_000;
    roster.look();
    assert.equal(ours(), PARTITIONS / 2);
    roster.leaves('b', 5_000);
    nowMs += 5_000;
    roster.look();
    assert.equal(ours(), PARTITIONS / 2);
  });

  it('takes nothing while it stands aside, and says so again and again', () => {
    roster.standAside(4_000, 'nothing runs');
    assert.deepEqual([ours(), roster.whyAside, roster.size], [0, 'nothing runs', 1]);
    assert.deepEqual([roster.takeAsideToTell(), roster.takeAsideToTell()], [4_000, undefined]);
    nowMs = 1_500;
    assert.equal(roster.takeAsideToTell(), 2_500);
    nowMs = 4_000;
    roster.look();
    assert.deepEqual([ours(), roster.whyAside, roster.takeAsideToTell()], [PARTITIONS / 2, undefined, undefined]);
  });

  it('does not stand aside as the last one', () => {
    alive = ['a'];
    roster.standAside(4_000, 'nothing runs');
    assert.deepEqual([ours(), roster.whyAside], [PARTITIONS, undefined]);
  });

  it('does not take back at once what it has given away, unless the other one is gone', () => {
    const [partition] = roster.own()! as [number];
    assert.ok(roster.isWanted(partition));
    roster.givesAway(partition, 'b');
    assert.ok(!roster.isWanted(partition));
    nowMs = 3_000;
    assert.ok(roster.isWanted(partition));
    roster.givesAway(partition, 'b');
    alive = ['a'];
    roster.look();
    assert.ok(roster.isWanted(partition));
  });
});
