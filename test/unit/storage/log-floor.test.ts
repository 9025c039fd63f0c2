import assert from 'node:assert/strict';
import { scoreLogFloor } from '../../../storage/read-side/log-floor.js';

const floor = (fields: Partial<Parameters<typeof scoreLogFloor>[0]>): number =>
  scoreLogFloor({ state: { first: 11, last: 110 }, readersDone: 100, firstInTime: 11, maxBytes: 1_000, ...fields });

describe('scoreLogFloor', () => {
  it('keeps all that is in time and in size', () => {
    assert.equal(floor({}), 11);
    assert.equal(floor({ state: { first: 11, last: 110, bytes: 1_000 } }), 11);
  });

  it('lets go of what arrived too long ago', () => assert.equal(floor({ firstInTime: 51 }), 51));

  it('lets go of what is too much', () => {
    assert.equal(floor({ state: { first: 11, last: 110, bytes: 2_000 } }), 61);
    assert.equal(floor({ state: { first: 11, last: 110, bytes: 2_000 }, firstInTime: 80 }), 80);
  });

  it('keeps what a reader needs, and the last record', () => {
    assert.equal(floor({ firstInTime: 51, readersDone: 30 }), 31);
    assert.equal(floor({ firstInTime: 111, readersDone: 110 }), 110);
    assert.equal(floor({ firstInTime: 51, readersDone: 0 }), 11);
  });

  it('has nothing to let go of in an empty log', () => {
    assert.equal(floor({ state: { first: 1, last: 0 }, firstInTime: 1, readersDone: 0 }), 1);
    assert.equal(floor({ state: { first: 8, last: 7, bytes: 0 }, firstInTime: 8, readersDone: 7 }), 8);
  });
});
