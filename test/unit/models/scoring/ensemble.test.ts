import assert from 'node:assert/strict';
import { ReasonCode } from '../../../../models/domain/reasons.js';
import { completeProfile } from '../../../../models/profiles/profile.js';
import { Ensemble, type FrameScore } from '../../../../models/scoring/ensemble.js';
import { demoScenario } from '../../../../models/simulator/demo-scenario.js';
import { SeededRandom } from '../../../../models/simulator/random.js';

const MINUTE_MS = 60_000;
const START = 400;
/** Frames. */
const SAME_ALARM = 60;

/** One device under one ensemble. */
class Device {
  readonly ensemble: Ensemble;
  readonly state: Float64Array;
  readonly frame;
  #next = 0;

  constructor(channels: number, detection: Record<string, unknown> = {}) {
    this.ensemble = new Ensemble(completeProfile('test', { detection }).detection, channels);
    this.state = this.ensemble.createState();
    this.frame = {
      values: new Float64Array(channels),
      imputed: new Uint8Array(channels),
      timeMs: 0,
      stepMs: MINUTE_MS,
      gapSteps: 0,
    };
  }

  step(values: readonly number[], gapSteps = 0): FrameScore {
    this.#next += 1 + gapSteps;
    values.forEach((value, c) => {
      this.frame.values[c] = value;
      this.frame.imputed[c] = Number.isNaN(value) ? 1 : 0;
    });
    this.frame.timeMs = this.#next * MINUTE_MS;
    this.frame.gapSteps = gapSteps;
    this.ensemble.step(this.state, this.frame, true);
    return this.ensemble.result;
  }
}

const isAnomaly = (result: FrameScore): boolean => result.isReady && result.score >= result.threshold;

/** Plain noise around 20 until `START`, then what `fault` makes of it. */
function run(
  channels: number,
  frames: number,
  fault: (value: number, frame: number, channel: number) => number,
  look: (result: FrameScore, frame: number) => void,
  device = new Device(channels),
): Device {
  const random = new SeededRandom(11);
  for (let i = 0; i < frames; i++) {
    const values = Array.from({ length: channels }, (_, c) => {
      const value = 20 + 0.1 * random.normal();
      return i < START ? value : fault(value, i - START, c);
    });
    look(device.step(values), i - START);
  }
  return device;
}

/** Frames after its begin at which a fault in channel 1 of 3 is flagged; checks that it was quiet before. */
function flaggedAt(fault: (value: number, frame: number) => number, frames = 60): number[] {
  const flagged: number[] = [];
  run(
    3,
    START + frames,
    (value, i, c) => (c === 1 ? fault(value, i) : value),
    (result, i) => {
      if (isAnomaly(result)) flagged.push(i);
    },
  );
  assert.ok(
    flagged.every((i) => i >= 0),
    'quiet before the fault',
  );
  return flagged;
}

