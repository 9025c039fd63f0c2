import assert from 'node:assert/strict';
import { meanSquare } from '../../../../models/detectors/mean-square.js';
import { SeededRandom } from '../../../../models/simulator/random.js';

function taught(channels: number, count: number) {
  const random = new SeededRandom(4);
  const detector = meanSquare.create({ channels });
  for (let i = 0; i < count; i++) detector.learn(Array.from({ length: channels }, () => random.uniform()));
  return detector;
}

describe('mean-square', () => {
  it('is the squared deviation over its level, by hand', () => {
    // ±1 by turns: mean 0, deviation 1 (and a thousandth of nothing), so every square is 1 and the level comes to 1.
    const detector = meanSquare.create({ channels: 1 });
    for (let i = 0; i < 4_000; i++) detector.learn([1 - 2 * (i % 2)]);
    const level = detector.state[1]!;
    assert.ok(Math.abs(detector.score([3])[0]! * level - 9) < 0.2);
  });

  it('does as its documentation says', () => {
    const detector = meanSquare.create({ channels: 2 });
    for (let i = 0; i < 200; i++) detector.learn([Math.sin(i), Math.cos(i)]);
    assert.ok(detector.score([8, 0])[0]! > 5);
  });

  it('sees many channels a little out at once', () => {
    const detector = taught(8, 1_000);
    const little = detector.score([1.1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5])[0]!;
    assert.ok(detector.score(Array<number>(8).fill(1.1))[0]! > 5 * little);
  });

  it('is not blinded by one wild value', () => {
    const detector = taught(2, 1_000);
    const before = detector.score([4, 0.5])[0]!;
    detector.learn([-9_999, 0.5]);
    assert.ok(detector.score([4, 0.5])[0]! > 0.3 * before);
  });

  it('is not blinded by a wild value before it speaks', () => {
    const random = new SeededRandom(4);
    const detector = meanSquare.create({ channels: 1 });
    for (let i = 0; i < 400; i++) detector.learn([i === 50 ? 65_535 : 20 + random.normal()]);
    assert.ok(detector.score([40])[0]! > 5);
  });

  it('forgets a state of affairs soon', () => {
    const detector = taught(1, 1_000);
    const first = detector.score([3])[0]!;
    for (let i = 0; i < 1_000; i++) detector.learn([3 + 0.1 * (i % 2)]);
    assert.ok(first > 3 && detector.score([3])[0]! < 1.5);
  });
});
