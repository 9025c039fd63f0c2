/**
 * One recorded series through the three stages, as the services run them: in order, without looking ahead.
 *
 * The arrival time of every chunk is the end of the calendar. So nothing is `future`, and the device is never live: as when the
 * same file is sent to a running server long after it was recorded, silence is not raised.
 */
import { ReadingBatch } from '../domain/reading-batch.js';
import { DEFAULT_TENANT, deviceKey, PARTITION_SCOPE_KEY, type DeviceKey } from '../domain/identity.js';
import { OutcomeCode } from '../domain/outcome.js';
import { ScoreBatch, ScoreKind } from '../domain/score-batch.js';
import { END_TIME_MS } from '../domain/timestamp.js';
import { NO_MODELS, type LoadedModels } from '../neural/loaded-models.js';
import { DEFAULT_PROFILE, profileVersion, type ProfileDefinition } from '../profiles/profile.js';
import { alertingStage } from '../stages/alerting.js';
import { createScoringStage, type ScoringStage, type ScoringState } from '../stages/scoring.js';
import { windowStage } from '../stages/window.js';

/** What became of one row. */
export interface ScoredRow {
  /** In [0, 1]; for a row that was not scored the score of the row before it, 0 at the beginning. */
  readonly score: number;
  /** In [0, 1]; 0 for a row that was not scored. */
  readonly event: number;
  /** 1 while an alert is open. */
  readonly alert: 0 | 1;
}

/**
 * Told of each row that was scored, in order of time, with what `ScoredRow` leaves out: threshold, values, bands, reasons.
 *
 * @param row its number from 0, over all rows that were added
 * @param scores holds it only during the call
 * @param index of the record
 */
export type WatchRow = (row: number, scores: ScoreBatch, index: number) => void;

export interface SeriesRunOptions {
  /** A device id. */
  readonly device: string;
  /** 1 to 256 channel names, in the order of the values of each row. */
  readonly channels: readonly string[];
  /** Definition that takes the place of the standard profile. Default: none. */
  readonly profile?: ProfileDefinition;
  /** Trained models that the profile may name. Default: none. */
  readonly models?: LoadedModels;
  /** Default: nobody watches. */
  readonly watch?: WatchRow;
}

const ARRIVAL_MS = END_TIME_MS - 1;
/** Longer than any profile lets readings wait. */
const AFTERWARDS_MS = 7 * 86_400_000;

/** State of a row that has not been handed out yet. */
const Row = { waiting: 0, held: 1, scored: 2 } as const;

export class SeriesRun {
  readonly #device: DeviceKey;
  readonly #channels: readonly string[];
  readonly #watch: WatchRow | undefined;
  readonly #window = windowStage.createState();
  readonly #scoringStage: ScoringStage;
  readonly #scorer: ScoringState;
  readonly #alerting = alertingStage.createState();
  readonly #readings = ReadingBatch.create();
  readonly #frames = windowStage.createOutput();
  readonly #scores = ScoreBatch.create();
  readonly #alerts = alertingStage.createOutput();
  readonly #openAlerts = new Set<string>();

  /** Rows from `#firstRow` on that are not handed out, in input order. */
  #rows: { state: number; score: number; event: number; alert: 0 | 1 }[] = [];
  #firstRow = 0;
  /** Event time → rows of that time that wait for their frame, in input order. Bounded by what the window stage keeps. */
  readonly #waiting = new Map<number, number[]>();
  #lastScore = 0;

  constructor({ device, channels, profile, models = NO_MODELS, watch }: SeriesRunOptions) {
    this.#scoringStage = createScoringStage(models);
    this.#scorer = this.#scoringStage.createState();
    this.#device = deviceKey(DEFAULT_TENANT, device);
    this.#channels = channels;
    this.#watch = watch;
    this.#readings.receivedMs = ARRIVAL_MS;
    if (profile !== undefined) {
      const version = profileVersion(profile);
      const command = {
        type: 'profile.activate',
        profile: DEFAULT_PROFILE,
        version,
        definition: profile,
        by: 'backtest',
      } as const;
      this.#readings.addCommand(PARTITION_SCOPE_KEY, 0, command);
      this.#flow(-1);
    }
  }

