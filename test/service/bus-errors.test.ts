import assert from 'node:assert/strict';
import { Errors, type Context } from 'moleculer';
import {
  FencedError,
  NotFoundError,
  OverloadedError,
  ScoringFailedError,
  SettingInvalidError,
  type RedshankError,
} from '../../models/errors.js';
import { knows, TestBus, type Member } from '../support/bus-brokers.js';

describe('errors over the bus', () => {
  let bus: TestBus;
  let caller: Member;
  let inner: Error = new Error('not set');

  before(async () => {
    bus = await TestBus.start();
    const thing = {
      name: 'thing',
      actions: {
        fail: () => {
          throw inner;
        },
      },
    };
    // Only the caller's breaker is looked at; a node has one for its own actions too.
    const broker = { circuitBreaker: { enabled: false } };
    await bus.member('callee', [thing], { broker });
    const door = { name: 'door', actions: { relay: (ctx: Context) => ctx.call('thing.fail', {}) } };
    const relay = await bus.member('relay', [door], { broker });
    caller = await bus.member('caller');
    await knows(caller.broker, 'thing.fail', 'callee');
    await knows(caller.broker, 'door.relay', 'relay');
    await knows(relay.broker, 'thing.fail', 'callee');
  });
  after(() => bus.stop());

  const failure = async (error: Error): Promise<Error & Partial<RedshankError>> => {
    inner = error;
    return caller.broker.call('thing.fail').then(
      () => assert.fail('it must fail'),
      (caught: unknown) => caught as Error,
    );
  };

  it('keep class, type, code, retryable, message and data', async () => {
    for (const sent of [
      new OverloadedError('full', 250, { data: { partition: 3 } }),
      new FencedError('older', { data: { last: 7 } }),
      new NotFoundError('no such device'),
      new SettingInvalidError(['a', 'b']),
    ]) {
      const got = await failure(sent);
      assert.equal(Object.getPrototypeOf(got), Object.getPrototypeOf(sent));
      const { type, code, retryable, message, data } = got;
      assert.deepEqual(
        { type, code, retryable, message, data },
        { type: sent.type, code: sent.code, retryable: sent.retryable, message: sent.message, data: sent.data },
      );
    }
  });

  it('of the framework keep what they are, without node ids', async () => {
    const got = await failure(new Errors.RequestTimeoutError({ action: 'x', nodeID: 'far' }));
    assert.ok(got instanceof Errors.RequestTimeoutError);
    assert.equal(JSON.stringify(got.data), '{"action":"x"}');
    assert.equal(got.message, "Request is timed out when call 'x' action on a node.");
  });

  it('that nobody threw on purpose say nothing about the inside', async () => {
    const got = await failure(Object.assign(new Error('/secret/path'), { code: 'ENOENT', data: { password: 1 } }));
    assert.deepEqual([got.code, got.type, got.data, got.retryable], [500, 'INTERNAL', undefined, false]);
    assert.doesNotMatch(String(got.stack), /secret|bus-errors\.test/);
    assert.doesNotMatch(JSON.stringify(got) + got.message, /secret|callee/);
  });

  it('leave data that cannot be sent behind', async () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    assert.deepEqual((await failure(new NotFoundError('x', { data: circle }))).data, {});
    assert.deepEqual((await failure(new NotFoundError('x', { data: { long: 'x'.repeat(20_000) } }))).data, {});
  });

  it('count against a node only when they are its fault', async () => {
    for (let i = 0; i < 10; i++) await failure(new OverloadedError('full', 1));
    inner = new ScoringFailedError('broken');
    for (let i = 0; i < 10; i++) await assert.rejects(caller.broker.call('door.relay'), { type: 'SCORING_FAILED' });
    assert.equal((await failure(new NotFoundError('still here'))).message, 'still here');
    for (let i = 0; i < 30; i++) await failure(new ScoringFailedError('broken')).catch(() => undefined);
    assert.equal((await failure(new Error('any'))).message, "Service 'thing.fail' is not available.");
  });
});
