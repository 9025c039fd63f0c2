import assert from 'node:assert/strict';
import { TEACH, type RunningDetector } from '../../../../models/detectors/detector.js';
import {
  referenceDeparture,
  referenceLevel,
  referenceMovement,
  referenceValue,
} from '../../../../models/detectors/reference.js';
import { ReasonCode } from '../../../../models/domain/reasons.js';
import { SeededRandom } from '../../../../models/simulator/random.js';

const START = 400;

/** Two channels that go together, a third that does not, each with noise of about 1. */
function rows(count: number, seed = 5): number[][] {
  const random = new SeededRandom(seed);
  const noise = () => 2 * (random.uniform() + random.uniform() + random.uniform() - 1.5);
  return Array.from({ length: count }, () => {
    const shared = noise();
    return [50 + shared + 0.1 * noise(), -3 + shared + 0.1 * noise(), noise()];
  });
}

function taught(detector: RunningDetector, frames: readonly number[][]): RunningDetector {
  for (const frame of frames) detector.learn(frame);
  return detector;
}

describe('reference-value', () => {
  it('is the ridge Mahalanobis distance over its level, by hand', () => {
    // Channels in step, ±1: mean 0, deviation 1, correlation 1, so A = [[1.1, 1], [1, 1.1]] with eigenvalues 2.1 and 0.1.
    const frames = Array.from({ length: START }, (_, i) => [1 - 2 * (i % 2), 1 - 2 * (i % 2)]);
    const detector = taught(referenceValue.create({ channels: 2 }), frames);
    // Level: Gaussian frames give 2/2.1·x² / 2 channels; the 98 % level of x² is 5.41.
    const level = (2 / 2.1) * 5.412 * 0.5;
    assert.ok(Math.abs(detector.score([1, -1])[0]! / (10 / level) - 1) < 0.02);
    assert.ok(Math.abs(detector.score([1, 1])[0]! / (1 / 2.1 / level) - 1) < 0.02);
  });

  it('does as its documentation says', () => {
    const detector = taught(
      referenceValue.create({ channels: 2 }),
      Array.from({ length: 500 }, (_, i) => [Math.sin(i), Math.sin(i)]),
    );
    assert.ok(detector.score([0.9, -0.9])[0]! > 3);
    assert.ok(detector.score([0.9, 0.9])[0]! < 1);
  });

  it('knows how restless a channel was that comes back after long', () => {
    const detector = taught(referenceValue.create({ channels: 3 }), rows(2_000));
    const lost = rows(30_000, 8).map(([a, b]) => [a!, b!, NaN]);
    taught(detector, lost);
    const strangeness = rows(200, 9).map((frame) => {
      const [one] = detector.score(frame);
      detector.learn(frame);
      return one!;
    });
    assert.ok(strangeness.filter((one) => one > 1.5).length < 20, `${Math.max(...strangeness)}`);
  });

  it('says nothing before it has a model', () => {
    const detector = taught(referenceValue.create({ channels: 3 }), rows(START - 1));
    assert.ok(Number.isNaN(detector.score([50, -3, 0])[0]!));
  });

  it('holds about 2 % of ordinary frames for stranger than 1', () => {
    const detector = taught(referenceValue.create({ channels: 3 }), rows(3_000));
    let beyond = 0;
    for (const frame of rows(2_000, 6)) if (detector.score(frame)[0]! > 1) beyond++;
    assert.ok(beyond > 10 && beyond < 80, `${beyond} of 2,000`);
  });

  it('sees two channels part that are ordinary one by one, and names them', () => {
    const detector = taught(referenceValue.create({ channels: 3 }), rows(1_000));
    assert.ok(detector.score([51.5, -4.5, 0])[0]! > 3);
    const [first, second, third] = detector.evidence.attribution;
    assert.ok(first! > 10 * third! && second! > 10 * third!);
    assert.equal(detector.evidence.reason[0], ReasonCode.pattern);
  });

  it('gives the value and what was usual for a channel far out', () => {
    const detector = taught(referenceValue.create({ channels: 3 }), rows(1_000));
    detector.score([50, -3, 12]);
    const { reason, reasonA, reasonB } = detector.evidence;
    assert.deepEqual([reason[2], reasonA[2]], [ReasonCode.value, 12]);
    assert.ok(Math.abs(reasonB[2]!) < 0.2);
  });

  it('counts a missing value as the mean', () => {
    const detector = taught(referenceValue.create({ channels: 3 }), rows(1_000));
    assert.ok(detector.score([NaN, NaN, NaN]).every(Number.isNaN));
    assert.ok(detector.score([NaN, NaN, 0])[0]! < 0.2);
    assert.ok(detector.score([NaN, NaN, 12])[0]! > 5);
  });

  it('is not blinded by wild values at power-on or later', () => {
    const clean = taught(referenceValue.create({ channels: 3 }), rows(1_000));
    const frames = rows(1_000);
    for (const at of [0, 30, 700]) frames[at] = [-9_999, 65_535, -9_999];
    const wild = taught(referenceValue.create({ channels: 3 }), frames);
    for (const strange of [
      [50, -3, 12],
      [60, 7, 0],
    ])
      assert.ok(wild.score(strange)[0]! > 0.3 * clean.score(strange)[0]!);
  });

  it('does not cry for ever about a switch that it knows', () => {
    const frames = rows(1_000).map((frame, i) => [frame[2]!, i % 20 < 2 ? 1 : 0]);
    const detector = taught(referenceValue.create({ channels: 2 }), frames);
    assert.ok(detector.score([0, 1])[0]! < 3);
  });

  it('takes a level for normal at once when it is told so', () => {
    const detector = taught(referenceValue.create({ channels: 3 }), rows(1_000));
    assert.ok(detector.score([60, 7, 5])[0]! > 10);
    detector.learn([60, 7, 5], {}, TEACH);
    assert.ok(detector.score([60, 7, 5])[0]! < 1);
  });

  it('follows a new state of affairs that it is told to learn fast', () => {
    const detector = taught(referenceValue.create({ channels: 3 }), rows(1_000));
    const moved = rows(300, 8).map(([a, b, c]) => [a! + 5, b! + 5, c!]);
    for (const frame of moved) detector.learn(frame, {}, 16);
    assert.ok(detector.score([55, 2, 0])[0]! < 1);
  });
});

