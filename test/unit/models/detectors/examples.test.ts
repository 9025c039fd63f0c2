/** The examples of the detectors' documentation, run. */
import assert from 'node:assert/strict';
import { flatline } from '../../../../models/detectors/flatline.js';
import { halfSpaceTrees } from '../../../../models/detectors/half-space-trees.js';
import { levelShift } from '../../../../models/detectors/level-shift.js';
import { missing } from '../../../../models/detectors/missing.js';
import { nearestPast } from '../../../../models/detectors/nearest-past.js';
import { residual } from '../../../../models/detectors/residual.js';
import { seasonal } from '../../../../models/detectors/seasonal.js';
import { variability } from '../../../../models/detectors/variability.js';
import { ReasonCode } from '../../../../models/domain/reasons.js';
import { SeededRandom } from '../../../../models/simulator/random.js';
import { TEACH } from '../../../../models/detectors/detector.js';

const HOUR_MS = 3_600_000;

describe('residual', () => {
  it('measures a spike in deviations', () => {
    const detector = residual.create({ channels: 1 });
    for (const celsius of [20.0, 20.1, 19.9, 20.0, 20.1]) detector.learn([celsius]);
    assert.ok(detector.score([35])[0]! > 50);
  });

  it('is not blinded by one spike', () => {
    const detector = residual.create({ channels: 1 });
    for (let i = 0; i < 100; i++) detector.learn([20 + (i % 3)]);
    const before = detector.score([40])[0]!;
    detector.learn([1_000]);
    assert.ok(detector.score([40])[0]! > 0.8 * before);
  });

  it('gives an expected value inside its band', () => {
    const detector = residual.create({ channels: 1 });
    for (let i = 0; i < 200; i++) detector.learn([20 + (i % 3)]);
    detector.score([21]);
    const { expected, lower, upper } = detector.evidence;
    assert.ok(lower[0]! < 20 && upper[0]! > 22 && Math.abs(expected[0]! - 21) < 0.5);
  });

  it('takes a level for normal at once when it is told so', () => {
    const detector = residual.create({ channels: 1 });
    for (let i = 0; i < 200; i++) detector.learn([20 + (i % 3)]);
    detector.learn([50], {}, TEACH);
    assert.ok(detector.score([50])[0]! < 1);
  });
});

describe('level-shift', () => {
  it('sees a shift that no single value gives away', () => {
    const detector = levelShift.create({ channels: 1 });
    for (let i = 0; i < 60; i++) detector.learn([i % 2]);
    for (let i = 0; i < 10; i++) detector.learn([2 + (i % 2)]);
    assert.ok(detector.score([2])[0]! > 3);
  });

  it('is calm again when the level is', () => {
    const detector = levelShift.create({ channels: 1 });
    for (let i = 0; i < 300; i++) detector.learn([i % 2]);
    assert.ok(detector.score([1])[0]! < 3);
  });
});

describe('variability', () => {
  it('gives no reason for a channel that rested, nor for ordinary values after a spike', () => {
    const detector = variability.create({ channels: 1 });
    for (let i = 0; i < 100; i++) detector.learn([5]);
    detector.score([6]);
    assert.equal(detector.evidence.reason[0], 0);
    const after = variability.create({ channels: 1 });
    for (let i = 0; i < 200; i++) after.learn([Math.sin(i)]);
    after.learn([1e6]);
    after.learn([Math.sin(201)]);
    after.score([Math.sin(202)]);
    assert.equal(after.evidence.reason[0], 0);
  });

  it('sees noise that grows, and calm that is new', () => {
    const detector = variability.create({ channels: 1 });
    for (let i = 0; i < 200; i++) detector.learn([Math.sin(i)]);
    for (let i = 0; i < 12; i++) detector.learn([9 * Math.sin(i)]);
    assert.ok(detector.score([9])[0]! > 5);
    for (let i = 0; i < 400; i++) detector.learn([Math.sin(i)]);
    assert.ok(detector.score([Math.sin(400)])[0]! < 3);
    for (let i = 0; i < 60; i++) detector.learn([0.01 * Math.sin(i)]);
    assert.ok(detector.score([0])[0]! > 5);
  });
});

