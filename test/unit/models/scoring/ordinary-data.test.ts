/** What devices send every day: how often it raises alarms, and whether faults are still found. */
import assert from 'node:assert/strict';
import { completeProfile } from '../../../../models/profiles/profile.js';
import { Ensemble } from '../../../../models/scoring/ensemble.js';
import { SeededRandom } from '../../../../models/simulator/random.js';

const STEP_MS = 300_000;
const FRAMES_A_WEEK = 604_800_000 / STEP_MS;

type Series = (random: SeededRandom) => (i: number) => number;

/** Frames at which an episode begins, or goes on after ten calm frames. */
function alarms(next: (i: number) => number, frames: number): number[] {
  const ensemble = new Ensemble(completeProfile('test', {}).detection, 1);
  const state = ensemble.createState();
  const frame = { values: new Float64Array(1), imputed: new Uint8Array(1), timeMs: 0, stepMs: STEP_MS, gapSteps: 0 };
  const begun: number[] = [];
  let last = -Infinity;
  for (let i = 0; i < frames; i++) {
    frame.timeMs = i * STEP_MS;
    frame.values[0] = next(i);
    frame.imputed[0] = Number.isNaN(frame.values[0]) ? 1 : 0;
    ensemble.step(state, frame, true);
    const { isReady, score, threshold } = ensemble.result;
    if (!isReady || score < threshold) continue;
    if (i - last > 10) begun.push(i);
    last = i;
  }
  return begun;
}

const plain: Series = (random) => () => 20 + random.normal();

const meter: Series = (random) => {
  let total = 0;
  return (i) => {
    if (i % 288 === 0) total = 0;
    total += random.uniform() * 5;
    return Math.round(total * 10) / 10;
  };
};

const ORDINARY: Readonly<Record<string, Series>> = {
  'plain noise': plain,
  tenths: (random) => () => Math.round((20 + 0.3 * random.normal()) * 10) / 10,
  'whole numbers': (random) => () => Math.round(20.3 + 0.4 * random.normal()),
  'a contact': (random) => () => (random.uniform() < 0.002 ? 1 : 0),
  'on and off': (random) => {
    let isOn = 0;
    return () => (isOn = random.uniform() < 0.02 ? 1 - isOn : isOn);
  },
  'a duty cycle': () => (i) => (i % 20 < 7 ? 1 : 0),
  'a meter that starts anew each day': meter,
  'a counter of 16 bits': (random) => {
    let count = 0;
    return () => (count = (count + Math.floor(40 + random.uniform() * 20)) % 65_536);
  },
};

describe('ordinary data', () => {
  for (const [name, series] of Object.entries(ORDINARY)) {
    it(`${name}: false alarms within a small factor of one a week`, () => {
      let count = 0;
      for (const seed of [5, 36, 67]) count += alarms(series(new SeededRandom(seed)), 8_000).length;
      const expected = (3 * 8_000) / FRAMES_A_WEEK;
      assert.ok(count <= 3 * expected, `${count}, expected ${expected.toFixed(1)}`);
    });
  }

  const FAULTS: Readonly<Record<string, (value: number, since: number) => number>> = {
    spike: (value, since) => (since === 0 ? value + 10 : value),
    step: (value) => value + 6,
    flatline: () => 20.5,
    'lost channel': () => NaN,
  };
  for (const [name, fault] of Object.entries(FAULTS)) {
    it(`a ${name} is still found in plain noise`, () => {
      const next = plain(new SeededRandom(3));
      const found = alarms((i) => (i < 2_000 ? next(i) : fault(next(i), i - 2_000)), 2_020);
      assert.ok(found.some((i) => i >= 2_000));
    });
  }

  it('a meter that counts ten times as fast is found', () => {
    const random = new SeededRandom(3);
    const next = meter(random);
    let more = 0;
    const found = alarms((i) => next(i) + (i >= 2_100 ? (more += 40) : 0), 2_110);
    assert.ok(found.some((i) => i >= 2_100));
  });

  for (const sentinel of [-9999, 65_535]) {
    it(`a first reading of ${sentinel} hides nothing`, () => {
      for (const at of [300, 1_000, 4_000]) {
        for (const seed of [3, 10, 17, 24]) {
          const next = plain(new SeededRandom(seed));
          const found = alarms((i) => (i === 5 ? sentinel : next(i) + (i >= at ? 6 : 0)), at + 10);
          assert.ok(
            found.some((i) => i >= at),
            `step at ${at}, seed ${seed}`,
          );
        }
      }
    });
  }

  it('one huge value is soon over', () => {
    const ensemble = new Ensemble(completeProfile('test', {}).detection, 1);
    const state = ensemble.createState();
    const frame = { values: new Float64Array(1), imputed: new Uint8Array(1), timeMs: 0, stepMs: STEP_MS, gapSteps: 0 };
    const random = new SeededRandom(3);
    let flagged = 0;
    for (let i = 0; i < 700; i++) {
      frame.timeMs = i * STEP_MS;
      frame.values[0] = i === 600 ? 1e6 : 20 + random.normal();
      ensemble.step(state, frame, true);
      if (i >= 600 && ensemble.result.score >= ensemble.result.threshold) flagged++;
    }
    assert.ok(flagged >= 1 && flagged <= 6, `${flagged}`);
  });
});
