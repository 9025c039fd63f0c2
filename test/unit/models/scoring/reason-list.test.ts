import assert from 'node:assert/strict';
import { ReasonCode } from '../../../../models/domain/reasons.js';
import { ReasonList } from '../../../../models/scoring/reason-list.js';

const channels = (list: ReasonList): number[] => [...list.channel.subarray(0, list.length)];

describe('ReasonList', () => {
  it('keeps the strongest, strongest first', () => {
    const list = new ReasonList(3);
    [3, 9, 1, 5, 7].forEach((strength, channel) => list.offer(ReasonCode.value, channel, 0, 0, strength));
    assert.deepEqual(channels(list), [1, 4, 3]);
  });

  it('says a gap once, of the channel in which it is strongest', () => {
    const list = new ReasonList(3);
    [3, 9, 5].forEach((strength, channel) => list.offer(ReasonCode.gap, channel, 0, 0, strength));
    list.offer(ReasonCode.value, 0, 0, 0, 1);
    assert.deepEqual(channels(list), [1, 0]);
  });

  it('is empty after it was cleared', () => {
    const list = new ReasonList(2);
    list.offer(ReasonCode.flat, 0, 0, 0, 1);
    list.clear();
    assert.deepEqual(channels(list), []);
  });
});
