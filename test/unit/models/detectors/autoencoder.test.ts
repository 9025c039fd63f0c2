import assert from 'node:assert/strict';
import { autoencoderOf } from '../../../../models/detectors/autoencoder.js';
import { RunningDetector } from '../../../../models/detectors/detector.js';
import type { Artifact } from '../../../../models/neural/artifact.js';
import { SeededRandom } from '../../../../models/simulator/random.js';
import { CHANNELS, pairedRow, trainedModel } from '../../../support/trained-model.js';

describe('autoencoder', function () {
  this.timeout(60_000);
  let model: Artifact;

  before(async () => {
    model = await trainedModel();
  });

  function running(names: readonly string[] = CHANNELS): RunningDetector {
    return new RunningDetector(autoencoderOf(model, names).kernel(names.length), 'frame', names.length);
  }

  function teach(detector: RunningDetector, rows: number, level = 1, from = 0): SeededRandom {
    const random = new SeededRandom(5);
    for (let row = 0; row < rows; row++) {
      const values = pairedRow(random, from + row, level);
      detector.score(values);
      detector.learn(values);
    }
    return random;
  }

  it('finds channels that no longer go together, each of them at an ordinary value', () => {
    const detector = running();
    const random = teach(detector, 1_000);
    const ordinary: number[] = [];
    let row = 1_000;
    // Ends where flow is at its highest, and pressure at its lowest.
    for (; row < 1_100 || Math.sin(row / 7) < 0.99; row++) {
      const values = pairedRow(random, row, 1);
      ordinary.push(detector.score(values)[0]!);
      detector.learn(values);
    }
    const [flow] = pairedRow(random, row, 1);
    const [, highest] = pairedRow(random, row + Math.round(7 * Math.PI), 1);
    const [strangeness] = detector.score([flow, highest]);
    assert.ok(strangeness! > 3, `${strangeness}`);
    assert.ok(ordinary.filter((strangeness) => strangeness > 1).length < 10, `${ordinary.length}`);
  });

  it('names the channel, and what it should have been', () => {
    const detector = running();
    const random = teach(detector, 1_000);
    const [flow, pressure] = pairedRow(random, 1_000, 1);
    detector.score([flow, pressure + 8]);
    const { attribution, reason, reasonB } = detector.evidence;
    assert.ok(attribution[1]! > 3 * attribution[0]!);
    assert.ok(reason[1]! > 0 && Math.abs(reasonB[1]! - pressure) < 2, `${reasonB[1]}`);
  });

  it('takes a device at quite another level for another device, not for a strange one', () => {
    const detector = running();
    const random = teach(detector, 600, 50);
    const strange = Array.from({ length: 100 }, (_, i) => {
      const values = pairedRow(random, 600 + i, 50);
      const [strangeness] = detector.score(values);
      detector.learn(values);
      return strangeness! > 1.5;
    });
    assert.ok(strange.filter(Boolean).length < 10);
  });

  it('does not learn a long fault', () => {
    const detector = running();
    const random = teach(detector, 1_000);
    let last = 0;
    for (let row = 1_000; row < 1_200; row++) {
      const [flow, pressure] = pairedRow(random, row, 1);
      [last] = detector.score([flow, pressure + 6]) as [number];
      detector.learn([flow, pressure + 6]);
    }
    assert.ok(last > 2, `${last}`);
  });

  it('reads the channels by name, in whatever order a device has them', () => {
    const [plain, turned] = [running(), running(['valve', 'pressure', 'flow'])];
    const random = new SeededRandom(5);
    for (let row = 0; row < 400; row++) {
      const [flow, pressure] = pairedRow(random, row, 1);
      assert.deepEqual(turned.score([row % 3, pressure, flow]), plain.score([flow, pressure]));
      plain.learn([flow, pressure]);
      turned.learn([row % 3, pressure, flow]);
    }
  });

  it('bears missing values, constant channels and huge ones', () => {
    const detector = running();
    const random = teach(detector, 400);
    const frames = [
      [NaN, NaN],
      [NaN, 43],
      [1e150, 43],
      [-1e150, 1e150],
      [0, 0],
    ];
    for (const values of [...frames, ...Array.from({ length: 300 }, () => [11, 43])]) {
      detector.score(values);
      detector.learn(values);
    }
    const [strangeness] = detector.score(pairedRow(random, 700, 1));
    assert.ok(Number.isFinite(strangeness) && detector.state.every(Number.isFinite));
  });

  it('is silent while a device shows where it is', () => {
    const detector = running();
    teach(detector, 150);
    assert.deepEqual(detector.score([11, 43]), [NaN]);
  });
});
