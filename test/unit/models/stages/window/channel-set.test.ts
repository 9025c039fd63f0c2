import assert from 'node:assert/strict';
import { ChannelSetTable } from '../../../../../models/stages/window/channel-set.js';

describe('channel sets', () => {
  it('are one object for equal names', () => {
    const table = new ChannelSetTable();
    assert.equal(table.intern(['a', 'b']), table.intern(['a', 'b']));
    assert.notEqual(table.intern(['a', 'b']), table.intern(['b', 'a']));
  });

  it('hash alike in any order', () => {
    const table = new ChannelSetTable();
    assert.equal(table.intern(['a', 'b']).hash, table.intern(['b', 'a']).hash);
    assert.notEqual(table.intern(['a', 'b']).hash, table.intern(['a', 'c']).hash);
  });

  it('know where their channels are in another set', () => {
    const table = new ChannelSetTable();
    const target = table.intern(['a', 'b', 'c']);
    const source = table.intern(['c', 'x', 'a']);
    assert.deepEqual([...source.positionsIn(target)], [2, -1, 0]);
    for (let i = 0; i < 100; i++) source.positionsIn(table.intern([`t${i}`]));
    assert.deepEqual([...source.positionsIn(target)], [2, -1, 0]);
  });

  it('grow by new names, as far as there is room', () => {
    const table = new ChannelSetTable();
    const set = table.intern(['a', 'b']);
    assert.deepEqual(table.extend(set, table.intern(['c', 'a', 'd']), 3).names, ['a', 'b', 'c']);
    assert.equal(table.extend(set, table.intern(['c']), 2), set);
  });

  it('are forgotten when too many, and still serve', () => {
    const table = new ChannelSetTable(2);
    const first = table.intern(['a']);
    table.intern(['b']);
    table.intern(['c']);
    assert.notEqual(table.intern(['a']), first);
    assert.deepEqual([...first.positionsIn(table.intern(['a']))], [0]);
  });
});
