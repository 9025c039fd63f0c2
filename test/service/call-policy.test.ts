import assert from 'node:assert/strict';
import type { Context } from 'moleculer';
import { action } from '../../mixins/bus/action-policy.js';
import { NotOwnerError, StorageFailedError } from '../../models/errors.js';
import { knows, TestBus, type Member } from '../support/bus-brokers.js';
import { until } from '../support/until.js';

const never = () => new Promise<never>(() => undefined);

describe('calls over the bus', () => {
  let bus: TestBus;
  let caller: Member;
  let calls = 0;
  let failures = 0;
  const counted = () => {
    calls++;
    if (failures-- > 0) throw new StorageFailedError('away for a moment');
    return calls;
  };
  const release = new Set<() => void>();

  /** The same service on two nodes, of which `owner` says who holds everything. */
  const partition = (self: string, owner: string | undefined, told: string | undefined) => ({
    name: 'partition',
    actions: {
      ask: () => {
        calls++;
        if (self === owner) return self;
        throw new NotOwnerError(`${self} is not the owner`, { data: { owner: told } });
      },
    },
  });

  before(async () => {
    bus = await TestBus.start();
    await bus.member('a', [
      partition('a', 'b', 'b'),
      {
        name: 'thing',
        actions: {
          once: action({}, counted),
          again: action({ isIdempotent: true }, counted),
          slowAtFirst: action({ isIdempotent: true, timeoutMs: 1_500 }, () => (calls++ === 0 ? never() : 'late')),
          stuck: action({ timeoutMs: 200 }, never),
          outer: (ctx: Context) => {
            calls++;
            return ctx.call('ring.ask', {});
          },
          parent: (ctx: Context) => ctx.call('thing.child', {}),
          child: action({ timeoutMs: 60_000 }, (ctx: Context) => ctx.options.timeout),
          narrow: action({ mostConcurrent: 2, mostQueued: 1 }, async () => {
            calls++;
            await new Promise<void>((resolve) => release.add(resolve));
          }),
        },
      },
      { ...partition('a', undefined, 'b'), name: 'ring' },
    ]);
    await bus.member('b', [partition('b', 'b', 'b'), { ...partition('b', undefined, 'a'), name: 'ring' }]);
    caller = await bus.member('caller');
    await knows(caller.broker, 'partition.ask', 'a', 'b');
    await knows(caller.broker, 'ring.ask', 'a', 'b');
    await knows(caller.broker, 'thing.again', 'a');
  });
  after(() => bus.stop());
  beforeEach(() => {
    calls = 0;
    failures = 0;
    release.clear();
  });

  it('are repeated where that changes nothing', async () => {
    failures = 2;
    assert.equal(await caller.broker.call('thing.again'), 3);
  });

  it('are made once otherwise', async () => {
    failures = 1;
    await assert.rejects(caller.broker.call('thing.once'), { type: 'STORAGE_FAILED' });
    assert.equal(calls, 1);
  });

  it('go to the owner at once', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => caller.broker.call('partition.ask')));
    assert.deepEqual(answers, ['b', 'b', 'b', 'b']);
    assert.ok(calls > 4, 'some came to the wrong node first');
  });

  it('do not follow owners for ever', async () => {
    await assert.rejects(caller.broker.call('ring.ask'), { type: 'NOT_OWNER' });
    assert.equal(calls, 1 + 3 + 3);
  });

  it('are not followed by callers of callers', async () => {
    await assert.rejects(caller.broker.call('thing.outer'), { type: 'NOT_OWNER' });
    assert.equal(calls - 7, 1);
  });

  it('stay with the node that was asked for', async () => {
    await assert.rejects(caller.broker.call('partition.ask', {}, { nodeID: 'a' }), { type: 'NOT_OWNER' });
  });

  it('end', async () => {
    await assert.rejects(caller.broker.call('thing.stuck'), { type: 'REQUEST_TIMEOUT' });
    await assert.rejects(caller.broker.call('thing.stuck', {}, { timeout: 0 }), { type: 'REQUEST_TIMEOUT' });
  });

  it('that took too long are not waited for when the caller stops', async () => {
    const hasty = await bus.member('hasty', [], {
      broker: { tracking: { enabled: true, shutdownTimeout: 60_000 } },
    });
    await knows(hasty.broker, 'thing.stuck', 'a');
    await assert.rejects(hasty.broker.call('thing.stuck', {}), { type: 'REQUEST_TIMEOUT' });
    await hasty.broker.stop();
  });

  it('are repeated when one attempt took too long', async () => {
    assert.equal(await caller.broker.call('thing.slowAtFirst'), 'late');
  });

  it('have no more time than the call that they are part of', async () => {
    const left = await caller.broker.call<number, object>('thing.parent', {}, { timeout: 2_000 });
    assert.ok(left > 0 && left <= 2_000, `${left} ms`);
  });

  it('are refused beyond what an action can bear', async () => {
    const running = [1, 2, 3].map(() => caller.broker.call('thing.narrow', {}));
    await until('two to run', () => calls === 2);
    await assert.rejects(caller.broker.call('thing.narrow', {}), { type: 'OVERLOADED' });
    const [first] = release;
    release.delete(first!);
    first!();
    await until('the third to run', () => calls === 3);
    for (const leave of release) leave();
    await Promise.all(running);
  });

  it('that nobody waits for any more are not run', async () => {
    const running = [1, 2].map(() => caller.broker.call('thing.narrow', {}));
    await until('two to run', () => calls === 2);
    await assert.rejects(caller.broker.call('thing.narrow', {}, { timeout: 50 }), { type: 'REQUEST_TIMEOUT' });
    // The node that was called counts from when the call arrived.
    const arrivedMs = performance.now();
    await until('its time to be over there too', () => performance.now() > arrivedMs + 50);
    for (const leave of release) leave();
    await Promise.all(running);
    assert.equal(calls, 2);
  });
});