describe('reference-level', () => {
  it('sees a small shift that lasts, and keeps seeing it', () => {
    const detector = taught(referenceLevel.create({ channels: 3 }), rows(1_000));
    const shifted = rows(1_000, 9).map(([a, b, c]) => [a!, b!, c! + 2]);
    taught(detector, shifted.slice(0, 30));
    assert.ok(detector.score(shifted[30]!)[0]! > 2);
    taught(detector, shifted.slice(30));
    assert.ok(detector.score(shifted[0]!)[0]! > 2);
  });
});

describe('reference-departure', () => {
  it('sees a jump in a channel that slowly drifts', () => {
    const drift = rows(1_500).map(([a, b, c], i) => [a! + 0.05 * i, b!, c!]);
    const detector = taught(referenceDeparture.create({ channels: 3 }), drift);
    assert.ok(detector.score([125, -3, 0])[0]! < 1.5);
    assert.ok(detector.score([140, -3, 0])[0]! > 3);
  });
});

describe('reference-movement', () => {
  it('sees unrest, and gives the steps of late and before', () => {
    const detector = taught(referenceMovement.create({ channels: 3 }), rows(1_000));
    const restless = rows(60, 9).map(([a, b, c]) => [a!, b!, 6 * c!]);
    taught(detector, restless);
    assert.ok(detector.score(restless[0]!)[0]! > 2);
    const { reason, reasonA, reasonB } = detector.evidence;
    assert.equal(reason[2], ReasonCode.variability);
    assert.ok(reasonA[2]! > 3 * reasonB[2]!);
  });
});
