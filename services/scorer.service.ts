/** Detection: turns frames into scores, answers predictions and explains. */
import { Type } from '@sinclair/typebox';
import type { Context, Service, ServiceSchema } from 'moleculer';
import { checkParams } from '../mixins/params.js';
import { stageMixin } from '../mixins/stage.mixin.js';
import { MAX_READING_CHANNELS } from '../models/domain/reading-parser.js';
import { ScoreBatch } from '../models/domain/score-batch.js';
import { scoreSeries, type SeriesScore } from '../models/scoring/score-series.js';
import { MAX_PREDICT_ROWS, MAX_PREDICT_WINDOW, MIN_PREDICT_WINDOW } from '../models/settings.js';
import { scoringStage } from '../models/stages/scoring.js';
import type { NodeContext } from './node-context.js';
import { explainDevice, type Explanation } from './scorer/explain-device.js';
import { liveScores, LiveScoresWatch } from './scorer/live-scores.js';
import { createScorerMetrics, countOutcomes } from './scorer/scorer-metrics.js';
import { stageHostOptions } from './stage-host-options.js';

const PredictParams = Type.Object({
  data: Type.Array(
    Type.Array(Type.Union([Type.Number(), Type.Null()]), { minItems: 1, maxItems: MAX_READING_CHANNELS }),
    {
      minItems: 1,
      maxItems: MAX_PREDICT_ROWS,
    },
  ),
  windowSize: Type.Integer({ minimum: MIN_PREDICT_WINDOW, maximum: MAX_PREDICT_WINDOW }),
  method: Type.String({ maxLength: 64 }),
});

const DeviceParams = Type.Object({ tenant: Type.String(), device: Type.String() });

export function scorerService(node: NodeContext): ServiceSchema {
  const { storage, clock } = node;
  const { readSide } = storage;
  const metrics = createScorerMetrics(node.metrics.registry);
  const watch = new LiveScoresWatch();
  let tellWatchers: (batch: ScoreBatch) => void = () => undefined;

  return {
    name: 'scorer',
    mixins: [
      stageMixin({
        ...stageHostOptions(node),
        stage: scoringStage,
        projection: {
          topic: 'scores',
          position: (partition) => readSide.position('scores', partition),
          write: (partition, sequence, batch) => readSide.writeScores(partition, sequence, batch),
          decode: (bytes) => ScoreBatch.decode(bytes),
        },
        onCommitted: (batch) => {
          countOutcomes(metrics, batch, clock.wallMs());
          if (watch.isWatched(clock.monotonicMs())) tellWatchers(batch);
        },
      }),
    ],
    actions: {
      /** Scores rows that belong to no device, as if they came one after the other. */
      predict(ctx: Context): { scores: readonly SeriesScore[] } {
        const { data, windowSize, method } = checkParams(PredictParams, ctx.params);
        const rows = data.map((row) => row.map((value) => value ?? NaN));
        return { scores: scoreSeries(rows, { windowSize, method }) };
      },
      /** The device's latest strange scores, in words and numbers. */
      explain(ctx: Context): Promise<Explanation> {
        const { tenant, device } = checkParams(DeviceParams, ctx.params);
        return explainDevice(readSide, tenant, device, clock.wallMs());
      },
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
