/** Gathers readings of devices into what a training reads. */
import { RequestInvalidError } from '../errors.js';
import type { TrainingSeries } from './training-set.js';

/** Numbers in memory: 4 GB of them would be too many for a laptop. */
const MOST_VALUES = 200_000_000;

interface Rows {
  readonly timesMs: number[];
  readonly values: number[];
  /** Whether each row was strange. */
  readonly isStrange: boolean[];
}

/** Rows of a span that is left out, before and after what was strange. */
const MARGIN = 10;

export class SeriesCollector {
  #channels: readonly string[] | undefined;
  readonly #devices = new Map<string, Rows>();
  #count = 0;
  /** Rows that were passed over: no numbers, or not later than the one before. */
  skipped = 0;

  /** @param channels in the order of a row's numbers; undefined: those of the first reading */
  constructor(channels: readonly string[] | undefined) {
    this.#channels = channels;
  }

  /** @throws RequestInvalidError when there is more than fits into memory */
  add(
    device: string,
    timeMs: number,
    values: Readonly<Record<string, number | null | undefined>>,
    isStrange = false,
  ): void {
    this.#channels ??= Object.keys(values);
    const channels = this.#channels;
    let rows = this.#devices.get(device);
    if (rows === undefined) {
      rows = { timesMs: [], values: [], isStrange: [] };
      this.#devices.set(device, rows);
    }
    if (timeMs <= (rows.timesMs.at(-1) ?? -Infinity) || channels.every((name) => typeof values[name] !== 'number')) {
      this.skipped++;
      return;
    }
    this.#count += channels.length;
    if (this.#count > MOST_VALUES) {
      throw new RequestInvalidError(
        `a training takes at most ${MOST_VALUES} values: choose devices, channels or a time`,
      );
    }
    rows.timesMs.push(timeMs);
    rows.isStrange.push(isStrange);
    for (const name of channels) rows.values.push(values[name] ?? NaN);
  }

  get channels(): readonly string[] {
    return this.#channels ?? [];
  }

  series(): TrainingSeries[] {
    return [...this.#devices].map(([device, { timesMs, values, isStrange }]) => ({
      device,
      timesMs: Float64Array.from(timesMs),
      values: Float64Array.from(values),
      excluded: strangeSpans(isStrange),
    }));
  }
}

/** Runs of strange rows, with a margin. */
function strangeSpans(isStrange: readonly boolean[]): [number, number][] {
  const spans: [number, number][] = [];
  isStrange.forEach((strange, row) => {
    if (!strange) return;
    const [first, last] = [Math.max(0, row - MARGIN), Math.min(isStrange.length - 1, row + MARGIN)];
    const before = spans.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = last;
    else spans.push([first, last]);
  });
  return spans;
}
