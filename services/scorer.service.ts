/** Detection: turns frames into scores, answers predictions and explains. */
import { setImmediate } from 'node:timers/promises';
import { Type } from '@sinclair/typebox';
import type { Context, Service, ServiceSchema } from 'moleculer';
import { action, type ActionPolicy } from '../mixins/bus/action-policy.js';
import { checkParams } from '../mixins/params.js';
import { stageMixin } from '../mixins/stage.mixin.js';
import { MAX_READING_CHANNELS } from '../models/domain/reading-parser.js';
import { ScoreBatch } from '../models/domain/score-batch.js';
import { scoreView, type ScoreView } from '../models/domain/score-view.js';
import { scoreSeriesSlices, type SeriesScore } from '../models/scoring/score-series.js';
import {
  detectEntire,
  detectLast,
  MAX_DETECT_POINTS,
  MIN_DETECT_POINTS,
  type SeriesVerdict,
} from '../models/series/detect-series.js';
import { GRANULARITIES, IMPUTE_MODES } from '../models/series/regular-grid.js';
import { MAX_JOB_SERIES, MAX_PREDICT_ROWS, MAX_PREDICT_WINDOW, MIN_PREDICT_WINDOW } from '../models/settings.js';
import { createScoringStage } from '../models/stages/scoring.js';
import { LOOK_FAR } from './action-policies.js';
import { ModelShelf } from './model-shelf.js';
import type { NodeContext } from './node-context.js';
import { predictSeries, SLICE_VALUES } from './scorer/predict-series.js';
import { explainDevice, type Explanation } from './scorer/explain-device.js';
import { liveScores, LiveScoresWatch, WATCH_TTL_MS } from './scorer/live-scores.js';
import { createScorerMetrics, countOutcomes } from './scorer/scorer-metrics.js';
import { stageHostOptions } from './stage-host-options.js';

export const PredictParams = Type.Object({
  data: Type.Array(
    Type.Array(Type.Union([Type.Number(), Type.Null()]), { minItems: 1, maxItems: MAX_READING_CHANNELS }),
    {
      minItems: 1,
      maxItems: MAX_PREDICT_ROWS,
    },
  ),
  windowSize: Type.Integer({ minimum: MIN_PREDICT_WINDOW, maximum: MAX_PREDICT_WINDOW }),
  method: Type.String({ maxLength: 64 }),
  /** Version of the trained model that the method `autoencoder` asks. */
  model: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
});

const PredictSeriesParams = Type.Object({
  tenant: Type.String({ minLength: 1, maxLength: 63 }),
  job: Type.String({ pattern: '^[A-Za-z0-9_-]{22}$' }),
  index: Type.Integer({ minimum: 0, maximum: MAX_JOB_SERIES }),
  windowSize: Type.Integer({ minimum: MIN_PREDICT_WINDOW, maximum: MAX_PREDICT_WINDOW }),
  method: Type.String({ maxLength: 64 }),
  model: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
});

const words = <const T extends string>(choices: readonly T[]) => Type.Union(choices.map((one) => Type.Literal(one)));

export const DetectParams = Type.Object({
  mode: words(['entire', 'last']),
  timesMs: Type.Optional(Type.Array(Type.Number(), { maxItems: MAX_DETECT_POINTS })),
  values: Type.Array(Type.Number(), { minItems: MIN_DETECT_POINTS, maxItems: MAX_DETECT_POINTS }),
  granularity: words(GRANULARITIES),
  interval: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
  imputeMode: words(IMPUTE_MODES),
  imputeFixedValue: Type.Number(),
  period: Type.Integer({ minimum: 0, maximum: MAX_DETECT_POINTS }),
  maxAnomalyRatio: Type.Number({ minimum: 0, maximum: 0.5 }),
  sensitivity: Type.Number({ minimum: 0, maximum: 99 }),
});

/** One at a time: it is all computation. A long one of 100,000 rows takes some 5 s. */
const PREDICT: ActionPolicy = { isIdempotent: true, timeoutMs: 30_000, mostConcurrent: 1, mostQueued: 16 };

export const DeviceParams = Type.Object({ tenant: Type.String(), device: Type.String({ maxLength: 128 }) });

/** A page of scores must fit into one message of NATS, 1 MB by default. */
const MOST_ROWS = 500;
const DEFAULT_ROWS = 100;

export const ScoresParams = Type.Composite([
  DeviceParams,
  Type.Object({
    fromMs: Type.Optional(Type.Number()),
    toMs: Type.Optional(Type.Number()),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST_ROWS })),
    cursor: Type.Optional(Type.String({ maxLength: 512 })),
  }),
]);