describe('seasonal', () => {
  const facts = (hour: number) => ({ timeMs: hour * HOUR_MS, stepMs: HOUR_MS });

  it('knows what is usual at the time of day', () => {
    const detector = seasonal.create({ channels: 1, bins: 24 });
    for (let hour = 0; hour < 96; hour++) detector.learn([hour % 24], facts(hour));
    assert.ok(detector.score([18], facts(102))[0]! > 10);
    assert.ok(detector.score([6], facts(102))[0]! < 2);
  });

  it('says nothing before the third day', () => {
    const detector = seasonal.create({ channels: 1, bins: 24 });
    for (let hour = 0; hour < 48; hour++) detector.learn([hour % 24], facts(hour));
    assert.deepEqual(detector.score([18], facts(54)), [NaN]);
  });

  it('says nothing where there is no daily rhythm, no time, or too few readings a day', () => {
    const detector = seasonal.create({ channels: 1, bins: 24 });
    for (let hour = 0; hour < 240; hour++) detector.learn([(hour * 7) % 11], facts(hour));
    assert.deepEqual(detector.score([5], facts(250)), [NaN]);
    assert.deepEqual(detector.score([5]), [NaN]);
    assert.deepEqual(detector.score([5], { timeMs: 250 * HOUR_MS, stepMs: 3 * HOUR_MS }), [NaN]);
  });

  it('counts days before 1970 as it does others', () => {
    const detector = seasonal.create({ channels: 1, bins: 24 });
    for (let hour = -96; hour < 0; hour++) detector.learn([((hour % 24) + 24) % 24], facts(hour));
    assert.ok(detector.score([6], facts(6))[0]! < 2);
  });
});

describe('seasonal, hourly', () => {
  it('knows the day with readings an hour apart and half-hour parts', () => {
    const detector = seasonal.create({ channels: 1 });
    const facts = (hour: number) => ({ timeMs: hour * HOUR_MS, stepMs: HOUR_MS });
    for (let hour = 0; hour < 120; hour++) detector.learn([hour % 24], facts(hour));
    assert.ok(detector.score([18], facts(126))[0]! > 10);
    assert.ok(detector.score([6], facts(126))[0]! < 2);
  });
});

describe('half-space-trees', () => {
  it('sees values that are usual alone and unusual together', () => {
    const detector = halfSpaceTrees.create({ channels: 2 });
    for (let i = 0; i < 200; i++) detector.learn([Math.sin(i), Math.sin(i)]);
    assert.ok(detector.score([0.9, -0.9])[0]! > detector.score([0.9, 0.9])[0]!);
  });

  it('attributes to the channel that left its range', () => {
    const detector = halfSpaceTrees.create({ channels: 3 });
    for (let i = 0; i < 300; i++) detector.learn([Math.sin(i), Math.sin(2 * i), Math.sin(3 * i)]);
    detector.score([0, 9, 0]);
    const { attribution } = detector.evidence;
    assert.ok(attribution[1]! > attribution[0]! && attribution[1]! > attribution[2]!);
  });
});

describe('flatline', () => {
  it('still finds a stuck channel after the verdict normal on a spike, and not after one on itself', () => {
    const detector = flatline.create({ channels: 1 });
    for (let i = 0; i < 500; i++) detector.learn([20 + Math.sin(i)]);
    detector.learn([20 + Math.sin(499)], {}, TEACH);
    for (let i = 0; i < 7; i++) detector.learn([21]);
    assert.ok(detector.score([21])[0]! > 10);
    detector.learn([21], {}, TEACH);
    assert.ok(detector.score([21])[0]! < 3);
  });

  it('finds a stuck channel the stranger the longer', () => {
    const detector = flatline.create({ channels: 1 });
    for (let i = 0; i < 50; i++) detector.learn([20 + Math.sin(i)]);
    for (let i = 0; i < 7; i++) detector.learn([21]);
    assert.ok(detector.score([21])[0]! > 10);
    assert.equal(detector.score([21.1])[0], 0);
  });

  it('finds nothing strange in a short run', () => {
    const detector = flatline.create({ channels: 1 });
    for (let i = 0; i < 500; i++) detector.learn([20 + Math.sin(i)]);
    for (let i = 0; i < 2; i++) detector.learn([21]);
    assert.equal(detector.score([21])[0], 0);
    detector.learn([21]);
    assert.ok(detector.score([21])[0]! > 2);
  });

  it('finds nothing strange in a channel that is always constant', () => {
    const detector = flatline.create({ channels: 1 });
    for (let i = 0; i < 50_000; i++) detector.learn([1]);
    assert.ok(detector.score([1])[0]! < 2);
  });
});

