/**
 * How cautious a device's alarms must be: a device that has raised many of late needs stronger evidence for the next. No tail
 * that was learned from the past knows of the day on which everything becomes otherwise; the alarms themselves do.
 *
 * A device begins with one alarm to its credit. Every alarm costs one, and one more for every 500 frames that it stays on.
 * The operator's number of false alarms is paid back over time, at least one in 4,000 frames. What is owed is the caution, up
 * to 1.25: then a frame must be strange in a way that is a matter of factors (`alarm-signs.ts`), and a strong fault is still heard.
 *
 * A person who calls an alarm right pays it back; one who calls it wrong doubles it.
 *
 * Source   control of a threshold by its own false alarms, as in Gibbs & Candès (2021), Adaptive conformal inference under
 *          distribution shift, NeurIPS; here in steps of whole alarms, for those are what a person counts
 */

export const CAUTION_LENGTH = 4;
const DEBT = 0;
/** Frames since the alarm went on; 0 while it is off. */
const ON = 1;
const CALM_RUN = 2;
/** Frames since it went off. */
const OFF = 3;

const FIRST_DEBT = -1;
const MOST_DEBT = 3;
const MOST_CAUTION = 1.25;
/** One alarm is paid back in so many frames at most. */
const LONGEST_PAYBACK = 4_000;
/** An alarm that comes back within so many frames is the same one. */
const SAME_ALARM = 50;
/** Calm frames that end it. */
const CALM_FRAMES = 10;
const LONG_ALARM = 500;

const WEEK_MS = 604_800_000;
/** The false alarms a device-week that the caution of 0 stands for, and what a factor e more or less of them is worth. */
const USUAL_PER_WEEK = 0.5;
const PER_E_FOLD = 0.13;
const MOST_WISH = 0.7;

export function initCaution(state: Float64Array, at: number): void {
  state[at + DEBT] = FIRST_DEBT;
  state[at + ON] = 0;
  state[at + CALM_RUN] = 0;
  state[at + OFF] = SAME_ALARM + 1;
}

/** @returns in [-0.7, 1.95]; 0 for a device without debt under an operator who wants the usual number of false alarms */
export function cautionOf(state: Float64Array, at: number, falseAlarmsPerWeek: number): number {
  const wish = -PER_E_FOLD * Math.log(falseAlarmsPerWeek / USUAL_PER_WEEK);
  return Math.max(0, Math.min(MOST_CAUTION, state[at + DEBT]!)) + Math.max(-MOST_WISH, Math.min(MOST_WISH, wish));
}

/** Takes a frame in. @param isCalm far enough below the threshold to end an alarm; between calm and strange all stays as it is */
export function stepCaution(
  state: Float64Array,
  at: number,
  isStrange: boolean,
  isCalm: boolean,
  falseAlarmsPerWeek: number,
  intervalMs: number,
): void {
  const payback = Math.max((falseAlarmsPerWeek * intervalMs) / WEEK_MS, 1 / LONGEST_PAYBACK);
  state[at + DEBT] = Math.max(FIRST_DEBT, state[at + DEBT]! - payback);
  if (state[at + ON] === 0) {
    const off = Math.min(state[at + OFF]! + 1, SAME_ALARM + 1);
    state[at + OFF] = off;
    if (!isStrange) return;
    if (off > SAME_ALARM) owe(state, at, 1);
    state[at + ON] = 1;
    state[at + CALM_RUN] = 0;
    return;
  }
  state[at + ON]! += 1;
  if (state[at + ON]! % LONG_ALARM === 0) owe(state, at, 1);
  state[at + CALM_RUN] = isCalm ? state[at + CALM_RUN]! + 1 : 0;
  if (state[at + CALM_RUN]! < CALM_FRAMES) return;
  state[at + ON] = 0;
  state[at + OFF] = 0;
}

/** A person's verdict on an alarm of this device. */
export function judgeAlarm(state: Float64Array, at: number, wasRight: boolean): void {
  owe(state, at, wasRight ? -1 : 1);
}

function owe(state: Float64Array, at: number, alarms: number): void {
  state[at + DEBT] = Math.max(FIRST_DEBT, Math.min(MOST_DEBT, state[at + DEBT]! + alarms));
}