/** Answer of `scorer.predict`: one score a row. */
export interface Prediction {
  readonly scores: readonly SeriesScore[];
}

/** Answer of `scorer.scores`. */
export interface ScoreList {
  /** By event time, oldest first. */
  readonly scores: readonly ScoreView[];
  /** Give it back as `cursor` for the rows after these; undefined at the end, and always without `fromMs`. */
  readonly next: string | undefined;
  /** True where older rows are missing because the log did not answer; only without `fromMs`. */
  readonly isOlderUnread?: boolean;
}

/** Answer of `scorer.watch`. */
export interface Watch {
  /** For so long `score.computed` is sent, in ms. Ask again well before. */
  readonly forMs: number;
}

export function scorerService(node: NodeContext): ServiceSchema {
  const { storage, clock } = node;
  const { readSide } = storage;
  const metrics = createScorerMetrics(node.metrics.registry);
  const watch = new LiveScoresWatch();
  const shelf = new ModelShelf(storage.models);
  let tellWatchers: (batch: ScoreBatch) => void = () => undefined;

  const { mixin } = stageMixin({
    ...stageHostOptions(node),
    stage: createScoringStage(shelf),
    projection: {
      topic: 'scores',
      position: (partition) => readSide.position('scores', partition),
      write: (partition, sequence, batch, after) => readSide.writeScores(partition, sequence, batch, after),
      forget: () => readSide.forget(),
      decode: (bytes) => ScoreBatch.decode(bytes),
    },
    onCommitted: (batch) => {
      countOutcomes(metrics, batch, clock.wallMs());
      if (watch.isWatched(clock.monotonicMs())) tellWatchers(batch);
    },
  });

  return {
    name: 'scorer',
    mixins: [mixin],
    actions: {
      /** Scores rows that belong to no device, as if they came one after the other. */
      predict: action({ ...PREDICT, publicFor: 'predict' }, async (ctx: Context): Promise<Prediction> => {
        const { data, windowSize, method, model: version } = checkParams(PredictParams, ctx.params);
        const rows = data.map((row) => row.map((value) => value ?? NaN));
        const model = version === undefined ? undefined : await shelf.fetch(version);
        const scores: SeriesScore[] = [];
        for (const slice of scoreSeriesSlices(rows, { windowSize, method, model }, SLICE_VALUES)) {
          scores.push(...slice);
          await setImmediate();
        }
        return { scores };
      }),
      /** Scores one series of a job, whose rows lie on the read side, and leaves the result there. */
      predictSeries: action(PREDICT, async (ctx: Context): Promise<void> => {
        const params = checkParams(PredictSeriesParams, ctx.params);
        await predictSeries(readSide, shelf, params, clock.wallMs());
      }),
      /** Anomalies of a whole series of one channel, or of its last point. */
      detect: action({ ...PREDICT, publicFor: 'predict' }, (ctx: Context): SeriesVerdict => {
        const { mode, ...series } = checkParams(DetectParams, ctx.params);
        return mode === 'entire' ? detectEntire(series) : detectLast(series);
      }),
      /** The device's latest strange scores, in words and numbers. */
      explain: action(LOOK_FAR, (ctx: Context): Promise<Explanation> => {
        const { tenant, device } = checkParams(DeviceParams, ctx.params);
        return explainDevice(readSide, tenant, device, clock.wallMs());
      }),
      /** What became of the device's readings: the latest rows, or those from `fromMs` on. */
      scores: action(LOOK_FAR, async (ctx: Context): Promise<ScoreList> => {
        const { tenant, device, limit, ...range } = checkParams(ScoresParams, ctx.params);
        const query = { ...range, limit: limit ?? DEFAULT_ROWS };
        const { batch, ...page } = await readSide.scores(tenant, device, query);
        return { scores: Array.from({ length: batch.length }, (_, row) => scoreView(batch, row)), ...page };
      }),
      /** For services that may not send events: somebody wants `score.computed`, which tells of all tenants. */
      watch: action(
        { publicFor: 'read-cluster', isIdempotent: true, timeoutMs: 4_000 },
        async function (ctx): Promise<Watch> {
          await ctx.broadcast('live.watched');
          return { forMs: WATCH_TTL_MS };
        },
      ),
    },
    events: {
      /** A live view is open somewhere. */
      'live.watched': () => watch.watched(clock.monotonicMs()),
    },
    created(this: Service) {
      tellWatchers = (batch) => {
        for (const live of liveScores(batch)) {
          this.broker.broadcast('score.computed', live).catch((error: unknown) => {
            node.logger.debug({ err: error }, 'live scores were not told');
          });
        }
      };
    },
  };
}
