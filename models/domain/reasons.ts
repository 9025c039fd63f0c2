/** Why a frame is strange: a code and two numbers in the log, words for people. */
import type { ScoreBatch } from './score-batch.js';

/** The number of a reason in a column; `a` and `b` are what `reasonA` and `reasonB` then hold. Numbers are never used again. */
export const ReasonCode = {
  /** The value is out of its usual band. a: value, b: expected value. */
  value: 1,
  /** The level has moved. a: mean of late, b: mean before. */
  level: 2,
  /** Unusual for this time of day. a: value, b: usual value at this time. */
  season: 3,
  /** The values do not go together as they usually do; the channel contributes most. */
  pattern: 4,
  /** The value does not move. a: readings in a row. */
  flat: 5,
  /** The channel has no value. a: steps in a row. */
  missing: 6,
  /** Readings are missing before this one. a: steps. */
  gap: 7,
  /** The device is silent. a: ms since its last reading, b: its usual interval in ms, 0 when unknown. */
  silence: 8,
  /** The value swings more, or less, than usual. a: mean step of late, b: mean step before. */
  variability: 9,
  /**
   * Readings arrive, and their times are wrong. a: ms by which they are behind those before (negative) or ahead of their
   * arrival; b: -1 behind, 1 ahead, also where a is 0 since nobody knows how far.
   */
  clock: 10,
  /** All of it together is strange, and nothing by itself is; the channel contributes most. */
  together: 11,
} as const;
export type ReasonCode = (typeof ReasonCode)[keyof typeof ReasonCode];

/** Reasons of row `i` of a batch in plain English, strongest first; empty where there are none. */
export function reasonWords(batch: ScoreBatch, i: number): string[] {
  const words: string[] = [];
  const channels = batch.channels(i);
  const first = batch.reasonStart(i);
  for (let r = first; r < first + batch.reasonCount.data[i]!; r++) {
    const c = batch.reasonChannel.data[r]!;
    const at = batch.start(i) + c;
    const code = batch.reasonCode.data[r]!;
    // The value itself is in the row with all its digits.
    const actual = code === ReasonCode.value || code === ReasonCode.season ? batch.actual.data[at]! : NaN;
    const hasBand = c < channels.length && batch.lower.data[at]! <= batch.upper.data[at]!;
    words.push(
      reasonText(
        code,
        channels[c] ?? 'the device',
        c < channels.length && !Number.isNaN(actual) ? actual : batch.reasonA.data[r]!,
        batch.reasonB.data[r]!,
        hasBand ? batch.lower.data[at]! : NaN,
        hasBand ? batch.upper.data[at]! : NaN,
      ),
    );
  }
  // Two detectors may say the same of a channel.
  return [...new Set(words)];
}

/**
 * One reason in words.
 *
 * @param lower usual band of the channel, NaN when unknown
 */
export function reasonText(code: number, channel: string, a: number, b: number, lower = NaN, upper = NaN): string {
  switch (code) {
    case ReasonCode.value: {
      const [value, low, high, expected] = alike([a, lower, upper, b]);
      // Rows carry a band in 32 bits, in which the limits of a narrow band around a large number are one and the same.
      if (low === high && Math.abs(a) >= 1e6) return `${channel} is ${value}, usually about ${low}`;
      // A band is of a single reading; one within it may still come with too many like it.
      const isWithin = a >= lower && a <= upper && Number.isFinite(b) && b !== a;
      if (!(lower <= upper) || isWithin) return `${channel} is ${value}, expected ${expected}`;
      return low === high
        ? `${channel} is ${value}, usually ${low}`
        : `${channel} is ${value}, usually ${low} to ${high}`;
    }
    case ReasonCode.level: {
      const [now, before] = alike([a, b]);
      return `${channel} has moved to about ${now}, from about ${before}`;
    }
    case ReasonCode.season: {
      const [value, usual] = alike([a, b]);
      return `${channel} is ${value}, usually about ${usual} at this time of day`;
    }
    case ReasonCode.pattern:
      return `unusual combination of values, most of all ${channel}`;
    case ReasonCode.together:
      return `${channel} is a little unusual for some time, more than chance would have it`;
    case ReasonCode.flat:
      return `${channel} has not moved for ${plain(a)} readings`;
    case ReasonCode.missing:
      return `no value for ${channel} for ${plain(a)} ${a === 1 ? 'step' : 'steps'}`;
    case ReasonCode.gap:
      return `${plain(a)} ${a === 1 ? 'reading is' : 'readings are'} missing before this one`;
    case ReasonCode.silence:
      return b > 0
        ? `no readings for ${duration(a)}, usually one every ${duration(b)}`
        : `no readings for ${duration(a)}`;
    case ReasonCode.clock: {
      const far = a === 0 ? '' : `${duration(Math.abs(a))} `;
      return `readings arrive, but their times are ${far}${b < 0 ? 'behind those before' : 'ahead'}: check the device's clock`;
    }
    case ReasonCode.variability: {
      const [now, before] = alike([a, b]);
      return `${channel} changes by about ${now} a step, usually ${before}`;
    }
    default:
      return `${channel} is unusual`;
  }
}

/** The numbers of one sentence, all with the digits that tell them apart: three of the finest difference. */
function alike(values: readonly number[]): string[] {
  const finite = values.filter(Number.isFinite);
  const largest = Math.max(...finite.map(Math.abs), 0);
  const spread = Math.max(...finite) - Math.min(...finite);
  const scale = spread > 0 ? spread : largest;
  if (largest >= 1e7 || (largest > 0 && largest < 1e-4)) {
    const digits = Math.floor(Math.log10(largest)) - Math.floor(Math.log10(scale)) + 3;
    return values.map((value) => Number(value.toPrecision(Math.max(4, Math.min(15, digits)))).toString());
  }
  const decimals = scale > 0 ? Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(scale)))) : 0;
  return values.map((value) =>
    value.toFixed(Math.min(decimals, largest >= 1_000 ? 2 : 6)).replace(/^-(0(\.0*)?)$/, '$1'),
  );
}

const plain = (value: number): string => Math.round(value).toString();

function duration(ms: number): string {
  if (ms < 1_000) return `${plain(ms)} ms`;
  if (ms < 120_000) return `${plain(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${plain(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${plain(ms / 3_600_000)} h`;
  return `${plain(ms / 86_400_000)} days`;
}
