import assert from 'node:assert/strict';
import { ConflictError, OverloadedError } from '../../../../models/errors.js';
import { HttpProblemError, toProblem } from '../../../../services/gateway/problem.js';

describe('toProblem', () => {
  it('knows our errors', () => {
    assert.deepEqual(toProblem(new ConflictError('alert a1 is resolved'), 'urn:x').body, {
      type: 'urn:redshank:problem:conflict',
      title: 'Does not fit the present state',
      status: 409,
      detail: 'alert a1 is resolved',
      instance: 'urn:x',
    });
  });

  it('knows them also when they have crossed the bus and lost their class', () => {
    const { type, code, data, message } = new OverloadedError('full', 1_500);
    const problem = toProblem({ type, code, data, message, nodeID: 'node-7', stack: 'at x' }, undefined);
    assert.equal(problem.status, 503);
    assert.deepEqual(problem.headers, { 'Retry-After': '2' });
    assert.doesNotMatch(JSON.stringify(problem.body), /node-7|stack/);
  });

  it('keeps everything else to itself', () => {
    for (const error of [new Error('secret'), { type: 'constructor', message: 'secret' }, 'secret', {}]) {
      const { status, body } = toProblem(error, undefined);
      assert.equal(status, 500);
      assert.doesNotMatch(JSON.stringify(body), /secret/);
    }
  });

  it('carries headers and members of HTTP problems', () => {
    const problem = toProblem(new HttpProblemError(405, 'No', 'no', { Allow: 'GET' }, { line: 3 }), undefined);
    assert.deepEqual([problem.status, problem.headers, problem.body['line']], [405, { Allow: 'GET' }, 3]);
  });
});
