/** What a picture of a scored series shows, gathered while it is scored: bounded memory, however long it is. */
import { Phase, type ScoreBatch } from '../domain/score-batch.js';
import { ThinnedLine, type LinePoints } from './thinned-line.js';

export interface SeriesPicture {
  /** The channels that were strangest, the strangest first. */
  readonly channels: readonly {
    readonly name: string;
    /** Value, NaN where it was not measured; companions: expected, lower and upper of the band. In the channel's unit. */
    readonly line: LinePoints;
  }[];
  /** How many there are, with those not shown. */
  readonly channelCount: number;
  /** Value: the score; companion: the threshold. Both in [0, 1]. */
  readonly score: LinePoints;
  /** Largest score, in thresholds of its time, of rows that could be an anomaly; 0 when there was none. */
  readonly peak: number;
  /** Unix ms of that row; NaN when there was none. */
  readonly peakMs: number;
}

/** Twice as many points fill a screen; fewer keep a report of 60 series at a few MB. */
const STRETCHES = 200;
const MOST_CHANNELS = 3;
/** Rows at this share of the threshold tell which channels are strange, also where none is an anomaly. */
const TELLING_SHARE = 0.8;
const NO_PEAK = { peak: 0, peakMs: NaN };

export class PictureCollector {
  readonly #names: readonly string[];
  readonly #lines: readonly ThinnedLine[];
  readonly #score = new ThinnedLine(STRETCHES, 1);
  /** Sum of contributions in telling rows, a channel. */
  readonly #strangeness: Float64Array;
  readonly #bands: ArrayLike<number>[] = [];
  readonly #threshold: ArrayLike<number>[] = [];
  #highest = NO_PEAK;

  /** @param names of the channels, in the order of the rows' values. */
  constructor(names: readonly string[]) {
    this.#names = names;
    this.#lines = names.map(() => new ThinnedLine(STRETCHES, 3));
    this.#strangeness = new Float64Array(names.length);
  }

  /** Takes a scored row; see `WatchRow`. Channels that the device has and the series has not are left out. */
  add(scores: ScoreBatch, i: number): void {
    const timeMs = scores.timeMs.data[i]!;
    const score = scores.score.data[i]!;
    const threshold = scores.threshold.data[i]!;
    this.#threshold[0] = scores.threshold.data;
    this.#score.add(timeMs, score, this.#threshold, i);
    const share = score / threshold;
    const isReady = scores.phase.data[i] === Phase.ready;
    if (isReady && share > this.#highest.peak) this.#highest = { peak: share, peakMs: timeMs };

    this.#bands[0] = scores.expected.data;
    this.#bands[1] = scores.lower.data;
    this.#bands[2] = scores.upper.data;
    const channels = scores.channels(i);
    const start = scores.start(i);
    const isTelling = isReady && share >= TELLING_SHARE;
    for (let k = 0; k < channels.length; k++) {
      const c = channels[k] === this.#names[k] ? k : this.#names.indexOf(channels[k]!);
      if (c < 0) continue;
      const value = scores.imputed.data[start + k] === 1 ? NaN : scores.actual.data[start + k]!;
      this.#lines[c]!.add(timeMs, value, this.#bands, start + k);
      if (isTelling) this.#strangeness[c]! += scores.contribution.data[start + k]! * score;
    }
  }

  picture(): SeriesPicture {
    const shown = [...this.#names.keys()]
      .sort((a, b) => this.#strangeness[b]! - this.#strangeness[a]!)
      .slice(0, MOST_CHANNELS);
    return {
      channels: shown.map((c) => ({ name: this.#names[c]!, line: this.#lines[c]!.points() })),
      channelCount: this.#names.length,
      score: this.#score.points(),
      ...this.#highest,
    };
  }
}
