/** Points with times on a calendar become values a step apart. */
import { RequestInvalidError } from '../errors.js';

export const GRANULARITIES = [
  'yearly',
  'monthly',
  'weekly',
  'daily',
  'hourly',
  'minutely',
  'secondly',
  'microsecond',
  'none',
] as const;
export type Granularity = (typeof GRANULARITIES)[number];

export const IMPUTE_MODES = ['auto', 'previous', 'linear', 'fixed', 'zero', 'notFill'] as const;
export type ImputeMode = (typeof IMPUTE_MODES)[number];

export interface Grid {
  /** One a step; where no point was, filled in. */
  readonly values: Float64Array;
  /** Step of each point. */
  readonly stepOf: Int32Array;
}

/** Of all steps, so many may be without a point. */
const MOST_MISSING = 0.1;
/** A time may be off its step by this share of it. */
const TOLERANCE = 0.25;

const STEP_MS: Readonly<Record<Exclude<Granularity, 'yearly' | 'monthly' | 'none'>, number>> = {
  weekly: 604_800_000,
  daily: 86_400_000,
  hourly: 3_600_000,
  minutely: 60_000,
  secondly: 1_000,
  microsecond: 0.001,
};

/**
 * @param timesMs Unix ms of each point; undefined: they are a step apart, whatever their times
 * @param interval steps of the granularity between two points, >= 1
 * @param fixed value for the mode `fixed`
 * @throws RequestInvalidError when times do not ascend, are off their steps, or more than a tenth of the steps has no point
 */
export function regularGrid(
  timesMs: readonly number[] | undefined,
  values: readonly number[],
  granularity: Granularity,
  interval: number,
  mode: ImputeMode,
  fixed: number,
): Grid {
  if (timesMs === undefined || granularity === 'none') {
    return { values: Float64Array.from(values), stepOf: Int32Array.from(values, (_, i) => i) };
  }
  const stepOf = new Int32Array(values.length);
  const first = timesMs[0]!;
  for (let i = 1; i < timesMs.length; i++) {
    if (!(timesMs[i]! > timesMs[i - 1]!)) {
      throw new RequestInvalidError(
        `series[${i}].timestamp must come after the one before: sort the points, each time once`,
      );
    }
    const steps = stepsBetween(first, timesMs[i]!, granularity) / interval;
    const step = Math.round(steps);
    if (Math.abs(steps - step) > TOLERANCE || step <= stepOf[i - 1]!) {
      const each = interval === 1 ? granularity : `${granularity}, every ${interval}`;
      throw new RequestInvalidError(`series[${i}].timestamp does not fit the granularity ${each}`);
    }
    stepOf[i] = step;
  }
  const steps = stepOf[stepOf.length - 1]! + 1;
  if (steps - values.length > MOST_MISSING * steps) {
    throw new RequestInvalidError(
      `at most a tenth of the points may be missing, got ${values.length} points for ${steps} steps of ${granularity}`,
    );
  }
  return { values: filled(values, stepOf, steps, mode, fixed), stepOf };
}

function stepsBetween(fromMs: number, toMs: number, granularity: Exclude<Granularity, 'none'>): number {
  if (granularity === 'yearly') return monthsBetween(fromMs, toMs) / 12;
  if (granularity === 'monthly') return monthsBetween(fromMs, toMs);
  return (toMs - fromMs) / STEP_MS[granularity];
}

function monthsBetween(fromMs: number, toMs: number): number {
  const [from, to] = [new Date(fromMs), new Date(toMs)];
  const months = 12 * (to.getUTCFullYear() - from.getUTCFullYear()) + to.getUTCMonth() - from.getUTCMonth();
  return months + (to.getUTCDate() - from.getUTCDate()) / 31;
}

function filled(
  values: readonly number[],
  stepOf: Int32Array,
  steps: number,
  mode: ImputeMode,
  fixed: number,
): Float64Array {
  const out = new Float64Array(steps).fill(NaN);
  stepOf.forEach((step, i) => (out[step] = values[i]!));
  let before = 0;
  for (let step = 1; step < steps; step++) {
    if (Number.isNaN(out[step]!)) continue;
    for (let gap = before + 1; gap < step; gap++) {
      const share = (gap - before) / (step - before);
      switch (mode) {
        case 'previous':
          out[gap] = out[before]!;
          break;
        case 'zero':
          out[gap] = 0;
          break;
        case 'fixed':
          out[gap] = fixed;
          break;
        default:
          out[gap] = (1 - share) * out[before]! + share * out[step]!;
      }
    }
    before = step;
  }
  return out;
}