describe('Ensemble', () => {
  it('flags a spike at once, and is calm soon after', () => {
    const flagged = flaggedAt((value, i) => (i === 0 ? 22 : value));
    assert.equal(flagged[0], 0);
    assert.ok(flagged.length <= 10);
  });

  it('flags a step at once, and as long as it is new', () => {
    const flagged = flaggedAt((value) => value + 1.5, 120);
    assert.equal(flagged[0], 0);
    assert.ok(flagged.length > 110, `${flagged.length} of 120`);
  });

  it('flags a flat line within a few readings', () => {
    assert.ok(flaggedAt(() => 20.03)[0]! <= 5);
  });

  it('flags a drift of a fifth of a deviation a frame within 40 frames', () => {
    assert.ok(flaggedAt((value, i) => value + 0.02 * i)[0]! <= 40);
  });

  it('flags a lost channel within a few frames', () => {
    assert.ok(flaggedAt(() => NaN)[0]! <= 5);
  });

  it('flags noise that is five times as strong within 30 frames', () => {
    assert.ok(flaggedAt((value) => 20 + 5 * (value - 20))[0]! <= 30);
  });

  it('flags the first change of a constant', () => {
    const device = new Device(1);
    for (let i = 0; i < 200; i++) assert.equal(isAnomaly(device.step([7])), false);
    assert.ok(isAnomaly(device.step([8])));
  });

  it('flags a gap when the readings resume', () => {
    const device = run(
      1,
      START,
      (value) => value,
      () => undefined,
    );
    const result = device.step([20], 60);
    assert.ok(isAnomaly(result));
    assert.equal(result.reasons.code[0], ReasonCode.gap);
    assert.equal(result.reasons.a[0], 60);
  });

  it('finds nothing strange in a channel that never moves', () => {
    const device = new Device(1);
    for (let i = 0; i < 5_000; i++) assert.equal(isAnomaly(device.step([3])), false);
  });

  it('takes a new level for normal after three times the patience, and is calm there', () => {
    let last = 0;
    run(
      1,
      START + 1_500,
      (value) => value + 2,
      (result, i) => {
        if (isAnomaly(result)) last = i;
      },
      new Device(1, { patienceFrames: 150 }),
    );
    assert.ok(last >= 100 && last <= 600, `last flagged at ${last}`);
  });

  it('attributes to the faulty channel, says why, and gives the band that was left', () => {
    run(
      3,
      START + 1,
      (value, _i, c) => (c === 1 ? 35 : value),
      (result, i) => {
        if (i < 0) return;
        assert.ok(result.contribution[1]! > 0.8);
        assert.equal(result.reasons.code[0], ReasonCode.value);
        assert.equal(result.reasons.channel[0], 1);
        assert.ok(Math.abs(result.expected[1]! - 20) < 0.3);
        assert.ok(result.lower[1]! < 20 && result.upper[1]! > 20 && result.upper[1]! < 22);
      },
    );
  });

  it('announces an episode once', () => {
    let loudest = 0;
    const events: number[] = [];
    run(
      1,
      START + 100,
      (value) => value + 2,
      (result, i) => {
        if (i < 0) loudest = Math.max(loudest, result.event);
        else if (result.event > loudest) events.push(i);
      },
    );
    assert.ok(events[0]! <= 3, `events at ${events.join()}`);
    assert.ok(events.length <= 3, `events at ${events.join()}`);
  });

  it('raises false alarms about as often as the operator allowed', () => {
    const perWeek = 20;
    const frames = 20_000;
    const random = new SeededRandom(5);
    let episodes = 0;
    for (let d = 0; d < 5; d++) {
      const device = new Device(2, { falseAlarmsPerWeek: perWeek });
      // One that comes back within the hour is the same.
      let last = -Infinity;
      for (let i = 0; i < frames; i++) {
        if (!isAnomaly(device.step([random.normal(), 5 + random.normal()]))) continue;
        if (i - last > SAME_ALARM) episodes++;
        last = i;
      }
    }
    const expected = (perWeek * 5 * frames * MINUTE_MS) / 604_800_000;
    assert.ok(episodes > expected / 3 && episodes < expected * 3, `${episodes}, expected ${expected}`);
  });

  it('warms up by frames, with progress', () => {
    const device = new Device(1, { warmUpFrames: 10 });
    assert.equal(device.step([1]).progress, 0.1);
    for (let i = 1; i < 9; i++) assert.equal(device.step([1]).isReady, false);
    assert.equal(device.step([1]).isReady, true);
  });

  it('teaches the present level at once when a person says it is normal', () => {
    const device = run(
      1,
      START + 20,
      (value) => value + 3,
      () => undefined,
    );
    assert.ok(isAnomaly(device.step([23])));
    device.ensemble.teachNormal(device.state, device.frame);
    assert.equal(isAnomaly(device.step([23])), false);
  });

  it('learns nothing from a step that a gap policy made up', () => {
    const device = run(
      1,
      START,
      (value) => value,
      () => undefined,
    );
    const before = device.ensemble.createState();
    before.set(device.state);
    device.frame.values[0] = 500;
    device.frame.imputed[0] = 1;
    device.ensemble.step(device.state, device.frame, false);
    assert.deepEqual(device.step([20]).isReady, true);
    assert.ok(!isAnomaly(device.ensemble.result));
  });

  it('keeps a channel that stays when another appears', () => {
    const device = run(
      1,
      START,
      (value) => value,
      () => undefined,
    );
    const wider = new Device(2);
    wider.state.set(wider.ensemble.adopt(device.ensemble, device.state, [-1, 0]));
    assert.ok(wider.step([100, 20]).isReady);
    assert.ok(!isAnomaly(wider.ensemble.result));
    assert.ok(isAnomaly(wider.step([100, 25])));
    assert.ok(wider.ensemble.result.contribution[1]! > 0.8);
  });

  it('keeps the detectors with equal settings over a change of profile, and starts anew when none stays', () => {
    const choice = (slow: number) => ({ name: 'residual', settings: { slow } });
    const flat = { name: 'flatline', settings: {} };
    const before = run(
      1,
      START,
      (value) => value,
      () => undefined,
      new Device(1, { detectors: [choice(300), flat] }),
    );
    const same = new Device(1, { detectors: [flat, choice(300)] });
    const other = new Device(1, { detectors: [choice(200)] });
    same.state.set(same.ensemble.adopt(before.ensemble, before.state, [0]));
    other.state.set(other.ensemble.adopt(before.ensemble, before.state, [0]));
    assert.ok(isAnomaly(same.step([25])));
    assert.equal(other.step([25]).isReady, false);
  });

  it('hears detectors alike in whatever order a profile names them', () => {
    const names = ['residual', 'mean-square', 'flatline'];
    const scores = [names, names.toReversed()].map((order) => {
      const all: number[] = [];
      const detectors = order.map((name) => ({ name, settings: {} }));
      run(
        1,
        START + 20,
        (value) => value + 5,
        ({ score, event }) => all.push(score, event),
        new Device(1, { detectors }),
      );
      return all;
    });
    assert.deepEqual(scores[0], scores[1]);
  });

  it('needs at most 32 KB for three channels', () => {
    assert.ok(new Device(3).state.byteLength <= 32_768);
  });

  it('needs 1 KB a channel where it is light, besides half a KB a device', () => {
    for (const channels of [1, 3, 12]) {
      const { byteLength } = new Device(channels, { ensemble: 'light' }).state;
      assert.ok(byteLength <= 1_000 * channels + 600, `${byteLength} for ${channels}`);
    }
  });

  it('still finds the obvious where it is light', () => {
    const flagged: number[] = [];
    const spike = (value: number, i: number): number => (i === 0 ? 30 : value);
    const look = (result: FrameScore, i: number): unknown => isAnomaly(result) && flagged.push(i);
    run(1, START + 20, spike, look, new Device(1, { ensemble: 'light' }));
    assert.equal(flagged[0], 0);
  });

  it('leaves out what a profile does not want, and refuses to leave out all', () => {
    const whole = new Device(3).ensemble.stateLength;
    assert.ok(new Device(3, { without: ['nearest-past'] }).ensemble.stateLength < whole / 1.5);
    const all = ['residual', 'seasonal', 'flatline', 'missing'];
    assert.throws(
      () => completeProfile('test', { detection: { ensemble: 'light', without: all } }),
      /leave a detector/,
    );
  });

  it('refuses a detector that is not in the catalogue', () => {
    const detection = completeProfile('test', {}).detection;
    assert.throws(() => new Ensemble({ ...detection, detectors: [{ name: 'oracle', settings: {} }] }, 1), /oracle/);
    assert.throws(() => completeProfile('test', { detection: { detectors: [{ name: 'oracle' }] } }), /detectors\.0/);
  });
});

