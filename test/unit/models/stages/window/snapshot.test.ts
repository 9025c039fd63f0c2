import assert from 'node:assert/strict';
import { ChunkKind, decodeChunk, encodeChunk, type Section } from '../../../../../models/domain/chunk.js';
import { StorageCorruptError } from '../../../../../models/errors.js';
import { windowStage, type WindowState } from '../../../../../models/stages/window.js';
import { newDeviceData } from '../../../../../models/stages/window/device-state.js';
import { WindowLog } from './window-log.js';

const T = Date.UTC(2026, 0, 1);

function sections(): Section[] {
  const log = new WindowLog({ latenessMs: 1000 });
  log.read(T, { x: 1, y: 2 });
  log.read(T + 5000, { x: 1 });
  return [...decodeChunk(windowStage.snapshot(log.state), ChunkKind.snapshot).sections];
}

function restoreWith(index: number, section: Section): WindowState {
  const changed = sections();
  changed[index] = section;
  const header = { kind: ChunkKind.snapshot, epoch: 0, from: 0, to: 0, timeMs: 0 };
  return windowStage.restore(encodeChunk(header, changed));
}

describe('window snapshot', () => {
  const refused: readonly [string, number, (of: Section) => Section, RegExp][] = [
    ['another stage', 0, () => ['scorer'], /stage must be window, got scorer/],
    ['another version', 1, (of) => Float64Array.from(of as Float64Array).fill(2, 0, 1), /version must be 1, got 2/],
    ['other rings', 1, (of) => Float64Array.from(of as Float64Array).fill(9, 1, 2), /rings must hold 15 and 32, got 9/],
    ['a broken profile', 2, () => ['standard', '{'], /profiles cannot be read/],
    ['profiles that are no JSON', 2, () => ['standard', '{'], /profiles cannot be read/],
    ['missing channel sets', 3, () => [], /has no channel set/],
    ['numbers where text belongs', 4, () => new Uint8Array(1), /section of text is missing/],
    ['text where numbers belong', 6, () => ['x'], /section of numbers is missing/],
    ['too few numbers', 6, (of) => (of as Float64Array).subarray(1), /is cut short/],
    ['too many numbers', 6, (of) => Float64Array.of(...(of as Float64Array), 1), /devices must take/],
    ['a waiting reading of nobody', 7, () => Uint32Array.of(7), /waiting reading 0 of 1 is cut short/],
    ['too many waiting values', 10, () => new Float64Array(9), /waiting readings must take 9 values, got 1/],
  ];

  for (const [name, index, change, message] of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => restoreWith(index, change(sections()[index]!)),
        (error) => error instanceof StorageCorruptError && message.test(error.message),
      );
    });
  }

  it('reads profiles of another release: leaves out what it does not know, keeps the rest', () => {
    const state = restoreWith(2, ['standard', '{"window":{"color":1,"stepMs":7}}']);
    const { window } = state.profiles.get('standard').definition;
    assert.equal(window.stepMs, 7);
    assert.ok(!('color' in window));
  });

  it('refuses a flipped bit', () => {
    const bytes = windowStage.snapshot(windowStage.createState());
    bytes[60]! ^= 4;
    assert.throws(() => windowStage.restore(bytes), StorageCorruptError);
  });

  it('leaves the bytes alone that it was restored from', () => {
    const log = new WindowLog();
    log.read(T, { x: 1 });
    const bytes = windowStage.snapshot(log.state);
    const copy = bytes.slice();
    log.state = windowStage.restore(bytes);
    log.read(T + 1, { x: 2 });
    assert.deepEqual(bytes, copy);
  });

  it('costs 584 bytes a device of one channel', () => {
    assert.equal(newDeviceData(1).byteLength, 584);
  });
});