  /**
   * Takes the next row.
   *
   * @param timeMs Unix ms of the row.
   * @param values one a channel; NaN where the row has none.
   */
  add(timeMs: number, values: ArrayLike<number>): void {
    const row = this.#newRow();
    const waiting = this.#waiting.get(timeMs);
    if (waiting === undefined) this.#waiting.set(timeMs, [row]);
    else waiting.push(row);
    this.#readings.addReading(this.#device, timeMs, this.#channels, values);
    this.#flow(row);
  }

  /** Takes a row that is no reading (its time or a value cannot be read): the door would have refused it. */
  addInvalid(): void {
    this.#rows[this.#newRow() - this.#firstRow]!.state = Row.held;
  }

  /** Lets everything that still waits for other readings go. Call it after the last row. */
  finish(): void {
    windowStage.advance(this.#window, ARRIVAL_MS + AFTERWARDS_MS, this.#frames);
    this.#flowFrames(-1);
    for (const row of this.#rows) if (row.state === Row.waiting) row.state = Row.held;
    this.#waiting.clear();
  }

  /** Hands out the rows that are decided, in input order, each once. */
  take(): ScoredRow[] {
    const taken: ScoredRow[] = [];
    for (const row of this.#rows) {
      if (row.state === Row.waiting) break;
      if (row.state === Row.scored) this.#lastScore = row.score;
      taken.push({ score: this.#lastScore, event: row.event, alert: row.alert });
    }
    this.#rows = this.#rows.slice(taken.length);
    this.#firstRow += taken.length;
    return taken;
  }

  #newRow(): number {
    this.#rows.push({ state: Row.waiting, score: 0, event: 0, alert: this.#alert() });
    return this.#firstRow + this.#rows.length - 1;
  }

  /** @param row number of the row that the readings are; -1 for none. */
  #flow(row: number): void {
    for (let i = 0; i < this.#readings.length; i++) windowStage.step(this.#window, this.#readings, i, this.#frames);
    this.#readings.clear();
    this.#flowFrames(row);
  }

  #flowFrames(row: number): void {
    for (let i = 0; i < this.#frames.length; i++) this.#scoringStage.step(this.#scorer, this.#frames, i, this.#scores);
    this.#frames.clear();
    for (let i = 0; i < this.#scores.length; i++) {
      alertingStage.step(this.#alerting, this.#scores, i, this.#alerts);
      for (const { change, alert } of this.#alerts.changes) {
        if (change === 'raised') this.#openAlerts.add(alert.id);
        else if (alert.status === 'resolved') this.#openAlerts.delete(alert.id);
      }
      this.#alerts.clear();
      this.#decide(i, row);
    }
    this.#scores.clear();
  }

  /** Gives score `i` to its row: a refused reading is the row just added, a frame the oldest row of its time. */
  #decide(i: number, row: number): void {
    const { kind, outcome, timeMs, score, event } = this.#scores;
    const isScored = kind.data[i] === ScoreKind.score && outcome.data[i] === OutcomeCode.scored;
    if (!isScored && kind.data[i] !== ScoreKind.refused) return;
    const time = timeMs.data[i]!;
    const waiting = this.#waiting.get(time);
    if (waiting === undefined) return;
    const own = isScored ? 0 : waiting.includes(row) ? waiting.indexOf(row) : waiting.length - 1;
    const [number] = waiting.splice(own, 1);
    if (waiting.length === 0) this.#waiting.delete(time);
    const decided = this.#rows[number! - this.#firstRow]!;
    decided.state = isScored ? Row.scored : Row.held;
    decided.alert = this.#alert();
    if (!isScored) return;
    decided.score = finite(score.data[i]!);
    decided.event = finite(event.data[i]!);
    this.#watch?.(number!, this.#scores, i);
  }

  #alert(): 0 | 1 {
    return this.#openAlerts.size > 0 ? 1 : 0;
  }
}

const finite = (value: number): number => (Number.isFinite(value) ? value : 0);