describe('missing', () => {
  it('tells the lost channel from the others', () => {
    const detector = missing.create({ channels: 2 });
    for (let i = 0; i < 50; i++) detector.learn([1, 2]);
    for (let i = 0; i < 6; i++) detector.learn([1, NaN]);
    const [kept, lost] = detector.score([1, NaN]);
    assert.equal(kept, 0);
    assert.ok(lost! > 10);
  });

  it('finds nothing strange in one or two values that are missing', () => {
    const detector = missing.create({ channels: 1 });
    for (let i = 0; i < 50; i++) detector.learn([1]);
    assert.equal(detector.score([1], { gapSteps: 2 })[0], 0);
    assert.ok(detector.score([1], { gapSteps: 3 })[0]! > 2);
  });

  it('finds a gap before a frame', () => {
    const detector = missing.create({ channels: 1 });
    for (let i = 0; i < 50; i++) detector.learn([1]);
    assert.ok(detector.score([1], { gapSteps: 30 })[0]! > 50);
  });

  it('counts steps that a gap policy made up, though they teach nothing', () => {
    const detector = missing.create({ channels: 1 });
    for (let i = 0; i < 50; i++) detector.learn([1]);
    for (let i = 0; i < 9; i++) detector.learn([1], { imputed: [1] }, 0);
    detector.score([1], { imputed: [1] });
    assert.equal(detector.evidence.reasonA[0], 10);
  });
});

describe('nearest-past', () => {
  const hourly = { stepMs: HOUR_MS };

  it('knows every hour of a day that was seen, and not one that never was', () => {
    const detector = nearestPast.create({ channels: 1 });
    for (let hour = 0; hour < 240; hour++) detector.learn([hour % 24], hourly);
    assert.ok(detector.score([40], hourly)[0]! > 2);
    assert.ok(detector.score([0], hourly)[0]! < 1);
  });

  it('sees a usual value at the wrong moment', () => {
    const detector = nearestPast.create({ channels: 1 });
    for (let hour = 0; hour < 240; hour++) detector.learn([hour % 24], hourly);
    assert.ok(detector.score([12], hourly)[0]! > 2);
  });

  it('sees a level through noise that no single value gives away', () => {
    const detector = nearestPast.create({ channels: 1 });
    const random = new SeededRandom(5);
    for (let hour = 0; hour < 300; hour++) detector.learn([10 * random.uniform()], hourly);
    let strongest = 0;
    for (let hour = 0; hour < 24; hour++) {
      const value = [8 + 2 * random.uniform()];
      strongest = Math.max(strongest, detector.score(value, hourly)[0]!);
      detector.learn(value, hourly);
    }
    assert.ok(strongest > 1.2, `${strongest}`);
  });

  it('sees swings that are new, though the means are not', () => {
    const detector = nearestPast.create({ channels: 1 });
    const random = new SeededRandom(6);
    const facts = { stepMs: HOUR_MS / 4 };
    for (let i = 0; i < 1_200; i++) detector.learn([50 + random.uniform()], facts);
    for (const value of [40, 61, 40]) detector.learn([value], facts);
    assert.ok(detector.score([61], facts)[0]! > 2);
    assert.equal(detector.evidence.reason[0], ReasonCode.variability);
  });

  it('knows what has been three times', () => {
    const detector = nearestPast.create({ channels: 1 });
    const random = new SeededRandom(7);
    for (let hour = 0; hour < 400; hour++) {
      const isHigh = hour === 200 || hour === 250 || hour === 300;
      detector.learn([isHigh ? 30 : random.uniform()], hourly);
    }
    assert.ok(detector.score([30], hourly)[0]! < 1.5);
    assert.ok(detector.score([60], hourly)[0]! > 2);
  });

  it('holds what it said of a block until the next is full', () => {
    const detector = nearestPast.create({ channels: 1 });
    const facts = { stepMs: HOUR_MS / 4 };
    for (let i = 0; i < 800; i++) detector.learn([(i >> 2) % 24], facts);
    for (let i = 0; i < 3; i++) detector.learn([90], facts);
    const [full] = detector.score([90], facts);
    detector.learn([90], facts);
    assert.deepEqual(detector.score([5], facts), [full]);
    assert.ok(full! > 2);
  });

  it('is calmer at once when a person says that all is normal', () => {
    const detector = nearestPast.create({ channels: 1 });
    for (let hour = 0; hour < 240; hour++) detector.learn([hour % 24], hourly);
    detector.learn([60], hourly);
    const before = detector.score([60], hourly)[0]!;
    detector.learn([60], hourly, TEACH);
    assert.ok(before > 2 && detector.score([60], hourly)[0]! < 0.8 * before);
  });
});
