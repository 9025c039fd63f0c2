import assert from 'node:assert/strict';
import { CAUTION_LENGTH, cautionOf, initCaution, judgeAlarm, stepCaution } from '../../../../models/scoring/caution.js';

const USUAL = 0.5;
const MINUTE_MS = 60_000;

class Device {
  readonly state = new Float64Array(CAUTION_LENGTH);

  constructor() {
    initCaution(this.state, 0);
  }

  get caution(): number {
    return cautionOf(this.state, 0, USUAL);
  }

  frames(count: number, isStrange: boolean): void {
    for (let i = 0; i < count; i++) stepCaution(this.state, 0, isStrange, !isStrange, USUAL, MINUTE_MS);
  }

  /** One alarm, and long enough quiet that the next is another one. */
  alarm(): void {
    this.frames(1, true);
    this.frames(70, false);
  }
}

describe('caution', () => {
  it('is none after one alarm, and grows with each one more, up to a bound', () => {
    const device = new Device();
    const after = Array.from({ length: 5 }, () => {
      device.alarm();
      return Math.round(10 * device.caution) / 10;
    });
    assert.deepEqual(after, [0, 1, 1.3, 1.3, 1.3]);
  });

  it('is paid back in 4,000 frames an alarm, sooner where the operator allows more', () => {
    const device = new Device();
    for (let i = 0; i < 2; i++) device.alarm();
    device.frames(4_000, false);
    assert.equal(device.caution, 0);
    for (let i = 0; i < 2; i++) stepCaution(device.state, 0, i === 0, false, USUAL, MINUTE_MS);
    const often = 100;
    const weekMs = 604_800_000;
    for (let i = 0; i < 10; i++) stepCaution(device.state, 0, false, true, often, weekMs / often);
    assert.equal(cautionOf(device.state, 0, USUAL), 0);
  });

  it('takes an alarm that comes back soon for the same one', () => {
    const device = new Device();
    device.frames(1, true);
    for (let i = 0; i < 5; i++) {
      device.frames(30, false);
      device.frames(1, true);
    }
    assert.equal(device.caution, 0);
  });

  it('grows with every 500 frames that an alarm stays on', () => {
    const device = new Device();
    device.frames(1_100, true);
    assert.ok(device.caution > 0.7);
  });

  it('is what the operator makes of it: a hundred times as many false alarms are worth 0.6', () => {
    const { state } = new Device();
    assert.ok(Math.abs(cautionOf(state, 0, 100 * USUAL) + 0.6) < 0.01);
    assert.ok(Math.abs(cautionOf(state, 0, USUAL / 100) - 0.6) < 0.01);
    assert.equal(cautionOf(state, 0, 1e-9), 0.7);
  });

  it('is paid back by a person who calls an alarm right, and doubled by one who calls it wrong', () => {
    const [right, wrong] = [new Device(), new Device()];
    for (const device of [right, wrong]) for (let i = 0; i < 2; i++) device.alarm();
    judgeAlarm(right.state, 0, true);
    judgeAlarm(wrong.state, 0, false);
    assert.deepEqual([right.caution, wrong.caution], [0, 1.25]);
  });
});
