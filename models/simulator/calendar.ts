/** The rhythm of days and weeks, in UTC. Everything is smooth: machines have inertia, and midnight is no event. */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** In [0, 24). */
export function hourOfDay(timeMs: number): number {
  return (((timeMs % DAY_MS) + DAY_MS) % DAY_MS) / HOUR_MS;
}

export function isWeekend(timeMs: number): boolean {
  // 1970-01-01 was a Thursday: day 0 is the fourth of a week that starts on Monday.
  const weekday = (((Math.floor(timeMs / DAY_MS) + 3) % 7) + 7) % 7;
  return weekday >= 5;
}

/** 0 at night, 1 between two hours of the day, with soft edges about `rampHours` wide. */
export function plateau(hour: number, fromHour: number, toHour: number, rampHours: number): number {
  return logistic((hour - fromHour) / rampHours) * logistic((toHour - hour) / rampHours);
}

/** A bell around an hour of the day, 1 at its top; wraps at midnight. */
export function bell(hour: number, topHour: number, widthHours: number): number {
  const distance = Math.abs(hour - topHour);
  const wrapped = Math.min(distance, 24 - distance) / widthHours;
  return Math.exp(-0.5 * wrapped * wrapped);
}

/** The sun's share: −1 at 3 o'clock, 1 at 15 o'clock. */
export function dailySine(hour: number): number {
  return Math.sin(((hour - 9) / 12) * Math.PI);
}

const logistic = (x: number): number => 1 / (1 + Math.exp(-4 * x));