describe('devices under one ensemble', () => {
  const spiky = (random: SeededRandom, i: number) => 20 + 0.1 * random.normal() + (i > 500 && i % 300 === 0 ? 4 : 0);

  it('are scored alike whoever is scored in between, ready or not', () => {
    const detection = completeProfile('test', {}).detection;
    const thresholds = (isDisturbed: boolean): number[] => {
      const ensemble = new Ensemble(detection, 1);
      const state = ensemble.createState();
      const random = new SeededRandom(5);
      const frame = {
        values: new Float64Array(1),
        imputed: new Uint8Array(1),
        timeMs: 0,
        stepMs: MINUTE_MS,
        gapSteps: 0,
      };
      return Array.from({ length: 2_000 }, (_, i) => {
        frame.timeMs = i * MINUTE_MS;
        // A device that was never seen before.
        if (isDisturbed) {
          frame.values[0] = 1;
          ensemble.step(ensemble.createState(), frame, true);
        }
        frame.values[0] = spiky(random, i);
        ensemble.step(state, frame, true);
        return ensemble.result.threshold;
      });
    };
    assert.deepEqual(thresholds(true), thresholds(false));
  });

  it('keep their state when a verdict comes after the references were left out', () => {
    const [standard, light] = ['standard', 'light'].map(
      (ensemble) => new Ensemble(completeProfile('test', { detection: { ensemble } }).detection, 2),
    );
    const device = new Device(2);
    const random = new SeededRandom(1);
    const row = (offset: number) => [20 + offset + random.normal(), 1_000 + random.normal()];
    for (let i = 0; i < 1_200; i++) device.step(row(i >= 800 && i < 803 ? 8 : 0));
    const taught = light!.adopt(standard!, device.state, [0, 1]);
    // It tells the latest values as it knows them: the second time, those that the first has left.
    for (let verdict = 0; verdict < 2; verdict++) {
      device.frame.values.fill(NaN);
      light!.teachNormal(taught, device.frame);
      const [first, second] = device.frame.values;
      assert.ok(Math.abs(first! - 20) < 8 && Math.abs(second! - 1_000) < 8, `${first}, ${second}`);
    }
  });

  for (const falseAlarmsPerWeek of [20, 1_000]) {
    it(`may alarm more often where ${falseAlarmsPerWeek} a week are allowed, and not all the time`, () => {
      const device = new Device(1, { falseAlarmsPerWeek });
      const random = new SeededRandom(8);
      let anomalies = 0;
      for (let i = 0; i < 6_000; i++) {
        const result = device.step([20 + random.normal()]);
        if (i > 2_000 && isAnomaly(result)) anomalies++;
      }
      assert.ok(anomalies < 600, `${anomalies} of 4,000 frames`);
    });
  }

  for (const channels of [1, 3]) {
    it(`believe a person that a device of ${channels} which was idle at first is well`, () => {
      const device = new Device(channels);
      const random = new SeededRandom(8);
      const row = (isAtWork: boolean) => Array.from({ length: channels }, () => 20 + (isAtWork ? random.normal() : 0));
      for (let i = 0; i < 1_000; i++) device.step(row(false));
      for (let i = 0; i < 100; i++) device.step(row(true));
      device.ensemble.teachNormal(device.state, device.frame);
      let anomalies = 0;
      for (let i = 0; i < 4_000; i++) if (isAnomaly(device.step(row(true))) && i >= 2_000) anomalies++;
      assert.ok(anomalies < 200, `${anomalies} of the last 2,000 frames`);
    });
  }

  it('know a channel that appears within an incident by its own values', () => {
    const ensembles = [1, 2].map((channels) => new Ensemble(completeProfile('test', {}).detection, channels));
    const random = new SeededRandom(9);
    const step = (ensemble: Ensemble, state: Float64Array, i: number, values: number[]): void => {
      const imputed = new Uint8Array(values.length);
      const frame = {
        values: Float64Array.from(values),
        imputed,
        timeMs: i * MINUTE_MS,
        stepMs: MINUTE_MS,
        gapSteps: 0,
      };
      ensemble.step(state, frame, true);
    };
    const alone = ensembles[0]!.createState();
    for (let i = 0; i < 1_050; i++) step(ensembles[0]!, alone, i, [20 + random.normal() + (i < 1_000 ? 0 : 40)]);
    const both = ensembles[1]!.adopt(ensembles[0]!, alone, [0, -1]);
    for (let i = 1_050; i < 1_250; i++) step(ensembles[1]!, both, i, [60 + random.normal(), 1_000 + random.normal()]);
    const { lower, upper } = ensembles[1]!.result;
    assert.ok(lower[1]! > 980 && upper[1]! < 1_020, `${lower[1]} to ${upper[1]}`);
  });

  it('says why of each strange frame, also where nothing is strange but how long it lasts', () => {
    // Among the devices of the demo: channels that stray together, each a little, for half a minute.
    const { fleet, liveFromMs } = demoScenario({ seed: 1, nowMs: Date.UTC(2026, 0, 1) });
    let device: Device | undefined;
    const codes = new Map<number, number>();
    for (const reading of fleet.readings(liveFromMs)) {
      if (reading.device !== 'air-handler-08') continue;
      const values = Object.values(reading.values).map((value) => value ?? NaN);
      device ??= new Device(values.length);
      const result = device.step(values);
      if (!isAnomaly(result)) continue;
      const code = result.reasons.length === 0 ? 0 : result.reasons.code[0]!;
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    assert.equal(codes.get(0), undefined);
    assert.ok((codes.get(ReasonCode.together) ?? 0) > 3, JSON.stringify([...codes]));
  });
});
