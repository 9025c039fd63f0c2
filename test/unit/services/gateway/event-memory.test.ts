import assert from 'node:assert/strict';
import { EventMemory } from '../../../../services/gateway/event-memory.js';

describe('EventMemory', () => {
  const keep = (memory: EventMemory, count: number, text = 'x') => {
    for (let i = 0; i < count; i++) {
      memory.keep({ number: memory.next, tenant: 't', device: 'd', event: 'score', text });
    }
  };
  const numbers = (memory: EventMemory, from: number) => memory.after(memory.idOf(from))?.map(({ number }) => number);

  it('has what came after an event', () => {
    const memory = new EventMemory();
    const nothing = memory.lastId;
    keep(memory, 5);
    assert.deepEqual(numbers(memory, 3), [4, 5]);
    assert.deepEqual(numbers(memory, 5), []);
    assert.equal(memory.after(nothing)?.length, 5);
  });

  it('knows when some of it is gone, and when an id is none of its own', () => {
    const memory = new EventMemory();
    keep(memory, 30, 'x'.repeat(1_048_576));
    assert.equal(numbers(memory, 21), undefined);
    assert.deepEqual(numbers(memory, 22), [23, 24, 25, 26, 27, 28, 29, 30]);
    assert.equal(numbers(memory, 31), undefined);
    for (const id of ['', '0123456789ab-3', 'a-b', `${memory.lastId}x`]) assert.equal(memory.after(id), undefined);
  });
});
