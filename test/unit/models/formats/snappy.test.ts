import assert from 'node:assert/strict';
import { compress } from 'snappyjs';
import { PayloadTooLargeError, RequestInvalidError } from '../../../../models/errors.js';
import { inflateSnappy } from '../../../../models/formats/index.js';

const inflate = (...bytes: readonly number[]): string =>
  Buffer.from(inflateSnappy(Buffer.from(bytes), 1_000)).toString();

describe('inflateSnappy', () => {
  it('inflates what another encoder has made', () => {
    const text = Buffer.from('node_cpu_seconds_total{cpu="0",mode="idle"} '.repeat(5_000));
    const block = compress(text);
    assert.ok(block.length < text.length / 10);
    assert.deepEqual(Buffer.from(inflateSnappy(block, text.length)), text);
  });

  it('reads each kind of element', () => {
    assert.equal(inflate(0), '');
    assert.equal(inflate(3, 8, 97, 98, 99), 'abc');
    assert.equal(inflate(7, 8, 97, 98, 99, 1, 3), 'abcabca', 'a copy into itself');
    assert.equal(inflate(5, 8, 97, 98, 99, 6, 2, 0), 'abcbc', 'offset in 2 bytes');
    assert.equal(inflate(5, 8, 97, 98, 99, 7, 2, 0, 0, 0), 'abcbc', 'offset in 4 bytes');
    assert.equal(inflate(2, 240, 1, 97, 98), 'ab', 'length in 1 byte');
    assert.equal(inflate(2, 252, 1, 0, 0, 0, 97, 98), 'ab', 'length in 4 bytes');
  });

  it('refuses a length above the limit before it takes memory', () =>
    assert.throws(() => inflateSnappy(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]), 1_000), PayloadTooLargeError));

  const damaged: [string, readonly number[]][] = [
    ['nothing', []],
    ['a length without end', [0x80]],
    ['a length of more than 32 bits', [0xff, 0xff, 0xff, 0xff, 0x1f]],
    ['a length that the bytes cannot make', [100, 0]],
    ['less than it says', [4, 8, 97, 98, 99]],
    ['more than it says', [2, 8, 97, 98, 99]],
    ['a copy beyond what it says', [4, 8, 97, 98, 99, 1, 3]],
    ['a literal beyond the end', [3, 8, 97]],
    ['a literal whose length is cut off', [3, 244, 1]],
    ['a literal of 2^32 bytes, which snappyjs goes back by for ever', [16, 252, 250, 255, 255, 255, 0, 0, 0, 0]],
    ['a copy from before the start', [7, 8, 97, 98, 99, 1, 4]],
    ['a copy from nowhere', [7, 8, 97, 98, 99, 1, 0]],
    ['a copy from 2^31 bytes back', [7, 8, 97, 98, 99, 7, 0, 0, 0, 128]],
    ['a copy that is cut off', [7, 8, 97, 98, 99, 1]],
    ['the framed format', [0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59]],
  ];
  for (const [what, bytes] of damaged) {
    it(`refuses ${what}`, () => assert.throws(() => inflate(...bytes), RequestInvalidError));
  }
});
