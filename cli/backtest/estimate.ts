/** What a device costs: bytes of state, and time a row, measured here and now with the very stages that the services run. */
import { DEFAULT_TENANT, deviceKey, PARTITION_SCOPE_KEY } from '../../models/domain/identity.js';
import { ReadingBatch } from '../../models/domain/reading-batch.js';
import { END_TIME_MS } from '../../models/domain/timestamp.js';
import { ScoreBatch } from '../../models/domain/score-batch.js';
import type { Artifact } from '../../models/neural/artifact.js';
import { DEFAULT_PROFILE, profileVersion, type ProfileDefinition } from '../../models/profiles/profile.js';
import { SeededRandom } from '../../models/simulator/random.js';
import { alertingStage } from '../../models/stages/alerting.js';
import { createScoringStage, type ScoringStage, type ScoringState } from '../../models/stages/scoring.js';
import { windowStage } from '../../models/stages/window.js';

export interface Estimate {
  readonly channels: number;
  /** Bytes that a device adds to the snapshots of the three stages: what its state is, without the overhead of the heap. */
  readonly stateBytes: number;
  /** Of these, what the detectors and their calibration keep. */
  readonly scoringBytes: number;
  /** CPU time, µs a row, median over blocks of rows: the scoring stage alone. What else the machine does hardly counts. */
  readonly scoringMicros: number;
  /** The same for all three stages. */
  readonly totalMicros: number;
}

const STEP_MS = 60_000;
const BLOCK_ROWS = 100;
/** Longer than a compiler needs, and than most detectors need until they do all their work. */
const WARM_BLOCKS = 40;
const MEASURED_BLOCKS = 150;
/** Two fleets: the difference is what devices cost, without what a partition has anyway. */
const FLEETS = [2, 10] as const;
const FLEET_ROWS = 600;

/**
 * @param profile undefined: the standard profile
 * @param channels 1 to 256; those of the model, if there is one
 * @param model that the profile names
 */
export function estimate(profile: ProfileDefinition | undefined, channels: number, model?: Artifact): Estimate {
  const [few, many] = FLEETS.map((devices) => {
    const fleet = new Fleet(profile, channels, devices, model);
    for (let row = 0; row < FLEET_ROWS; row += BLOCK_ROWS) fleet.run(BLOCK_ROWS);
    return fleet.snapshotBytes();
  });
  const devices = FLEETS[1] - FLEETS[0];
  const scoringBytes = Math.round((many!.scoring - few!.scoring) / devices);
  const others = Math.round((many!.others - few!.others) / devices);

  const one = new Fleet(profile, channels, 1, model);
  for (let block = 0; block < WARM_BLOCKS; block++) one.run(BLOCK_ROWS);
  const blocks = Array.from({ length: MEASURED_BLOCKS }, () => one.run(BLOCK_ROWS));
  return {
    channels,
    stateBytes: scoringBytes + others,
    scoringBytes,
    scoringMicros: median(blocks.map(({ scoringMicros }) => scoringMicros)) / BLOCK_ROWS,
    totalMicros: median(blocks.map(({ totalMicros }) => totalMicros)) / BLOCK_ROWS,
  };
}

/** Devices with ordinary readings: a slow wave and noise in each channel. */
class Fleet {
  readonly #window = windowStage.createState();
  readonly #scoringStage: ScoringStage;
  readonly #scorer: ScoringState;
  readonly #alerting = alertingStage.createState();
  readonly #readings = ReadingBatch.create();
  readonly #frames = windowStage.createOutput();
  readonly #scores = ScoreBatch.create();
  readonly #alerts = alertingStage.createOutput();
  readonly #random = new SeededRandom(1, 'estimate');
  readonly #devices;
  readonly #channels: readonly string[];
  readonly #values: Float64Array;
  #row = 0;

  constructor(profile: ProfileDefinition | undefined, channels: number, devices: number, model: Artifact | undefined) {
    this.#scoringStage = createScoringStage(new Map(model === undefined ? [] : [[model.version, model]]));
    this.#scorer = this.#scoringStage.createState();
    this.#channels = model?.header.channels ?? Array.from({ length: channels }, (_, c) => `channel-${c}`);
    this.#values = new Float64Array(channels);
    this.#devices = Array.from({ length: devices }, (_, d) => deviceKey(DEFAULT_TENANT, `device-${d}`));
    this.#readings.receivedMs = END_TIME_MS - 1;
    if (profile === undefined) return;
    this.#readings.addCommand(PARTITION_SCOPE_KEY, 0, {
      type: 'profile.activate',
      profile: DEFAULT_PROFILE,
      version: profileVersion(profile),
      definition: profile,
      by: 'backtest',
    });
    this.#flow();
  }

  /** Feeds `rows` readings of each device. */
  run(rows: number): { scoringMicros: number; totalMicros: number } {
    for (let r = 0; r < rows; r++, this.#row++) {
      for (const device of this.#devices) {
        for (let c = 0; c < this.#values.length; c++) {
          this.#values[c] = 20 + Math.sin(this.#row / 50 + c) + 0.2 * this.#random.normal();
        }
        this.#readings.addReading(device, this.#row * STEP_MS, this.#channels, this.#values);
      }
    }
    return this.#flow();
  }

  snapshotBytes(): { scoring: number; others: number } {
    return {
      scoring: this.#scoringStage.snapshot(this.#scorer).length,
      others: windowStage.snapshot(this.#window).length + alertingStage.snapshot(this.#alerting).length,
    };
  }

  #flow(): { scoringMicros: number; totalMicros: number } {
    const start = cpuMicros();
    for (let i = 0; i < this.#readings.length; i++) windowStage.step(this.#window, this.#readings, i, this.#frames);
    const scoringFrom = cpuMicros();
    for (let i = 0; i < this.#frames.length; i++) this.#scoringStage.step(this.#scorer, this.#frames, i, this.#scores);
    const scoringTo = cpuMicros();
    for (let i = 0; i < this.#scores.length; i++) alertingStage.step(this.#alerting, this.#scores, i, this.#alerts);
    const end = cpuMicros();
    this.#readings.clear();
    this.#frames.clear();
    this.#scores.clear();
    this.#alerts.clear();
    return { scoringMicros: scoringTo - scoringFrom, totalMicros: end - start };
  }
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
