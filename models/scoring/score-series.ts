/** Scores for rows that belong to no device: what `POST /predict` answers. */
import { DETECTORS } from '../detectors/index.js';
import type { FrameView } from '../detectors/detector.js';
import { RequestInvalidError } from '../errors.js';
import { USUAL_ACQUAINTANCE, type Acquaintance } from '../detectors/autoencoder.js';
import type { Artifact } from '../neural/artifact.js';
import type { DetectorChoice } from '../profiles/detection-profile.js';
import { Ensemble } from './ensemble.js';
import type { ModelForChannels } from './panel.js';

export interface SeriesScore {
  /** In [0, 1), high while a fault lasts. */
  readonly score: number;
  readonly isAnomaly: boolean;
  readonly threshold: number;
}

export interface SeriesOptions {
  /** Rows that are taken as context before a row can be an anomaly; at most a third of the rows. */
  readonly windowSize: number;
  /**
   * `ensemble`: all that this release has; `streaming`: the detectors that look at each row as it comes; `autoencoder`: a trained
   * model alone; or the name of one detector.
   */
  readonly method: string;
  /** For the method `autoencoder`; the rows' numbers are its channels, in its order. */
  readonly model?: Artifact | undefined;
}

/** One row in two thousand of an ordinary series is called an anomaly. */
const ROWS_A_FALSE_ALARM = 2_000;
const WEEK_MS = 604_800_000;
const LEAST_WARM_UP = 5;

/** The method that asks a trained model. */
export const AUTOENCODER = 'autoencoder';

/**
 * Scores rows as if they came one after the other, a step apart, to a device that was never seen before: no row sees those
 * after it.
 *
 * @param rows numbers, equally many in each row, at least one; NaN: no value
 * @returns one score a row
 * @throws RequestInvalidError for rows of unequal length or an unknown method
 *
 * @example
 * scoreSeries([[1], [1.1], [0.9], [1], [1.1], [1], [0.9], [1], [50]], { windowSize: 5, method: 'ensemble' }).at(-1)?.isAnomaly; // true
 */
export function scoreSeries(rows: readonly (readonly number[])[], options: SeriesOptions): SeriesScore[] {
  return [...scoreSeriesSlices(rows, options, Infinity)].flat();
}

/**
 * As `scoreSeries`, some rows at a time: whoever has other work does it in between.
 *
 * @param sliceValues numbers of a slice, rows by channels, about; a slice has at least one row
 */
export function* scoreSeriesSlices(
  rows: readonly (readonly number[])[],
  options: SeriesOptions,
  sliceValues: number,
): Generator<SeriesScore[], void> {
  const detectors = choices(options.method);
  const model = options.method === AUTOENCODER ? modelFor(options.model, rows) : undefined;
  const channels = rows[0]?.length ?? 0;
  const uneven = rows.findIndex((row) => row.length !== channels || row.length === 0);
  if (uneven >= 0) {
    throw new RequestInvalidError(
      `every row must have ${Math.max(1, channels)} numbers like the first, got ${rows[uneven]!.length} in row ${uneven}`,
    );
  }
  if (rows.length === 0) return;
  const ensemble = new Ensemble(
    {
      ensemble: 'standard',
      without: [],
      detectors,
      warmUpFrames: Math.max(LEAST_WARM_UP, Math.min(options.windowSize, Math.floor(rows.length / 3))),
      falseAlarmsPerWeek: 1,
      patienceFrames: Math.max(10, 2 * options.windowSize),
    },
    channels,
    model,
  );
  const state = ensemble.createState();
  const frame: FrameView = {
    values: new Float64Array(channels),
    imputed: new Uint8Array(channels),
    // Rows have no time of day, only an order.
    timeMs: NaN,
    stepMs: WEEK_MS / ROWS_A_FALSE_ALARM,
    gapSteps: 0,
  };
  const sliceRows = Math.max(1, Math.floor(sliceValues / channels));
  for (let from = 0; from < rows.length; from += sliceRows) {
    yield rows.slice(from, from + sliceRows).map((row) => {
      frame.values.set(row);
      ensemble.step(state, frame, true);
      const { score, threshold, isReady } = ensemble.result;
      return { score, threshold, isAnomaly: isReady && score >= threshold };
    });
  }
}

/** Methods that `scoreSeries` knows. */
export function seriesMethods(): string[] {
  return ['ensemble', 'streaming', AUTOENCODER, ...DETECTORS.map(({ name }) => name)];
}

/** @throws RequestInvalidError when there is no model, or one of another number of channels */
function modelFor(artifact: Artifact | undefined, rows: readonly (readonly number[])[]): ModelForChannels {
  const width = rows[0]?.length ?? 0;
  if (artifact?.header.channels.length === width) {
    return { artifact, channels: artifact.header.channels, acquaintance: acquaintanceFor(rows.length), isAlone: true };
  }
  throw new RequestInvalidError(
    `method autoencoder needs a trained model in force for ${width} columns, and there is none: train one (redshank train) and promote it`,
  );
}

/** A third of few rows shows where their device is, and half as many what its errors are. */
function acquaintanceFor(rows: number): Acquaintance {
  const { ownFrames, levelFrames } = USUAL_ACQUAINTANCE;
  return {
    ownFrames: Math.max(1, Math.min(ownFrames, Math.floor(rows / 3))),
    levelFrames: Math.min(levelFrames, Math.floor(rows / 6)),
  };
}

/** The detectors of a method; none stands for the standard ensemble, which has only streaming ones. */
function choices(method: string): DetectorChoice[] {
  requireMethod(method);
  return DETECTORS.some(({ name }) => name === method) ? [{ name: method, settings: {} }] : [];
}

/** @throws RequestInvalidError that lists the methods there are */
export function requireMethod(method: string): void {
  if (seriesMethods().includes(method)) return;
  throw new RequestInvalidError(
    `method must be one of ${seriesMethods().join(', ')}, got ${JSON.stringify(method.slice(0, 64))}`,
  );
}
